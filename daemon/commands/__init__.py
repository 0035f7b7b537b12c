"""Every command that kioskd takes, and its reply. ``TicketTake`` is topic ``command/ticket/take``."""

from __future__ import annotations

from daemon.commands.base import MAX_PAYLOAD_BYTES, Command, Request
from daemon.commands.display import DisplayShow, ShownText
from daemon.commands.rating import RatingCancel, RatingOpen
from daemon.commands.reply import Refusal, Reply, Status
from daemon.commands.ticket import TicketFinish, TicketNext, TicketRecall, TicketReprint, TicketSkip, TicketTake

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "Command",
    "DisplayShow",
    "RatingCancel",
    "RatingOpen",
    "Refusal",
    "Reply",
    "Request",
    "ShownText",
    "Status",
    "TicketFinish",
    "TicketNext",
    "TicketRecall",
    "TicketReprint",
    "TicketSkip",
    "TicketTake",
    "command_types",
]


def command_types() -> dict[str, type[Command]]:
    """Every command by the last two levels of its topic."""
    return {f"{kind.NOUN}/{kind.VERB}": kind for kind in Command.__subclasses__()}

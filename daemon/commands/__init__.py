"""Every command that kioskd takes, and its reply. ``TicketTake`` is topic ``command/ticket/take``."""

from __future__ import annotations

from daemon.commands.alert import AlertAcknowledge
from daemon.commands.base import MAX_PAYLOAD_BYTES, Command, Request
from daemon.commands.counter import CounterClose, CounterOpen, CounterPause
from daemon.commands.display import DisplayShow, ShownText
from daemon.commands.events import EventsErase, EventsReplay
from daemon.commands.followup import FollowupClose
from daemon.commands.rating import RatingCancel, RatingOpen
from daemon.commands.readiness import ReadinessCheck
from daemon.commands.reply import Refusal, Reply, Status
from daemon.commands.slip import SlipPrint, SlipReprint
from daemon.commands.ticket import (
    TicketCall,
    TicketCancel,
    TicketFinish,
    TicketNext,
    TicketPrint,
    TicketRecall,
    TicketRegister,
    TicketReprint,
    TicketReturn,
    TicketSkip,
    TicketTake,
    TicketTransfer,
    TicketUncall,
)

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "AlertAcknowledge",
    "Command",
    "CounterClose",
    "CounterOpen",
    "CounterPause",
    "DisplayShow",
    "EventsErase",
    "EventsReplay",
    "FollowupClose",
    "RatingCancel",
    "RatingOpen",
    "ReadinessCheck",
    "Refusal",
    "Reply",
    "Request",
    "ShownText",
    "SlipPrint",
    "SlipReprint",
    "Status",
    "TicketCall",
    "TicketCancel",
    "TicketFinish",
    "TicketNext",
    "TicketPrint",
    "TicketRecall",
    "TicketRegister",
    "TicketReprint",
    "TicketReturn",
    "TicketSkip",
    "TicketTake",
    "TicketTransfer",
    "TicketUncall",
    "command_types",
]


def command_types() -> dict[str, type[Command]]:
    """Every command by the last two levels of its topic."""
    return {f"{kind.NOUN}/{kind.VERB}": kind for kind in Command.__subclasses__()}

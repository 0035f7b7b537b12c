"""Which commands make sense in which kind of queue: one that is kept here, or one that another system keeps."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.commands import (
    Command,
    Refusal,
    Request,
    TicketNext,
    TicketPrint,
    TicketRegister,
    TicketTake,
)
from daemon.hall.effects import Effect, Handler, Handlers
from daemon.refused import Refused
from daemon.settings.hall import QueueMode
from daemon.store.database import Transaction

ONLY_IN: Mapping[type[Command], QueueMode] = {
    TicketTake: "own",
    TicketNext: "own",
    TicketPrint: "external",
    TicketRegister: "external",
}
"""Whoever keeps the queue gives its numbers, and says who is next."""


def fitting(handlers: Handlers, mode: QueueMode) -> Handlers:
    """`handlers`, of which those that do not fit `mode` refuse their commands."""
    unfit = {kind: _refuse(kind, needed) for kind, needed in ONLY_IN.items() if needed != mode and kind in handlers}
    return {**handlers, **unfit}


def _refuse(kind: type[Command], needed: QueueMode) -> Handler:
    def refuse(_transaction: Transaction, _command: Command, _request: Request) -> Effect:
        raise Refused(Refusal.QUEUE_MODE, f"{kind.NOUN}/{kind.VERB} needs queue.mode = {needed!r}")

    return refuse

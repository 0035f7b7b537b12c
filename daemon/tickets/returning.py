"""How somebody who was put aside comes back: after so many calls of others, at the place in the queue of before."""

from __future__ import annotations

import json
from collections.abc import Sequence

from daemon.commands import Refusal
from daemon.events import TicketReturned
from daemon.refused import Refused
from daemon.settings import Queue
from daemon.store.database import Transaction
from daemon.tickets.record import COLUMNS, Ticket, TicketState, since, ticket_of

_SKIPPED = f"""
    SELECT {COLUMNS}, behind FROM ticket
    WHERE state = 'skipped' AND service IN (SELECT value FROM json_each(?)) ORDER BY +place
"""  # noqa: S608


def count_down(transaction: Transaction, services: Sequence[str]) -> None:
    """One more was called by a counter that serves `services`: who was skipped there comes back after so many."""
    for *row, behind in transaction.rows(_SKIPPED, json.dumps(services)):
        ticket = ticket_of(tuple(row))
        if behind > 1:
            transaction.write("UPDATE ticket SET behind = behind - 1 WHERE id = ?", ticket.id)
        else:
            _come_back(transaction, ticket)


def bring_back(transaction: Transaction, ticket: Ticket, queue: Queue) -> None:
    """An absent visitor is there after all, and waits again after `back_after` calls of others; raises Refused.

    At once, where another system keeps the queue.
    """
    if ticket.state is not TicketState.ABSENT:
        raise Refused(Refusal.NOT_ABSENT, f"ticket {ticket.id} is {ticket.state}")
    if ticket.issued_at <= since(transaction):
        raise Refused(Refusal.TICKET_OVER, f"ticket {ticket.id} is of a day that is over")
    if queue.mode == "external":
        _come_back(transaction, ticket)
        return
    transaction.write(
        "UPDATE ticket SET state = 'skipped', counter = NULL, called_at = NULL, ended_at = NULL, behind = ?"
        " WHERE id = ?",
        *(queue.back_after, ticket.id),
    )


def _come_back(transaction: Transaction, ticket: Ticket) -> None:
    transaction.write(
        "UPDATE ticket SET state = 'waiting', counter = NULL, called_at = NULL, ended_at = NULL, behind = 0"
        " WHERE id = ?",
        ticket.id,
    )
    transaction.emit(TicketReturned(ticket=ticket.id, number=ticket.number, service=ticket.service))

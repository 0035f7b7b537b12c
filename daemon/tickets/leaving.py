"""How a number leaves the counter that it was called to: served, put aside, or sent to another."""

from __future__ import annotations

from daemon.events import TicketFinished, TicketSkipped, TicketTransferred
from daemon.settings import Queue
from daemon.store.database import Transaction
from daemon.tickets.record import Ticket, TicketState, end, expect_present, passed_s


def finish(transaction: Transaction, counter: str) -> Ticket:
    """The service for the counter's present number is over."""
    ticket = expect_present(transaction, counter)
    end(transaction, ticket.id, TicketState.FINISHED)
    transaction.emit(TicketFinished(**_left(ticket, counter), served_s=_served_s(transaction, ticket)))
    return ticket


def skip(transaction: Transaction, counter: str, queue: Queue | None = None) -> Ticket:
    """The visitor did not come: the counter's present number is put aside.

    It is called again of itself after `back_after` others, `back_times` times at most; from then on it is absent, and
    so it is in a queue that another system keeps.
    """
    policy = queue or Queue()
    ticket = expect_present(transaction, counter)
    after = policy.back_after if policy.mode == "own" else 0
    times = policy.back_times if policy.mode == "own" else 0
    back = transaction.write(
        "UPDATE ticket SET state = 'skipped', counter = NULL, called_at = NULL, behind = ?, skips = skips + 1"
        " WHERE id = ? AND skips < ?",
        *(after, ticket.id, times),
    )
    if not back:
        end(transaction, ticket.id, TicketState.ABSENT)
    transaction.emit(TicketSkipped(**_left(ticket, counter), back_after=after if back else None))
    return ticket


def transfer(transaction: Transaction, counter: str, to_service: str, to_counter: str | None) -> Ticket:
    """Send the counter's present number on (rule 5: A art. 12; G 六.1): it waits at the place that it had."""
    ticket = expect_present(transaction, counter)
    transaction.write(
        "UPDATE ticket SET state = 'waiting', service = ?, only_counter = ?, counter = NULL, called_at = NULL"
        " WHERE id = ?",
        *(to_service, to_counter, ticket.id),
    )
    served_s = _served_s(transaction, ticket)
    to = {"to_service": to_service, "to_counter": to_counter}
    transaction.emit(TicketTransferred(**_left(ticket, counter), **to, served_s=served_s))
    return ticket


def _left(ticket: Ticket, counter: str) -> dict[str, str]:
    return {"ticket": ticket.id, "number": ticket.number, "service": ticket.service, "counter": counter}


def _served_s(transaction: Transaction, ticket: Ticket) -> float:
    return passed_s(ticket.called_at or ticket.issued_at, transaction.now.timestamp())

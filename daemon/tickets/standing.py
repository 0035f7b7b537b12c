"""How the queue stands: how many wait, how long, and before whom."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.commands import Refusal
from daemon.model import Priority
from daemon.refused import Refused
from daemon.store.database import Transaction
from daemon.tickets.record import PRIORITIES, Ticket, TicketState, find, passed_s, since


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How a service's queue stands."""

    waiting: int
    longest_wait_s: float | None


# by the few jobs that are open: an index of tickets that are being printed would cost two writes for each
_PRINTING = (
    "SELECT count(*) FROM ticket WHERE state = 'issued'"
    " AND id IN (SELECT ticket FROM print_job WHERE state IN ('queued', 'printing'))"
)

_VALID = (TicketState.ISSUED, TicketState.WAITING, TicketState.CALLED, TicketState.SKIPPED)


def figures(transaction: Transaction, service: str) -> QueueFigures:
    """How many wait for `service`, and how long the first of them has waited."""
    found = transaction.row(
        "SELECT count(*), min(issued_at) FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service = ?",
        *(since(transaction), service),
    )
    waiting, oldest = found or (0, None)
    longest_wait_s = None if oldest is None else passed_s(oldest, transaction.now.timestamp())
    return QueueFigures(waiting, longest_wait_s)


def bound(transaction: Transaction) -> dict[tuple[str, str], int]:
    """How many wait for a service, and for one counter alone that is not closed."""
    rows = transaction.rows(
        "SELECT service, only_counter, count(*) FROM ticket"
        " WHERE state = 'waiting' AND issued_at > ? AND only_counter NOT NULL"
        " AND only_counter NOT IN (SELECT counter FROM counter WHERE state = 'closed') GROUP BY service, only_counter",
        since(transaction),
    )
    return {(service, counter): count for service, counter, count in rows}


def waiting_before(transaction: Transaction, service: str, priority: Priority) -> int:
    """How many will be called before somebody of `priority` who comes for `service` now.

    They wait, or their slips are being printed.
    """
    values = service, PRIORITIES.index(priority)
    waiting = transaction.rows(
        "SELECT count(*) FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service = ? AND priority <= ?",
        *(since(transaction), *values),
    )[0][0]
    printing = transaction.rows(f"{_PRINTING} AND service = ? AND priority <= ?", *values)[0][0]
    return int(waiting + printing)


def ahead_of(transaction: Transaction, ticket: Ticket) -> int:
    """How many will be called before `ticket`."""
    if ticket.state is TicketState.CALLED:
        return 0
    rank = PRIORITIES.index(ticket.priority)
    earlier = "(priority < ? OR priority = ? AND place < (SELECT place FROM ticket WHERE id = ?))"
    values = ticket.service, rank, rank, ticket.id
    waiting = transaction.rows(
        f"SELECT count(*) FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service = ? AND {earlier}",  # noqa: S608
        *(since(transaction), *values),
    )[0][0]
    printing = transaction.rows(f"{_PRINTING} AND service = ? AND {earlier}", *values)[0][0]
    return int(waiting + printing)


def valid(transaction: Transaction, ticket_id: str) -> Ticket:
    """The ticket whose number somebody may still be called by; raises Refused."""
    ticket = known(transaction, ticket_id)
    if ticket.state not in _VALID:
        raise Refused(Refusal.TICKET_OVER, f"ticket {ticket_id} is {ticket.state}")
    return ticket


def known(transaction: Transaction, ticket_id: str) -> Ticket:
    """The ticket, whatever became of it; raises Refused."""
    ticket = find(transaction, ticket_id)
    if ticket is None:
        raise Refused(Refusal.UNKNOWN_TICKET, f"no ticket {ticket_id}; an id is like 20261121-A012")
    return ticket


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: who took a number by the wrong time, between `since` and `until`, and still waits
    for it or is being served, has not waited for years.
    """
    for column in ("issued_at", "called_at"):
        transaction.write(
            f"UPDATE ticket SET {column} = {column} + ?"  # noqa: S608
            " WHERE state IN ('issued', 'waiting', 'called', 'skipped', 'absent')"
            f" AND {column} BETWEEN ? AND ?",
            *(by_s, since, until),
        )

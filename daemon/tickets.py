"""The queue: numbers by service, anew each day, and what counters do with them. Changes only; no waiting, no devices.

A number is `issued` while its slip is being printed, `waiting` once the slip may be out, and can be called only
then: nobody is called whose number nobody holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daemon.commands import Refusal
from daemon.database import Transaction
from daemon.events import (
    TicketCalled,
    TicketFinished,
    TicketIssued,
    TicketSkipped,
    TicketWaiting,
    TicketWithdrawn,
)
from daemon.refused import Refused
from daemon.settings import Service


class TicketState(StrEnum):
    ISSUED = "issued"
    WAITING = "waiting"
    CALLED = "called"
    SKIPPED = "skipped"
    FINISHED = "finished"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One number of one day. Times are unix times."""

    id: str
    service: str
    number: str
    state: TicketState
    calls: int
    issued_at: float
    called_at: float | None


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How a service's queue stands."""

    waiting: int
    longest_wait_s: float | None


LEFT_OVER_S = 12 * 3600.0
"""A number that has waited this long is of a day that is over: its visitor went home. Midnight alone ends nothing."""

_COLUMNS = "id, service, number, state, calls, issued_at, called_at"


def take(transaction: Transaction, service_name: str, service: Service) -> tuple[Ticket, int]:
    """A new number, and how many wait before it; raises Refused when the day's numbers are used up."""
    day = transaction.now.date().isoformat()
    sequence = _next_number(transaction, service_name, service, day)
    number = f"{service.prefix}{sequence:0{len(str(service.last))}d}"
    now = transaction.now.timestamp()
    ticket = Ticket(f"{day.replace('-', '')}-{number}", service_name, number, TicketState.ISSUED, 0, now, None)
    ahead = figures(transaction, service_name).waiting
    transaction.write(
        "INSERT INTO ticket (id, place, service, number, state, issued_at)"
        " VALUES (?, (SELECT coalesce(max(place), 0) + 1 FROM ticket), ?, ?, ?, ?)",
        *(ticket.id, service_name, number, ticket.state, now),
    )
    transaction.emit(TicketIssued(ticket=ticket.id, number=number, service=service_name, ahead=ahead))
    return ticket, ahead


def _next_number(transaction: Transaction, name: str, service: Service, day: str) -> int:
    found = transaction.row("SELECT last FROM numbering WHERE prefix = ? AND day = ?", service.prefix, day)
    number = max(int(found[0]) + 1, service.first) if found else service.first
    if number > service.last:
        raise Refused(Refusal.NUMBERS_EXHAUSTED, f"{name}: {service.prefix}{service.last} was today's last number")
    transaction.write(
        "INSERT INTO numbering VALUES (?, ?, ?) ON CONFLICT (prefix, day) DO UPDATE SET last = excluded.last",
        *(service.prefix, day, number),
    )
    return number


def let_wait(transaction: Transaction, ticket_id: str) -> None:
    """The slip is out, or may be: the number can be called. One that went with a damaged database stays gone."""
    ticket = _find(transaction, ticket_id)
    if ticket is not None and ticket.state is TicketState.ISSUED:
        transaction.write("UPDATE ticket SET state = ? WHERE id = ?", TicketState.WAITING, ticket_id)
        transaction.emit(TicketWaiting(ticket=ticket.id, number=ticket.number, service=ticket.service))


def withdraw(transaction: Transaction, ticket_id: str, reason: str) -> None:
    """No valid slip bears the number: nobody will be called by it."""
    ticket = _find(transaction, ticket_id)
    if ticket is not None and ticket.state is TicketState.ISSUED:
        _withdraw(transaction, ticket, reason)


def withdraw_left_over(transaction: Transaction) -> None:
    """Take back the numbers of a day that is over."""
    sql = f"SELECT {_COLUMNS} FROM ticket WHERE state = 'waiting' AND issued_at <= ? ORDER BY place"  # noqa: S608
    for row in transaction.rows(sql, transaction.now.timestamp() - LEFT_OVER_S):
        _withdraw(transaction, _ticket(row), "left-over")


def valid(transaction: Transaction, ticket_id: str) -> Ticket:
    """The ticket whose number somebody may still be called by; raises Refused."""
    ticket = _find(transaction, ticket_id)
    if ticket is None:
        raise Refused(Refusal.UNKNOWN_TICKET, f"no ticket {ticket_id}; an id is like 20261121-A012")
    if ticket.state not in (TicketState.ISSUED, TicketState.WAITING, TicketState.CALLED):
        raise Refused(Refusal.TICKET_OVER, f"ticket {ticket_id} is {ticket.state}")
    return ticket


def ahead_of(transaction: Transaction, ticket: Ticket) -> int:
    """How many will be called before `ticket`."""
    if ticket.state is TicketState.CALLED:
        return 0
    (count,) = transaction.rows(
        "SELECT count(*) FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service = ?"
        " AND place < (SELECT place FROM ticket WHERE id = ?)",
        *(transaction.now.timestamp() - LEFT_OVER_S, ticket.service, ticket.id),
    )[0]
    return int(count)


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: who took a number by the wrong time, between `since` and `until`, and still waits
    for it or is being served, has not waited for years.
    """
    for column in ("issued_at", "called_at"):
        transaction.write(
            f"UPDATE ticket SET {column} = {column} + ?"  # noqa: S608
            f" WHERE state IN ('issued', 'waiting', 'called') AND {column} BETWEEN ? AND ?",
            *(by_s, since, until),
        )


def _withdraw(transaction: Transaction, ticket: Ticket, reason: str) -> None:
    _end(transaction, ticket.id, TicketState.WITHDRAWN)
    transaction.emit(TicketWithdrawn(ticket=ticket.id, number=ticket.number, service=ticket.service, reason=reason))


def call_next(transaction: Transaction, counter: str, services: tuple[str, ...]) -> Ticket:
    """Call the number that has waited longest for one of `services`; the counter's present one is finished first."""
    marks = ", ".join("?" * len(services))
    found = transaction.row(
        f"SELECT {_COLUMNS} FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service IN ({marks})"  # noqa: S608
        " ORDER BY place LIMIT 1",
        *(transaction.now.timestamp() - LEFT_OVER_S, *services),
    )
    if found is None:
        raise Refused(Refusal.NOTHING_WAITING, f"nobody waits for {', '.join(services)}")
    if present(transaction, counter) is not None:
        finish(transaction, counter)
    return _call(transaction, _ticket(found), counter)


def call_again(transaction: Transaction, counter: str) -> Ticket:
    """Call the counter's present number once more."""
    return _call(transaction, _present(transaction, counter), counter)


def _call(transaction: Transaction, ticket: Ticket, counter: str) -> Ticket:
    now = transaction.now.timestamp()
    called_at = ticket.called_at if ticket.called_at is not None else now
    transaction.write(
        "UPDATE ticket SET state = 'called', counter = ?, calls = calls + 1, called_at = ? WHERE id = ?",
        *(counter, called_at, ticket.id),
    )
    called = Ticket(
        ticket.id, ticket.service, ticket.number, TicketState.CALLED, ticket.calls + 1, ticket.issued_at, called_at
    )
    transaction.emit(
        TicketCalled(
            ticket=called.id,
            number=called.number,
            service=called.service,
            counter=counter,
            times=called.calls,
            waited_s=_since(ticket.issued_at, now),
        )
    )
    return called


def skip(transaction: Transaction, counter: str) -> Ticket:
    """The visitor did not come: the counter's present number is put aside."""
    ticket = _present(transaction, counter)
    _end(transaction, ticket.id, TicketState.SKIPPED)
    transaction.emit(TicketSkipped(ticket=ticket.id, number=ticket.number, service=ticket.service, counter=counter))
    return ticket


def finish(transaction: Transaction, counter: str) -> Ticket:
    """The service for the counter's present number is over."""
    ticket = _present(transaction, counter)
    _end(transaction, ticket.id, TicketState.FINISHED)
    served_s = _since(ticket.called_at or ticket.issued_at, transaction.now.timestamp())
    transaction.emit(
        TicketFinished(
            ticket=ticket.id, number=ticket.number, service=ticket.service, counter=counter, served_s=served_s
        )
    )
    return ticket


def present(transaction: Transaction, counter: str) -> Ticket | None:
    """The number that the counter serves now."""
    found = transaction.row(f"SELECT {_COLUMNS} FROM ticket WHERE state = 'called' AND counter = ?", counter)  # noqa: S608
    return _ticket(found) if found else None


def figures(transaction: Transaction, service: str) -> QueueFigures:
    """How many wait for `service`, and how long the first of them has waited."""
    found = transaction.row(
        "SELECT count(*), min(issued_at) FROM ticket WHERE state = 'waiting' AND issued_at > ? AND service = ?",
        *(transaction.now.timestamp() - LEFT_OVER_S, service),
    )
    waiting, oldest = found or (0, None)
    longest_wait_s = None if oldest is None else _since(oldest, transaction.now.timestamp())
    return QueueFigures(waiting, longest_wait_s)


def _present(transaction: Transaction, counter: str) -> Ticket:
    ticket = present(transaction, counter)
    if ticket is None:
        raise Refused(Refusal.NO_TICKET, f"counter {counter} serves no number now")
    return ticket


def _find(transaction: Transaction, ticket_id: str) -> Ticket | None:
    found = transaction.row(f"SELECT {_COLUMNS} FROM ticket WHERE id = ?", ticket_id)  # noqa: S608
    return _ticket(found) if found else None


def _end(transaction: Transaction, ticket_id: str, state: TicketState) -> None:
    now = transaction.now.timestamp()
    transaction.write("UPDATE ticket SET state = ?, ended_at = ? WHERE id = ?", state, now, ticket_id)


def _ticket(row: tuple[Any, ...]) -> Ticket:
    ticket_id, service, number, state, calls, issued_at, called_at = row
    return Ticket(ticket_id, service, number, TicketState(state), calls, issued_at, called_at)


def _since(start: float, now: float) -> float:
    # a clock that was set back must not make a wait negative
    return round(max(0.0, now - start), 3)

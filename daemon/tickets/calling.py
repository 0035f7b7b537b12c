"""Calls: the next number, a given one, the same again, and a call that was a mistake."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from daemon.commands import Refusal
from daemon.events import TicketCalled, TicketUncalled
from daemon.hall.counters import CounterState, stand_of
from daemon.refused import Refused
from daemon.settings import Queue
from daemon.store.database import Transaction
from daemon.tickets.leaving import finish
from daemon.tickets.order import next_ticket
from daemon.tickets.record import (
    COLUMNS,
    Ticket,
    TicketState,
    expect_present,
    passed_s,
    present,
    since,
    ticket_of,
)
from daemon.tickets.returning import count_down

CALLABLE = (TicketState.WAITING, TicketState.SKIPPED, TicketState.ABSENT)


def call_next(transaction: Transaction, counter: str, services: Sequence[str], queue: Queue | None = None) -> Ticket:
    """Call whoever is next for one of `services`; the counter's present number is finished first."""
    ticket = next_ticket(transaction, counter, services, (queue or Queue()).passed_over_max)
    if ticket is None:
        raise Refused(Refusal.NOTHING_WAITING, f"nobody waits for {', '.join(services)}")
    return _call_instead(transaction, ticket, counter, services)


def call_given(transaction: Transaction, counter: str, services: Sequence[str], ticket: Ticket) -> Ticket:
    """Call `ticket` before all others; again, if it is the counter's present one. Raises Refused."""
    if ticket.state is TicketState.CALLED and ticket.counter == counter:
        return call_again(transaction, counter)
    if ticket.state in (TicketState.ISSUED, TicketState.CALLED):
        where = f" to counter {ticket.counter}" if ticket.counter else ": its slip is being printed"
        raise Refused(Refusal.NOT_WAITING, f"ticket {ticket.id} is {ticket.state}{where}")
    if ticket.state not in CALLABLE or ticket.issued_at <= since(transaction):
        raise Refused(Refusal.TICKET_OVER, f"ticket {ticket.id} is {ticket.state}, or of a day that is over")
    if ticket.service not in services or not _free_for(transaction, ticket, counter):
        waits_for = f"counter {ticket.only_counter}" if ticket.only_counter else f"service {ticket.service}"
        raise Refused(Refusal.NOT_SERVED, f"ticket {ticket.id} waits for {waits_for}")
    return _call_instead(transaction, ticket, counter, services)


def call_again(transaction: Transaction, counter: str) -> Ticket:
    """Call the counter's present number once more."""
    ticket = expect_present(transaction, counter)
    transaction.write("UPDATE ticket SET calls = calls + 1 WHERE id = ?", ticket.id)
    return _called(transaction, ticket, counter)


def uncall(transaction: Transaction, counter: str, within_s: float) -> Ticket:
    """The last call was a mistake: its number goes back to where it was, if that call is not older than `within_s`."""
    ticket = expect_present(transaction, counter)
    now = transaction.now.timestamp()
    if now - (ticket.called_at or 0.0) > within_s:
        raise Refused(Refusal.TOO_LATE, f"ticket {ticket.id} was called more than {within_s:g} s ago")
    _put_back(transaction, ticket, counter)
    return ticket


def leave_counters(transaction: Transaction, serving: Mapping[str, Container[str]]) -> None:
    """Another configuration is in force, in which each counter serves the services in `serving`.

    Who was called to a counter that is gone has the place of before. Who waits for one counter alone that is gone, or
    does not serve the service any more, waits for any that does.
    """
    called = transaction.rows(f"SELECT {COLUMNS} FROM ticket WHERE state = 'called' AND counter NOT NULL")  # noqa: S608
    for ticket in map(ticket_of, called):
        if ticket.counter is not None and ticket.counter not in serving:
            _put_back(transaction, ticket, ticket.counter)
    rows = transaction.rows(
        "SELECT id, service, only_counter FROM ticket"
        " WHERE state IN ('waiting', 'skipped', 'absent') AND only_counter NOT NULL"
    )
    for identity, service, counter in rows:
        if service not in serving.get(counter, ()):
            transaction.write("UPDATE ticket SET only_counter = NULL WHERE id = ?", identity)


def _put_back(transaction: Transaction, ticket: Ticket, counter: str) -> None:
    """The call is undone."""
    transaction.write(
        "UPDATE ticket SET state = called_from, counter = NULL, called_at = NULL,"
        " ended_at = CASE called_from WHEN 'absent' THEN ? END WHERE id = ?",
        *(transaction.now.timestamp(), ticket.id),
    )
    transaction.emit(TicketUncalled(ticket=ticket.id, number=ticket.number, service=ticket.service, counter=counter))


def _free_for(transaction: Transaction, ticket: Ticket, counter: str) -> bool:
    """Whether `counter` may call `ticket`, as far as it does not wait for another counter alone."""
    only = ticket.only_counter
    return only in (None, counter) or stand_of(transaction, only).state is CounterState.CLOSED


def _call_instead(transaction: Transaction, ticket: Ticket, counter: str, services: Sequence[str]) -> Ticket:
    """Call `ticket`; whoever the counter served until now is finished."""
    if present(transaction, counter) is not None:
        finish(transaction, counter)
    transaction.write(
        "UPDATE ticket SET state = 'called', counter = ?, calls = calls + 1, called_at = ?, called_from = ?,"
        " ended_at = NULL WHERE id = ?",
        *(counter, transaction.now.timestamp(), ticket.state, ticket.id),
    )
    called = _called(transaction, ticket, counter)
    count_down(transaction, services)
    return called


def _called(transaction: Transaction, ticket: Ticket, counter: str) -> Ticket:
    now = transaction.now.timestamp()
    called_at = ticket.called_at if ticket.state is TicketState.CALLED else now
    about = {"ticket": ticket.id, "number": ticket.number, "service": ticket.service, "counter": counter}
    waited_s = passed_s(ticket.issued_at, now)
    transaction.emit(TicketCalled(**about, times=ticket.calls + 1, waited_s=waited_s))
    values = ticket.id, ticket.service, ticket.number, TicketState.CALLED, ticket.calls + 1, ticket.issued_at
    return Ticket(*values, called_at, ticket.priority, counter, ticket.only_counter)

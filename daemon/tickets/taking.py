"""How a number comes into the queue, and how it is taken out again without having been served."""

from __future__ import annotations

from daemon.calendar import Calendar
from daemon.commands import Refusal
from daemon.events import TicketIssued, TicketWaiting, TicketWithdrawn
from daemon.model import Priority
from daemon.refused import Refused
from daemon.settings import Service
from daemon.store.database import Transaction
from daemon.tickets.numbering import give_back, given_today, held_over_a_jump, next_number
from daemon.tickets.record import (
    COLUMNS,
    PRIORITIES,
    Ticket,
    TicketState,
    day_of,
    end,
    find,
    since,
    ticket_of,
)
from daemon.tickets.standing import waiting_before

LEFT_OVER = "left-over"
CANCELLED = "cancelled"


def take(
    transaction: Transaction,
    service_name: str,
    service: Service,
    priority: Priority = Priority.ORDINARY,
    working_time: Calendar | None = None,
) -> tuple[Ticket, int]:
    """A new number, and how many wait before it; raises Refused when there is none to be had now."""
    number = next_number(transaction, service_name, service, working_time or Calendar())
    return _enter(transaction, service_name, number, priority)


def admit(
    transaction: Transaction, service_name: str, number: str, priority: Priority = Priority.ORDINARY
) -> tuple[Ticket, int]:
    """A number that another system gave. It may come again on the same day only after it was withdrawn."""
    known = given_today(transaction, number)
    if known is not None and known.state is not TicketState.WITHDRAWN:
        raise Refused(Refusal.NUMBER_IN_USE, f"today's number {number} is {known.state}")
    if held_over_a_jump(transaction, number):
        raise Refused(Refusal.NUMBER_IN_USE, f"somebody still waits with number {number} since the clock was set")
    if known is not None:
        transaction.write("DELETE FROM ticket WHERE id = ?", known.id)
    return _enter(transaction, service_name, number, priority)


def _enter(transaction: Transaction, service: str, number: str, priority: Priority) -> tuple[Ticket, int]:
    now = transaction.now.timestamp()
    ticket_id = f"{day_of(transaction)}-{number}"
    ticket = Ticket(ticket_id, service, number, TicketState.ISSUED, 0, now, None, priority)
    ahead = waiting_before(transaction, service, priority)
    transaction.write(
        "INSERT INTO ticket (id, place, service, number, state, issued_at, priority)"
        " VALUES (?, (SELECT coalesce(max(place), 0) + 1 FROM ticket), ?, ?, ?, ?, ?)",
        *(ticket.id, service, number, ticket.state, now, PRIORITIES.index(priority)),
    )
    transaction.emit(TicketIssued(ticket=ticket.id, number=number, service=service, ahead=ahead, priority=priority))
    return ticket, ahead


def let_wait(transaction: Transaction, ticket_id: str) -> None:
    """The slip is out, or may be: the number can be called. One that went with a damaged database stays gone."""
    ticket = find(transaction, ticket_id)
    if ticket is not None and ticket.state is TicketState.ISSUED:
        transaction.write("UPDATE ticket SET state = ? WHERE id = ?", TicketState.WAITING, ticket_id)
        transaction.emit(TicketWaiting(ticket=ticket.id, number=ticket.number, service=ticket.service))


def withdraw(transaction: Transaction, ticket_id: str, reason: str) -> None:
    """No valid slip bears the number: nobody will be called by it."""
    ticket = find(transaction, ticket_id)
    if ticket is not None and ticket.state is TicketState.ISSUED:
        _withdraw(transaction, ticket, reason)


def cancel(transaction: Transaction, ticket: Ticket) -> None:
    """Its visitor does not want to wait any longer; raises Refused unless it waits, or was put aside."""
    if ticket.state not in (TicketState.WAITING, TicketState.SKIPPED, TicketState.ABSENT):
        raise Refused(Refusal.NOT_WAITING, f"ticket {ticket.id} is {ticket.state}")
    _withdraw(transaction, ticket, CANCELLED)


def withdraw_left_over(transaction: Transaction) -> None:
    """Take back the numbers of a day that is over."""
    for state in (TicketState.WAITING, TicketState.SKIPPED):
        # each by its own partial index; the state is no value of a visitor's
        sql = f"SELECT {COLUMNS} FROM ticket WHERE state = '{state}' AND issued_at <= ? ORDER BY place"  # noqa: S608
        for row in transaction.rows(sql, since(transaction)):
            _withdraw(transaction, ticket_of(row), LEFT_OVER)


def _withdraw(transaction: Transaction, ticket: Ticket, reason: str) -> None:
    end(transaction, ticket.id, TicketState.WITHDRAWN)
    if reason != LEFT_OVER:
        give_back(transaction, ticket.id)
    transaction.emit(TicketWithdrawn(ticket=ticket.id, number=ticket.number, service=ticket.service, reason=reason))

"""The commands of the queue: numbers taken, called, put aside and finished."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from daemon import promises, ratings, tickets
from daemon.commands import Request, TicketFinish, TicketNext, TicketRecall, TicketReprint, TicketSkip, TicketTake
from daemon.database import Transaction
from daemon.effects import Effect, Handlers
from daemon.premises import Premises, named
from daemon.printing import enqueue, next_copy
from daemon.slips.order import order_ticket
from daemon.tickets import Ticket


class QueueCommands:
    """What is asked of the queue kept here."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._settings = premises.settings

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {
            TicketTake: self._take,
            TicketReprint: self._reprint,
            TicketNext: self._next,
            TicketRecall: self._recall,
            TicketSkip: self._skip,
            TicketFinish: self._finish,
        }

    def _take(self, transaction: Transaction, command: TicketTake, request: Request) -> Effect:
        service = self._premises.service(command.service)
        ticket, ahead = tickets.take(transaction, command.service, service)
        data: dict[str, Any] = {"ticket": ticket.id, "number": ticket.number, "ahead": ahead}
        due_at = promises.promise(transaction, ticket, service, self._settings.working_time)
        data |= {"due_at": due_at.isoformat()} if due_at else {}
        self._print(transaction, ticket, ahead, request, copy_number=1)
        return Effect(data, final=False, after=self._premises.desks.printers[service.printer].wake)

    def _reprint(self, transaction: Transaction, command: TicketReprint, request: Request) -> Effect:
        ticket = tickets.valid(transaction, command.ticket)
        service = self._premises.service(ticket.service)
        copy_number = next_copy(transaction, ticket.id)
        self._print(transaction, ticket, tickets.ahead_of(transaction, ticket), request, copy_number)
        data = named(ticket) | {"copy_number": copy_number}
        return Effect(data, final=False, after=self._premises.desks.printers[service.printer].wake)

    def _print(self, transaction: Transaction, ticket: Ticket, ahead: int, request: Request, copy_number: int) -> None:
        """Queue a slip of `ticket`; it is wanted until the command's deadline, and for so long as visitors wait."""
        now = transaction.now
        deadline = min(request.deadline.timestamp(), now.timestamp() + self._settings.ticket.deadline_s)
        issued_at = datetime.fromtimestamp(ticket.issued_at, now.tzinfo)
        slip = order_ticket(self._settings, ticket, ahead, issued_at, promises.due_at(transaction, ticket.id))
        printer = self._settings.services[ticket.service].printer
        enqueue(transaction, printer, ticket.id, slip, deadline, request.id, copy_number)

    def _next(self, transaction: Transaction, command: TicketNext, _: Request) -> Effect:
        counter = self._premises.counter(command.counter)
        ticket = tickets.call_next(transaction, command.counter, counter.services)
        return self._called(command.counter, ticket)

    def _recall(self, transaction: Transaction, command: TicketRecall, _: Request) -> Effect:
        self._premises.counter(command.counter)
        return self._called(command.counter, tickets.call_again(transaction, command.counter))

    def _called(self, counter: str, ticket: Ticket) -> Effect:
        return Effect(named(ticket), after=lambda: self._premises.show_call(counter, ticket))

    def _skip(self, transaction: Transaction, command: TicketSkip, _: Request) -> Effect:
        self._premises.counter(command.counter)
        ticket = tickets.skip(transaction, command.counter)
        return Effect(named(ticket), after=lambda: self._premises.show_call(command.counter, None))

    def _finish(self, transaction: Transaction, command: TicketFinish, _: Request) -> Effect:
        self._premises.counter(command.counter)
        ticket = tickets.finish(transaction, command.counter)
        desk = self._premises.desks.ratings.get(command.counter) if self._settings.rating.after_finish else None
        session = ratings.open_session(transaction, command.counter, ticket.id) if desk else None

        def after() -> None:
            self._premises.show_call(command.counter, None)
            if desk is not None and session is not None:
                desk.opened(session)

        return Effect(named(ticket) | ({"session": session} if session else {}), after=after)

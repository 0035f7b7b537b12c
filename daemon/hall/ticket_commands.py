"""The commands that bring numbers into the queue, with a slip or without, and those that print a slip again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from daemon import tickets
from daemon.alerts import promises
from daemon.commands import Request, TicketCancel, TicketPrint, TicketRegister, TicketReprint, TicketTake
from daemon.hall.effects import Effect, Handlers
from daemon.hall.premises import Premises, named
from daemon.hall.queue_mode import fitting
from daemon.printing.jobs import enqueue, latest_job, next_copy
from daemon.printing.subject import Subject
from daemon.slips.order import TICKET, TICKET_LARGE, order_ticket
from daemon.store.database import Transaction
from daemon.tickets import Ticket


class TicketCommands:
    """What is asked for by whoever wants to wait."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._settings = premises.settings

    def handlers(self) -> Handlers:
        """What does each command's change."""
        handlers: Handlers = {
            TicketTake: self._take,
            TicketPrint: self._print_given,
            TicketRegister: self._register,
            TicketReprint: self._reprint,
            TicketCancel: self._cancel,
        }
        return fitting(handlers, self._settings.queue.mode)

    def _take(self, transaction: Transaction, command: TicketTake, request: Request) -> Effect:
        service, working_time = self._premises.service(command.service), self._settings.working_time
        ticket, ahead = tickets.take(transaction, command.service, service, command.priority, working_time)
        due_at = promises.promise(transaction, ticket, service, working_time)
        return self._printed(transaction, ticket, ahead, due_at, request, _template(command))

    def _print_given(self, transaction: Transaction, command: TicketPrint, request: Request) -> Effect:
        service = self._premises.service(command.service)
        ticket, counted = tickets.admit(transaction, command.service, command.number, command.priority)
        due_at = promises.promise(transaction, ticket, service, self._settings.working_time, command.due_at)
        ahead = counted if command.ahead is None else command.ahead
        return self._printed(transaction, ticket, ahead, due_at, request, _template(command))

    def _register(self, transaction: Transaction, command: TicketRegister, _: Request) -> Effect:
        service = self._premises.service(command.service)
        ticket, ahead = tickets.admit(transaction, command.service, command.number, command.priority)
        due_at = promises.promise(transaction, ticket, service, self._settings.working_time)
        tickets.let_wait(transaction, ticket.id)
        return Effect(_taken(ticket, ahead, due_at))

    def _cancel(self, transaction: Transaction, command: TicketCancel, _: Request) -> Effect:
        ticket = tickets.named_by(transaction, command.ticket)
        tickets.cancel(transaction, ticket)
        return Effect(named(ticket))

    def _reprint(self, transaction: Transaction, command: TicketReprint, request: Request) -> Effect:
        ticket = tickets.valid(transaction, command.ticket)
        wake = self._premises.printer_of(ticket.service).wake
        subject = Subject(ticket.id)
        copy_number, latest = next_copy(transaction, subject), latest_job(transaction, subject)
        template = TICKET if latest is None else latest.slip.template
        self._print(transaction, ticket, tickets.ahead_of(transaction, ticket), request, template, copy_number)
        return Effect(named(ticket) | {"copy_number": copy_number}, final=False, after=wake)

    def _printed(
        self,
        transaction: Transaction,
        ticket: Ticket,
        ahead: int,
        due_at: datetime | None,
        request: Request,
        template: str,
    ) -> Effect:
        self._print(transaction, ticket, ahead, request, template)
        wake = self._premises.printer_of(ticket.service).wake
        return Effect(_taken(ticket, ahead, due_at), final=False, after=wake)

    def _print(
        self,
        transaction: Transaction,
        ticket: Ticket,
        ahead: int,
        request: Request,
        template: str,
        copy_number: int = 1,
    ) -> None:
        """Queue a slip of `ticket`; it is wanted until the command's deadline, and for so long as visitors wait."""
        issued_at = datetime.fromtimestamp(ticket.issued_at, transaction.now.tzinfo)
        due_at = promises.due_at(transaction, ticket.id)
        slip = order_ticket(self._settings, ticket, ahead, issued_at, due_at, template)
        printer = self._settings.services[ticket.service].printer
        deadline = self._premises.slip_deadline(transaction, request)
        enqueue(transaction, printer, Subject(ticket.id), slip, deadline, request.id, copy_number)


def _template(command: TicketTake | TicketPrint) -> str:
    """Large print is for who sees badly (rule 20: G 二.4)."""
    return TICKET_LARGE if command.large else TICKET


def _taken(ticket: Ticket, ahead: int, due_at: datetime | None) -> dict[str, Any]:
    data: dict[str, Any] = {"ticket": ticket.id, "number": ticket.number, "ahead": ahead}
    return data | ({"due_at": due_at.isoformat()} if due_at else {})

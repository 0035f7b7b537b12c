"""The commands of the counters to the queue: numbers called, put aside, sent on and finished."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from daemon import ratings, tickets
from daemon.commands import (
    Refusal,
    Request,
    TicketCall,
    TicketFinish,
    TicketNext,
    TicketRecall,
    TicketReturn,
    TicketSkip,
    TicketTransfer,
    TicketUncall,
)
from daemon.hall.counters import expect_not_closed, expect_open
from daemon.hall.effects import Effect, Handlers
from daemon.hall.premises import Premises, named
from daemon.hall.queue_mode import fitting
from daemon.printing.jobs import enqueue
from daemon.printing.subject import Subject
from daemon.refused import Refused
from daemon.settings import Counter
from daemon.slips.order import order_referral
from daemon.store.database import Transaction
from daemon.tickets import Ticket


class QueueCommands:
    """What a counter does with the numbers that wait."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._settings = premises.settings

    def handlers(self) -> Handlers:
        """What does each command's change."""
        handlers: Handlers = {
            TicketNext: self._next,
            TicketCall: self._call,
            TicketRecall: self._recall,
            TicketUncall: self._uncall,
            TicketSkip: self._skip,
            TicketReturn: self._return,
            TicketTransfer: self._transfer,
            TicketFinish: self._finish,
        }
        return fitting(handlers, self._settings.queue.mode)

    def _next(self, transaction: Transaction, command: TicketNext, _: Request) -> Effect:
        services = self._calling(transaction, command.counter).services
        before = tickets.present(transaction, command.counter)
        ticket = tickets.call_next(transaction, command.counter, services, self._settings.queue)
        return self._called(transaction, command.counter, ticket, before)

    def _call(self, transaction: Transaction, command: TicketCall, _: Request) -> Effect:
        services = self._calling(transaction, command.counter).services
        given = tickets.named_by(transaction, command.ticket)
        before = tickets.present(transaction, command.counter)
        ticket = tickets.call_given(transaction, command.counter, services, given)
        return self._called(transaction, command.counter, ticket, before)

    def _recall(self, transaction: Transaction, command: TicketRecall, _: Request) -> Effect:
        self._calling(transaction, command.counter)
        return self._called(transaction, command.counter, tickets.call_again(transaction, command.counter), None)

    def _calling(self, transaction: Transaction, name: str) -> Counter:
        """The counter of this name; raises Refused when nothing can be called to it now."""
        counter = self._premises.counter(name)
        expect_open(transaction, name)
        return counter

    def _called(self, transaction: Transaction, counter: str, ticket: Ticket, before: Ticket | None) -> Effect:
        """`before`: the counter's number up to now. Unless it is called again, its service is over, and to be rated."""
        served = before if before is not None and before.id != ticket.id else None
        session, invite = self._rate(transaction, counter, served.id) if served else ({}, None)

        def after() -> None:
            self._premises.call(counter, ticket)
            if invite is not None:
                invite()

        return Effect(named(ticket) | session, after=after)

    def _uncall(self, transaction: Transaction, command: TicketUncall, _: Request) -> Effect:
        self._premises.counter(command.counter)
        ticket = tickets.uncall(transaction, command.counter, self._settings.queue.undo_s)
        return Effect(named(ticket), after=self._premises.board(transaction, command.counter))

    def _skip(self, transaction: Transaction, command: TicketSkip, _: Request) -> Effect:
        self._premises.counter(command.counter)
        ticket = tickets.skip(transaction, command.counter, self._settings.queue)
        return Effect(named(ticket), after=self._premises.board(transaction, command.counter))

    def _return(self, transaction: Transaction, command: TicketReturn, _: Request) -> Effect:
        ticket = tickets.named_by(transaction, command.ticket)
        tickets.bring_back(transaction, ticket, self._settings.queue)
        return Effect(named(ticket))

    def _transfer(self, transaction: Transaction, command: TicketTransfer, request: Request) -> Effect:
        self._premises.counter(command.counter)
        self._premises.service(command.service)
        if command.to_counter is not None:
            self._expect_serving(transaction, command.to_counter, command.service)
        ticket = tickets.transfer(transaction, command.counter, command.service, command.to_counter)
        data = named(ticket) | {"to_service": command.service, "to_counter": command.to_counter}
        show = self._premises.board(transaction, command.counter)
        if not command.slip:
            return Effect(data, after=show)
        wake = self._print_referral(transaction, ticket, command, request)

        def after() -> None:
            show()
            wake()

        return Effect(data, final=False, after=after)

    def _expect_serving(self, transaction: Transaction, counter: str, service: str) -> None:
        """Nobody is sent to a counter that could not call them. One that is paused will serve again."""
        if service not in self._premises.counter(counter).services:
            raise Refused(Refusal.NOT_SERVED, f"counter {counter} does not serve {service}")
        expect_not_closed(transaction, counter)

    def _print_referral(
        self, transaction: Transaction, ticket: Ticket, command: TicketTransfer, request: Request
    ) -> Callable[[], None]:
        """Queue the slip where the ticket itself came from, as that printer is the one near this counter; or where
        its new service prints, if the old one is not configured any more. What wakes the printer.
        """
        to = command.service, command.to_counter
        slip = order_referral(
            self._settings, ticket.number, command.counter, *to, command.reason or "", transaction.now
        )
        came_from = ticket.service if ticket.service in self._settings.services else command.service
        printer = self._settings.services[came_from].printer
        deadline = self._premises.slip_deadline(transaction, request)
        enqueue(transaction, printer, Subject(ticket.id, request.id), slip, deadline, request.id)
        return self._premises.printer_of(came_from).wake

    def _finish(self, transaction: Transaction, command: TicketFinish, _: Request) -> Effect:
        self._premises.counter(command.counter)
        ticket = tickets.finish(transaction, command.counter)
        session, invite = self._rate(transaction, command.counter, ticket.id)
        show = self._premises.board(transaction, command.counter)

        def after() -> None:
            show()
            self._premises.bid_farewell(command.counter)
            if invite is not None:
                invite()

        return Effect(named(ticket) | session, after=after)

    def _rate(
        self, transaction: Transaction, counter: str, ticket: str
    ) -> tuple[dict[str, str], Callable[[], None] | None]:
        """Open the rating of a ticket whose service is over, if it is to have one: what the reply says of it, and what
        invites it.
        """
        desk = self._premises.desks.ratings.get(counter) if self._settings.rating.after_finish else None
        if desk is None or ratings.is_rated(transaction, counter, ticket):
            return {}, None
        session = ratings.open_session(transaction, counter, ticket)
        return {"session": session}, partial(desk.opened, session)

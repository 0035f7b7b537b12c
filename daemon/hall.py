"""What each command does to the hall: its change in the store, and what follows once that is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from daemon import promises, ratings, tickets
from daemon.commands import (
    Command,
    DisplayShow,
    RatingCancel,
    RatingOpen,
    Refusal,
    Request,
    TicketFinish,
    TicketNext,
    TicketRecall,
    TicketReprint,
    TicketSkip,
    TicketTake,
)
from daemon.database import Transaction
from daemon.printing import enqueue, next_copy
from daemon.refused import Refused
from daemon.settings import Counter, Settings
from daemon.slips.order import order_ticket
from daemon.texts import word
from daemon.tickets import Ticket


class Ratings(Protocol):
    """What the hall tells a counter's panel."""

    def opened(self, session: str) -> None: ...
    def dismissed(self) -> None: ...


class Board(Protocol):
    """What the hall tells a board."""

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None: ...


class PrintQueue(Protocol):
    """What the hall tells a printer."""

    def wake(self) -> None: ...


class Begin(Protocol):
    """Begins a command. `recorded` is set once the command is in the store, or could not be put there."""

    def __call__(self, recorded: asyncio.Event | None = None) -> None: ...


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command's change led to.

    `data` goes into its replies. `final`: the command is done with its change; otherwise whatever `after`
    sets going answers it. `after` is called in the event loop, once the change is on the disk.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    final: bool = True
    after: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Desks:
    """The devices of the hall by name: boards, panels' rating desks by counter, printers' queues."""

    boards: Mapping[str, Board]
    ratings: Mapping[str, Ratings]
    printers: Mapping[str, PrintQueue]


class Hall:
    """The commands, over one configuration. `prepare` runs in the writer thread and touches its transaction only."""

    def __init__(self, settings: Settings, desks: Desks) -> None:
        self._settings = settings
        self._desks = desks
        self._handlers: Mapping[type[Command], Callable[[Transaction, Any, Request], Effect]] = {
            TicketTake: self._take,
            TicketReprint: self._reprint,
            TicketNext: self._next,
            TicketRecall: self._recall,
            TicketSkip: self._skip,
            TicketFinish: self._finish,
            RatingOpen: self._open_rating,
            RatingCancel: self._cancel_rating,
            DisplayShow: self._show,
        }

    def prepare(self, transaction: Transaction, command: Command, request: Request) -> Effect:
        """Do the command's change; raises Refused when it cannot be done."""
        return self._handlers[type(command)](transaction, command, request)

    def at_once(self, command: Command, request: Request) -> Begin | None:
        """For a command that only sets what is shown: what its effect's `after` does, for before the commit.

        Showing a text again does no harm, so the board need not wait for the disk; its outcome and the reply do.
        """
        if isinstance(command, DisplayShow) and command.display in self._desks.boards:
            board = self._desks.boards[command.display]
            return lambda recorded=None: board.show(command.text, request.id, recorded)
        return None

    def _counter_text(self, counter: str, ticket: Ticket | None) -> str:
        name = self._settings.counters[counter].name
        if ticket is None:
            return name
        return word("call", self._settings.language, number=ticket.number, counter=name)

    def _take(self, transaction: Transaction, command: TicketTake, request: Request) -> Effect:
        service = self._settings.services.get(command.service)
        if service is None:
            known = ", ".join(self._settings.services)
            raise Refused(Refusal.UNKNOWN_SERVICE, f"no service {command.service!r}; there are: {known}")
        ticket, ahead = tickets.take(transaction, command.service, service)
        data: dict[str, Any] = {"ticket": ticket.id, "number": ticket.number, "ahead": ahead}
        due_at = promises.promise(transaction, ticket, service, self._settings.working_time)
        data |= {"due_at": due_at.isoformat()} if due_at else {}
        self._print(transaction, ticket, ahead, request, copy_number=1)
        return Effect(data, final=False, after=self._desks.printers[service.printer].wake)

    def _reprint(self, transaction: Transaction, command: TicketReprint, request: Request) -> Effect:
        ticket = tickets.valid(transaction, command.ticket)
        service = self._settings.services.get(ticket.service)
        if service is None:
            raise Refused(Refusal.UNKNOWN_SERVICE, f"service {ticket.service!r} is not configured any more")
        copy_number = next_copy(transaction, ticket.id)
        self._print(transaction, ticket, tickets.ahead_of(transaction, ticket), request, copy_number)
        data = _named(ticket) | {"copy_number": copy_number}
        return Effect(data, final=False, after=self._desks.printers[service.printer].wake)

    def _print(self, transaction: Transaction, ticket: Ticket, ahead: int, request: Request, copy_number: int) -> None:
        """Queue a slip of `ticket`; it is wanted until the command's deadline, and for so long as visitors wait."""
        now = transaction.now
        deadline = min(request.deadline.timestamp(), now.timestamp() + self._settings.ticket.deadline_s)
        issued_at = datetime.fromtimestamp(ticket.issued_at, now.tzinfo)
        slip = order_ticket(self._settings, ticket, ahead, issued_at, promises.due_at(transaction, ticket.id))
        printer = self._settings.services[ticket.service].printer
        enqueue(transaction, printer, ticket.id, slip, deadline, request.id, copy_number)

    def _next(self, transaction: Transaction, command: TicketNext, _: Request) -> Effect:
        counter = self._counter(command.counter)
        ticket = tickets.call_next(transaction, command.counter, counter.services)
        return Effect(_named(ticket), after=lambda: self.show_call(command.counter, ticket))

    def _recall(self, transaction: Transaction, command: TicketRecall, _: Request) -> Effect:
        self._counter(command.counter)
        ticket = tickets.call_again(transaction, command.counter)
        return Effect(_named(ticket), after=lambda: self.show_call(command.counter, ticket))

    def _skip(self, transaction: Transaction, command: TicketSkip, _: Request) -> Effect:
        self._counter(command.counter)
        ticket = tickets.skip(transaction, command.counter)
        return Effect(_named(ticket), after=lambda: self.show_call(command.counter, None))

    def _finish(self, transaction: Transaction, command: TicketFinish, _: Request) -> Effect:
        self._counter(command.counter)
        ticket = tickets.finish(transaction, command.counter)
        desk = self._desks.ratings.get(command.counter) if self._settings.rating.after_finish else None
        session = ratings.open_session(transaction, command.counter, ticket.id) if desk else None

        def after() -> None:
            self.show_call(command.counter, None)
            if desk is not None and session is not None:
                desk.opened(session)

        return Effect(_named(ticket) | ({"session": session} if session else {}), after=after)

    def _open_rating(self, transaction: Transaction, command: RatingOpen, _: Request) -> Effect:
        desk = self._rating_desk(command.counter)
        session = ratings.open_session(transaction, command.counter, None)
        return Effect({"session": session}, after=lambda: desk.opened(session))

    def _cancel_rating(self, transaction: Transaction, command: RatingCancel, _: Request) -> Effect:
        desk = self._rating_desk(command.counter)
        ratings.cancel_session(transaction, command.counter)
        return Effect(after=desk.dismissed)

    def _show(self, _: Transaction, command: DisplayShow, request: Request) -> Effect:
        show = self.at_once(command, request)
        if show is None:
            known = ", ".join(self._desks.boards) or "none"
            raise Refused(Refusal.UNKNOWN_DISPLAY, f"no display {command.display!r}; there are: {known}")
        return Effect(final=False, after=show)

    def _counter(self, name: str) -> Counter:
        counter = self._settings.counters.get(name)
        if counter is None:
            known = ", ".join(self._settings.counters) or "none"
            raise Refused(Refusal.UNKNOWN_COUNTER, f"no counter {name!r}; there are: {known}")
        return counter

    def _rating_desk(self, counter: str) -> Ratings:
        self._counter(counter)
        desk = self._desks.ratings.get(counter)
        if desk is None:
            raise Refused(Refusal.NO_PANEL, f"counter {counter} has no rating panel")
        return desk

    def show_call(self, counter: str, ticket: Ticket | None) -> None:
        """Show on the counter's board, if it has one, the call of `ticket`, or the counter's own name."""
        display = self._settings.counters[counter].display
        if display is not None:
            self._desks.boards[display].show(self._counter_text(counter, ticket))


def _named(ticket: Ticket) -> dict[str, Any]:
    return {"ticket": ticket.id, "number": ticket.number, "service": ticket.service}

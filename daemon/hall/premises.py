"""The counters and services of one configuration, with what the commands need of them again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon import tickets
from daemon.commands import Refusal, Request
from daemon.hall import counters
from daemon.hall.counters import CounterState, Stand
from daemon.hall.effects import Board, Desks, PrintQueue, Ratings
from daemon.refused import Refused, expect_one_of
from daemon.settings import Counter, Service, Settings
from daemon.store.database import Transaction
from daemon.texts import WORDS, word
from daemon.tickets import Ticket


class Premises:
    """One configuration and its devices. What is not there is Refused, naming what is."""

    def __init__(self, settings: Settings, desks: Desks) -> None:
        self.settings = settings
        self.desks = desks

    def counter(self, name: str) -> Counter:
        """The counter of this name."""
        return expect_one_of(self.settings.counters, "counter", name, Refusal.UNKNOWN_COUNTER)

    def service(self, name: str) -> Service:
        """The service of this name."""
        return expect_one_of(self.settings.services, "service", name, Refusal.UNKNOWN_SERVICE)

    def printer_of(self, service: str) -> PrintQueue:
        """The queue of the printer that prints the service's tickets."""
        return self.desks.printers[self.service(service).printer]

    def slip_deadline(self, transaction: Transaction, request: Request) -> float:
        """Until when, as a unix time, a slip is wanted: the command's deadline, and for so long as visitors wait."""
        patience_s = self.settings.ticket.deadline_s
        return min(request.deadline.timestamp(), transaction.now.timestamp() + patience_s)

    def printer(self, name: str) -> PrintQueue:
        """The queue of the printer of this name."""
        return expect_one_of(self.desks.printers, "printer", name, Refusal.UNKNOWN_PRINTER)

    def rating_desk(self, counter: str) -> Ratings:
        """The desk of the counter's panel."""
        self.counter(counter)
        desk = self.desks.ratings.get(counter)
        if desk is None:
            raise Refused(Refusal.NO_PANEL, f"counter {counter} has no rating panel")
        return desk

    def call(self, counter: str, ticket: Ticket) -> None:
        """Show the call of `ticket` on the counter's board, if it has one, and speak it there, if that has a voice,
        with the hall's welcome before it (rule 18: A art. 15; G 五.1).
        """
        board = self._board(counter)
        if board is not None:
            text = self._call_text(counter, ticket)
            board.show(text)
            board.speak(self.settings.call.welcome + text)

    def bid_farewell(self, counter: str) -> None:
        """Speak the hall's farewell on the counter's board, if both are there (rule 18: A art. 15; G 五.1)."""
        board, farewell = self._board(counter), self.settings.call.farewell
        if board is not None and farewell:
            board.speak(farewell)

    def board(self, transaction: Transaction, counter: str) -> Callable[[], None]:
        """What shows on the counter's board how things stand at the end of `transaction`: the newest call that is
        on there, or else the counter's name and state. To be called in the event loop.
        """
        board = self._board(counter)
        if board is None:
            return lambda: None
        text = self._board_text(transaction, counter)
        return lambda: board.show(text)

    def _board(self, counter: str) -> Board | None:
        display = self.settings.counters[counter].display
        return None if display is None else self.desks.boards[display]

    def _board_text(self, transaction: Transaction, counter: str) -> str:
        calls = self._calls_beside(transaction, counter)
        if calls:
            newest = max(calls, key=lambda name: calls[name].called_at or 0.0)
            return self._call_text(newest, calls[newest])
        name = self.settings.counters[counter].name
        stand = counters.stand_of(transaction, counter)
        return f"{name}\n{self._state_text(stand)}" if stand.told else name

    def _calls_beside(self, transaction: Transaction, counter: str) -> dict[str, Ticket]:
        """The calls that are on at the counters that share the board of `counter`, its own too."""
        display = self.settings.counters[counter].display
        sharing = [name for name, other in self.settings.counters.items() if other.display == display]
        opened = [name for name in sharing if counters.stand_of(transaction, name).state is CounterState.OPEN]
        served = {name: tickets.present(transaction, name) for name in opened}
        return {name: ticket for name, ticket in served.items() if ticket is not None}

    def _state_text(self, stand: Stand) -> str:
        language = self.settings.language
        staff = word("staff", language, staff=stand.staff) if stand.staff else None
        more = staff if stand.state is CounterState.OPEN else stand.reason
        return " ".join(filter(None, (word(stand.state, language), more)))

    def _call_text(self, counter: str, ticket: Ticket) -> str:
        wording = self.settings.call.text or WORDS["call"].to(self.settings.language)
        return wording.format(number=ticket.number, counter=self.settings.counters[counter].name)


def named(ticket: Ticket) -> dict[str, Any]:
    """A ticket in the data of a reply."""
    return {"ticket": ticket.id, "number": ticket.number, "service": ticket.service}

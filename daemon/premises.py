"""The counters and services of one configuration, with what the commands need of them again and again."""

from __future__ import annotations

from typing import Any

from daemon.commands import Refusal
from daemon.effects import Desks, Ratings
from daemon.refused import Refused
from daemon.settings import Counter, Service, Settings
from daemon.texts import word
from daemon.tickets import Ticket


class Premises:
    """One configuration and its devices. What is not there is Refused, naming what is."""

    def __init__(self, settings: Settings, desks: Desks) -> None:
        self.settings = settings
        self.desks = desks

    def counter(self, name: str) -> Counter:
        """The counter of this name."""
        counter = self.settings.counters.get(name)
        if counter is None:
            known = ", ".join(self.settings.counters) or "none"
            raise Refused(Refusal.UNKNOWN_COUNTER, f"no counter {name!r}; there are: {known}")
        return counter

    def service(self, name: str) -> Service:
        """The service of this name."""
        service = self.settings.services.get(name)
        if service is None:
            known = ", ".join(self.settings.services) or "none"
            raise Refused(Refusal.UNKNOWN_SERVICE, f"no service {name!r}; there are: {known}")
        return service

    def rating_desk(self, counter: str) -> Ratings:
        """The desk of the counter's panel."""
        self.counter(counter)
        desk = self.desks.ratings.get(counter)
        if desk is None:
            raise Refused(Refusal.NO_PANEL, f"counter {counter} has no rating panel")
        return desk

    def show_call(self, counter: str, ticket: Ticket | None) -> None:
        """Show on the counter's board, if it has one, the call of `ticket`, or the counter's own name."""
        display = self.settings.counters[counter].display
        if display is not None:
            self.desks.boards[display].show(self._counter_text(counter, ticket))

    def _counter_text(self, counter: str, ticket: Ticket | None) -> str:
        name = self.settings.counters[counter].name
        if ticket is None:
            return name
        return word("call", self.settings.language, number=ticket.number, counter=name)


def named(ticket: Ticket) -> dict[str, Any]:
    """A ticket in the data of a reply."""
    return {"ticket": ticket.id, "number": ticket.number, "service": ticket.service}

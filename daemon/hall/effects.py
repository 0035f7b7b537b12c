"""What carrying out a command leads to, and the devices of the hall as the commands see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemon.commands import Command, Request
from daemon.store.database import Transaction


class Ratings(Protocol):
    """What the hall tells a counter's panel."""

    def opened(self, session: str) -> None: ...
    def dismissed(self) -> None: ...


class Board(Protocol):
    """What the hall tells a board."""

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None: ...
    def speak(self, text: str) -> None: ...


class PrintQueue(Protocol):
    """What the hall tells a printer."""

    def wake(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Desks:
    """The devices of the hall by name: boards, panels' rating desks by counter, printers' queues."""

    boards: Mapping[str, Board]
    ratings: Mapping[str, Ratings]
    printers: Mapping[str, PrintQueue]


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


Handler = Callable[[Transaction, Any, Request], Effect]
"""Does the change of one kind of command in the writer thread, touching nothing but its transaction."""

Handlers = Mapping[type[Command], Handler]


class Group(Protocol):
    """Commands that belong together."""

    def handlers(self) -> Handlers:
        """What does each command's change."""
        ...

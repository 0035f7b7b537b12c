"""What the commands do to the hall, over one configuration: who carries out which."""

from __future__ import annotations

from collections import ChainMap

from daemon.commands import Command, Request
from daemon.database import Transaction
from daemon.display_commands import DisplayCommands
from daemon.effects import Begin, Desks, Effect, Handler
from daemon.premises import Premises
from daemon.queue_commands import QueueCommands
from daemon.rating_commands import RatingCommands
from daemon.settings import Settings
from daemon.tickets import Ticket


class Hall:
    """The commands. `prepare` runs in the writer thread and touches its transaction only."""

    def __init__(self, settings: Settings, desks: Desks) -> None:
        self._premises = premises = Premises(settings, desks)
        self._displays = DisplayCommands(premises)
        groups = QueueCommands(premises), RatingCommands(premises), self._displays
        self._handlers: dict[type[Command], Handler] = dict(ChainMap(*(dict(group.handlers()) for group in groups)))

    def prepare(self, transaction: Transaction, command: Command, request: Request) -> Effect:
        """Do the command's change; raises Refused when it cannot be done."""
        return self._handlers[type(command)](transaction, command, request)

    def at_once(self, command: Command, request: Request) -> Begin | None:
        """How to begin a command before its commit, if it is one that may."""
        return self._displays.at_once(command, request)

    def show_call(self, counter: str, ticket: Ticket | None) -> None:
        """Show on the counter's board what the store knows of it."""
        self._premises.show_call(counter, ticket)

"""What the commands do to the hall, over one configuration: who carries out which."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Sequence

from daemon.alert_commands import AlertCommands
from daemon.commands import Command, Request
from daemon.counter_commands import CounterCommands
from daemon.database import Transaction
from daemon.display_commands import DisplayCommands
from daemon.effects import Begin, Desks, Effect, Group, Handler
from daemon.premises import Premises
from daemon.queue_commands import QueueCommands
from daemon.rating_commands import RatingCommands
from daemon.settings import Settings
from daemon.slip_commands import SlipCommands
from daemon.ticket_commands import TicketCommands


class Hall:
    """The commands, `further` ones too. `prepare` runs in the writer thread and touches its transaction only."""

    def __init__(self, settings: Settings, desks: Desks, further: Sequence[Group] = ()) -> None:
        self._premises = premises = Premises(settings, desks)
        self._displays = DisplayCommands(premises)
        groups: Sequence[Group] = (
            TicketCommands(premises),
            QueueCommands(premises),
            CounterCommands(premises),
            RatingCommands(premises),
            SlipCommands(premises),
            self._displays,
            AlertCommands(),
            *further,
        )
        self._handlers: dict[type[Command], Handler] = dict(ChainMap(*(dict(group.handlers()) for group in groups)))

    def prepare(self, transaction: Transaction, command: Command, request: Request) -> Effect:
        """Do the command's change; raises Refused when it cannot be done."""
        return self._handlers[type(command)](transaction, command, request)

    def at_once(self, command: Command, request: Request) -> Begin | None:
        """How to begin a command before its commit, if it is one that may."""
        return self._displays.at_once(command, request)

    def board(self, transaction: Transaction, counter: str) -> Callable[[], None]:
        """What shows on the counter's board what the store knows of it."""
        return self._premises.board(transaction, counter)

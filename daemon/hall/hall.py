"""What the commands do to the hall, over one configuration: who carries out which."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Sequence

from daemon.commands import Command, Request
from daemon.hall.alert_commands import AlertCommands
from daemon.hall.counter_commands import CounterCommands
from daemon.hall.display_commands import DisplayCommands
from daemon.hall.effects import Begin, Desks, Effect, Group, Handler
from daemon.hall.premises import Premises
from daemon.hall.queue_commands import QueueCommands
from daemon.hall.rating_commands import RatingCommands
from daemon.hall.slip_commands import SlipCommands
from daemon.hall.ticket_commands import TicketCommands
from daemon.settings import Settings
from daemon.store.database import Transaction


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

"""The commands of counters: open, paused, closed."""

from __future__ import annotations

from daemon.commands import CounterClose, CounterOpen, CounterPause, Request
from daemon.hall import counters
from daemon.hall.counters import Stand
from daemon.hall.effects import Effect, Handlers
from daemon.hall.premises import Premises
from daemon.store.database import Transaction


class CounterCommands:
    """What is asked of the counters themselves."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {CounterOpen: self._open, CounterPause: self._pause, CounterClose: self._close}

    def _open(self, transaction: Transaction, command: CounterOpen, _: Request) -> Effect:
        self._premises.counter(command.counter)
        stand = counters.open_counter(transaction, command.counter, command.staff)
        return self._became(transaction, command.counter, stand)

    def _pause(self, transaction: Transaction, command: CounterPause, _: Request) -> Effect:
        self._premises.counter(command.counter)
        stand = counters.pause_counter(transaction, command.counter, command.reason)
        return self._became(transaction, command.counter, stand)

    def _close(self, transaction: Transaction, command: CounterClose, _: Request) -> Effect:
        self._premises.counter(command.counter)
        stand = counters.close_counter(transaction, command.counter)
        return self._became(transaction, command.counter, stand)

    def _became(self, transaction: Transaction, counter: str, stand: Stand) -> Effect:
        data = {"state": stand.state, "staff": stand.staff}
        return Effect(data, after=self._premises.board(transaction, counter))

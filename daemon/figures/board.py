"""The figures where everybody sees them: the retained topics ``figures`` and ``figures/previous``, and midnight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from daemon.clock import Clock
from daemon.envelope import StoredEvent
from daemon.figures.counting import turn_day, watch_devices
from daemon.figures.day import Figures, PreviousFigures
from daemon.figures.reading import read_open, read_previous
from daemon.model import Model
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError

GATHER_S = 5.0
"""Events that come together change the topic once."""

LOOK_S = 60.0
"""How often the devices' time is counted when nothing happens; the most of it that a crash can cost."""

COUNTED = tuple(f"event/{noun}/" for noun in ("ticket", "rating", "followup", "phone", "print", "device"))


class FiguresBoard:
    """Keeps ``figures`` and ``figures/previous`` true, and closes the day at midnight though nothing happens.

    `states` says how each device is, where anything is known of it.
    """

    def __init__(
        self, states: Callable[[], Mapping[str, str]], store: Store, clock: Clock, show: Callable[[str, Model], None]
    ) -> None:
        self._states = states
        self._store = store
        self._clock = clock
        self._show = show
        self._stale = asyncio.Event()

    def committed(self, events: Sequence[StoredEvent]) -> None:
        """New events: those that are counted change the figures."""
        if any(event.topic.startswith(COUNTED) for event in events):
            self._stale.set()

    async def run(self) -> None:
        """Show the figures whenever they may have changed."""
        while True:
            look_at_s = asyncio.get_running_loop().time() + self._until_look_s()  # by the clock before the look
            self._stale.clear()
            await self._draw()
            await asyncio.sleep(GATHER_S)
            try:
                async with asyncio.timeout_at(look_at_s):
                    await self._stale.wait()
            except TimeoutError:
                continue  # nothing happened, and time went by

    def _until_look_s(self) -> float:
        now = self._clock.now()
        tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return min(LOOK_S, (tomorrow - now).total_seconds())

    async def _draw(self) -> None:
        states = self._states()
        try:
            today, previous = await self._store.transact(lambda change: _look(change, states))
        except StoreError:
            return  # the topic `status` says that the store fails
        if today is not None:
            self._show("figures", today)
        if previous is not None:
            self._show("figures/previous", previous)


def _look(transaction: Transaction, states: Mapping[str, str]) -> tuple[Figures | None, PreviousFigures | None]:
    turn_day(transaction)
    watch_devices(transaction, states)
    return read_open(transaction), read_previous(transaction)

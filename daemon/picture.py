"""How the hall stands now, as retained topics: queues and counters, read from the store after each change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from daemon import tickets
from daemon.database import Transaction
from daemon.envelope import StoredEvent
from daemon.model import Model
from daemon.settings import Settings
from daemon.statuses import CounterStatus, QueueStatus
from daemon.store import Store, StoreError

SETTLE_S = 0.02
"""Changes that come together make one picture."""

WAITING_GROWS_S = 30.0
"""How often the waiting times are looked at when nothing changes."""


class Picture:
    """Keeps ``queue/…`` and ``counter/…`` true. `show` publishes a retained topic if it differs from before."""

    def __init__(self, settings: Callable[[], Settings], store: Store, show: Callable[[str, Model], None]) -> None:
        self._settings = settings
        self._store = store
        self._show = show
        self._stale = asyncio.Event()

    def committed(self, events: Sequence[StoredEvent]) -> None:
        """New events: those of tickets change the picture."""
        if any(event.topic.startswith("event/ticket/") for event in events):
            self._stale.set()

    def refresh(self) -> None:
        """Look again, whatever happened."""
        self._stale.set()

    async def run(self) -> None:
        """Draw the picture anew whenever it may have changed."""
        self._stale.set()
        while True:
            try:
                async with asyncio.timeout(WAITING_GROWS_S):
                    await self._stale.wait()
            except TimeoutError:
                pass  # nothing happened, and the waiting got longer
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            await self._draw()

    async def _draw(self) -> None:
        settings = self._settings()
        try:
            topics = await self._store.transact(lambda transaction: _read(transaction, settings))
        except StoreError:
            return  # the topic `status` says that the store fails
        for topic, status in topics:
            self._show(topic, status)


def _read(transaction: Transaction, settings: Settings) -> list[tuple[str, Model]]:
    topics: list[tuple[str, Model]] = []
    for service in settings.services:
        figures = tickets.figures(transaction, service)
        longest_wait_s = None if figures.longest_wait_s is None else round(figures.longest_wait_s)
        status = QueueStatus(waiting=figures.waiting, longest_wait_s=longest_wait_s)
        topics.append((f"queue/{service}", status))
    for counter in settings.counters:
        ticket = tickets.present(transaction, counter)
        topics.append((f"counter/{counter}", CounterStatus(number=ticket.number if ticket else None)))
    return topics

"""How the hall stands now, as retained topics: queues and counters, read from the store after each change.

Whoever looks at the queues sees, too, when one is longer than it may be, and which promise runs out: the alerts about
that are raised here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from daemon import tickets
from daemon.database import Transaction
from daemon.envelope import StoredEvent
from daemon.model import Model
from daemon.promises import watch_promises
from daemon.queue_limits import forget_queues, watch_queue
from daemon.settings import Settings
from daemon.statuses import CounterStatus, QueueStatus
from daemon.store import Store, StoreError

SETTLE_S = 0.02
"""Changes that come together make one picture."""

WAITING_GROWS_S = 30.0
"""How often the waiting times are looked at when nothing changes."""


class Picture:
    """Keeps ``queue/…`` and ``counter/…`` true.

    `show` publishes a retained topic if it differs from before; `clear` takes one away that is not configured any more.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        show: Callable[[str, Model], None],
        clear: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._show = show
        self._clear = clear
        self._shown: frozenset[str] = frozenset()
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
            topics = await self._store.transact(lambda transaction: _look(transaction, settings))
        except StoreError:
            return  # the topic `status` says that the store fails
        for topic, status in topics.items():
            self._show(topic, status)
        for topic in self._shown - topics.keys():
            self._clear(topic)
        self._shown = frozenset(topics)


def _look(transaction: Transaction, settings: Settings) -> dict[str, Model]:
    topics: dict[str, Model] = {}
    watch_promises(transaction)
    forget_queues(transaction, frozenset(settings.services))
    for service in settings.services:
        figures = tickets.figures(transaction, service)
        watch_queue(transaction, service, figures, settings.queue)
        longest_wait_s = None if figures.longest_wait_s is None else round(figures.longest_wait_s)
        topics[f"queue/{service}"] = QueueStatus(waiting=figures.waiting, longest_wait_s=longest_wait_s)
    for counter in settings.counters:
        ticket = tickets.present(transaction, counter)
        topics[f"counter/{counter}"] = CounterStatus(number=ticket.number if ticket else None)
    return topics

"""Stored events on their way to the broker for a second time, behind everything that is new."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Sequence

from daemon.envelope import CONTENT_TYPE, StoredEvent
from daemon.mqtt.broker import Outgoing

WINDOW = 10
"""How many may be unacknowledged at a time: a press always finds room in the session's window of twice as many."""


class ReplayLine:
    """The events that were offered, in order. What a broken connection left unacknowledged is sent again after it.

    Whether an event was sent for the first time is the publisher's business, and nothing here touches it.
    """

    def __init__(self, root: str, pump: Callable[[], None]) -> None:
        self._root = root
        self._pump = pump
        self._queue: deque[StoredEvent] = deque()
        self._in_flight: dict[int, StoredEvent] = {}
        self._moved = asyncio.Event()
        self._round = 0
        self.sent = 0
        self.refusal: str | None = None

    def begin(self) -> None:
        """Forget what was offered before, and count from 0."""
        self._queue.clear()
        self._in_flight.clear()
        self._round += 1
        self.sent, self.refusal = 0, None

    def offer(self, events: Sequence[StoredEvent]) -> None:
        """Send these after those before."""
        self._queue.extend(events)
        self._pump()

    def replace(self, events: Sequence[StoredEvent]) -> None:
        """These are not in the store any more as they were: what of them is left to send goes out as it is now."""
        now = {event.sequence: event for event in events}
        self._queue = deque(now.get(event.sequence, event) for event in self._queue)
        self._in_flight = {sequence: now.get(sequence, event) for sequence, event in self._in_flight.items()}

    async def moved(self) -> None:
        """Return when the broker has answered for an event since the last call."""
        await self._moved.wait()
        self._moved.clear()

    @property
    def left(self) -> int:
        """How many events the broker has not yet acknowledged."""
        return len(self._queue) + len(self._in_flight)

    def on_disconnected(self) -> None:
        """What was on its way goes first when there is a broker again."""
        self._queue.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()

    def next(self) -> Outgoing | None:
        """The next event to send."""
        if not self._queue or len(self._in_flight) >= WINDOW:
            return None
        event = self._queue.popleft()
        self._in_flight[event.sequence] = event
        topic, settled = f"{self._root}/{event.topic}", functools.partial(self._settled, self._round, event.sequence)
        return Outgoing(topic, event.payload, content_type=CONTENT_TYPE, settled=settled)

    def _settled(self, of_round: int, sequence: int, refusal: str | None) -> None:
        if of_round != self._round or self._in_flight.pop(sequence, None) is None:
            return  # of a replay that ended meanwhile, which may have been of the same events
        if refusal is None:
            self.sent += 1
        else:
            self.refusal = refusal
        self._moved.set()

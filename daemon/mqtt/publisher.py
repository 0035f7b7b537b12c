"""Sends every stored event, in order, until a broker has it.

Theory of operation. Normally the publisher is *level* with the store: an event goes out in the same call that
reports its commit. When more comes than the broker takes, or after every connect, it is *behind*: it reads the
unsent tail from the store in batches, in order, and is level again once a batch comes back short and nothing was
committed meanwhile. While it is behind, news of commits is only noted, because the tail will hold those events too.
So memory holds one batch and one window, whatever the backlog is.

Nothing is remembered from one connection to the next: what no broker acknowledged is in the store, and is read and
sent again, the same bytes with the same id.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

from daemon.envelope import CONTENT_TYPE, StoredEvent
from daemon.mqtt.broker import Outgoing
from daemon.mqtt.outbox import Outbox
from daemon.store.store import StoreError

log = logging.getLogger(__name__)

BATCH = 500
"""Events read from the store at a time, and the most that wait here while the publisher is level."""

READ_AGAIN_S = 5.0
"""After the store could not be read."""

REFUSED_AGAIN_S = 10.0
REFUSED_LONGEST_S = 600.0
"""After which refused events are offered again on the same connection, and to which that time doubles: somebody may
have mended the permissions."""

REFUSED_COUNTED = 10_000
"""Refused events that are remembered by number, for the count of them: memory stays flat with more."""


class Publisher:
    """The way from the outbox to the broker. `run` it; `pump` is called when there is something for `next`."""

    def __init__(
        self,
        outbox: Outbox,
        root: str,
        pump: Callable[[], None],
        *,
        refusals_changed: Callable[[], None] = lambda: None,
        read_again_s: float = READ_AGAIN_S,
        refused_again_s: float = REFUSED_AGAIN_S,
    ) -> None:
        self._outbox = outbox
        self._root = root
        self._pump = pump
        self._read_again_s = read_again_s
        self._refused_again_s = refused_again_s
        self._refusals_changed = refusals_changed
        self._again_s = refused_again_s
        self._connections = 0
        self._connected = False
        self._queue: deque[StoredEvent] = deque()
        self._in_flight: set[int] = set()
        self._taken = 0  # the highest sequence that was put into the queue
        self._behind = True
        self._missed = False
        self._wanted = asyncio.Event()
        self._acknowledged: list[int] = []
        self._again: asyncio.TimerHandle | None = None
        self._refused_now: set[int] = set()
        self.sent = 0

    @property
    def refused(self) -> int:
        """How many stored events the broker will not take, as far as they were offered; at most REFUSED_COUNTED."""
        return len(self._refused_now)

    @property
    def behind(self) -> bool:
        """Whether there may be unsent events that are not on their way yet."""
        return self._behind

    def committed(self, events: Sequence[StoredEvent]) -> None:
        """These events are on the disk. Call it in their order, right after the commit."""
        if not self._behind and len(self._queue) + len(events) > BATCH:
            self._fall_behind()
        if self._behind:
            self._missed = True
            return
        new = [event for event in events if event.sequence > self._taken]
        if new:
            self._queue.extend(new)
            self._taken = new[-1].sequence
            self._pump()

    def replace(self, events: Sequence[StoredEvent]) -> None:
        """These are not in the store any more as they were: those that wait here go out as they are now."""
        now = {event.sequence: event for event in events}
        self._queue = deque(now.get(event.sequence, event) for event in self._queue)

    def on_connected(self) -> None:
        """Start at the beginning of the unsent tail."""
        self._forget()
        self._connected = True
        self._connections += 1
        self._wanted.set()

    def on_disconnected(self) -> None:
        """Forget what was on its way: it is still in the store."""
        self._connected = False
        self._forget()

    def _forget(self) -> None:
        self._queue.clear()
        self._in_flight.clear()
        self._refused_now.clear()
        self._taken = 0
        self._behind = True
        self._again_s = self._refused_again_s
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def next(self) -> Outgoing | None:
        """The next event to send."""
        if not self._queue:
            return None
        event = self._queue.popleft()
        self._in_flight.add(event.sequence)
        if self._behind and len(self._queue) <= BATCH // 2:
            self._wanted.set()
        return Outgoing(
            topic=f"{self._root}/{event.topic}",
            payload=event.payload,
            content_type=CONTENT_TYPE,
            settled=functools.partial(self._settled, event.sequence),
        )

    # what the broker said

    def _settled(self, sequence: int, refusal: str | None) -> None:
        self._in_flight.discard(sequence)
        if refusal is None:
            self._note(sequence)
        else:
            self._refuse(sequence, refusal)

    def _note(self, sequence: int) -> None:
        self.sent += 1
        if sequence in self._refused_now:
            self._refused_now.discard(sequence)
            self._refusals_changed()
            if not self._refused_now:
                log.info("the broker takes the events that it refused")
        if not self._acknowledged:
            asyncio.get_running_loop().call_soon(self._tell)
        self._acknowledged.append(sequence)

    def _tell(self) -> None:
        sequences, self._acknowledged = self._acknowledged, []
        self._outbox.acknowledged(sequences)

    def _refuse(self, sequence: int, refusal: str) -> None:
        level = logging.DEBUG if self._refused_now else logging.WARNING
        log.log(level, "the broker refuses event %d, which is kept: %s", sequence, refusal)
        if sequence not in self._refused_now and len(self._refused_now) < REFUSED_COUNTED:
            self._refused_now.add(sequence)
            self._refusals_changed()
        self._outbox.refused(sequence, refusal)
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(self._again_s, self._offer_again)
            self._again_s = min(2 * self._again_s, REFUSED_LONGEST_S)

    def _offer_again(self) -> None:
        self._again = None
        self._taken = 0
        self._fall_behind()

    def _fall_behind(self) -> None:
        self._behind = True
        self._wanted.set()

    # what the store has

    async def run(self) -> NoReturn:
        """Read from the store whenever it is wanted; only a bug or a cancellation gets out."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._connected and self._behind and len(self._queue) <= BATCH // 2:
                await self._read()

    async def _read(self) -> None:
        connection, self._missed = self._connections, False
        try:
            events = await self._outbox.unsent(self._taken, BATCH)
        except StoreError as error:
            log.warning("cannot read unsent events: %s", error)
            await asyncio.sleep(self._read_again_s)
            self._wanted.set()
            return
        if self._connected and connection == self._connections:
            self._take(events)

    def _take(self, events: list[StoredEvent]) -> None:
        waiting = {event.sequence for event in self._queue} | self._in_flight
        self._queue.extend(event for event in events if event.sequence not in waiting)
        if events:
            self._taken = events[-1].sequence
        self._behind = len(events) == BATCH or self._missed
        if self._behind and len(self._queue) <= BATCH // 2:
            self._wanted.set()
        self._pump()

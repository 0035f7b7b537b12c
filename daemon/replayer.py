"""``events/replay``: stored events sent again, one range after the other, each until its command's deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from daemon.clock import Clock
from daemon.commands import EventsReplay, Refusal, Reply, Request, Status
from daemon.envelope import StoredEvent
from daemon.hall.effects import Effect, Handlers
from daemon.mqtt.replay_line import ReplayLine
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError
from daemon.store.stored_events import Span, read_span, span_of
from daemon.turns import Turns

log = logging.getLogger(__name__)

BATCH = 200
"""Events read from the store at a time: what a replay holds in memory is less than twice as much."""

TELL_S = 5.0
"""How often whoever asked hears how far it is."""

READ_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class _Replay:
    """A range that a command asked for."""

    command: str
    deadline: datetime
    span: Span

    def data(self, sent: int) -> dict[str, Any]:
        """For a reply: the range, and how much of it the broker has."""
        first, last = self.span
        return {"from_sequence": first, "to_sequence": last, "count": self.span.size, "sent": sent}


class _Ended(Exception):
    """The range cannot be sent to its end."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Replayer:
    """Carries out the replays. `told` passes a reply on that is not the last one, `settled` one that is.

    A broker that goes away is waited for; a replay that its deadline or a restart cuts short is answered as that.
    """

    def __init__(
        self,
        store: Store,
        line: ReplayLine,
        clock: Clock,
        told: Callable[[Reply], None],
        settled: Callable[[Reply], None],
        *,
        tell_s: float = TELL_S,
    ) -> None:
        self._store = store
        self._line = line
        self._clock = clock
        self._told = told
        self._tell_s = tell_s
        self._turns: Turns[_Replay] = Turns(store, clock, settled)

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {EventsReplay: self._replay}

    def _replay(self, transaction: Transaction, command: EventsReplay, request: Request) -> Effect:
        replay = _Replay(request.id, request.deadline, span_of(transaction, command))
        return Effect(replay.data(sent=0), final=False, after=lambda: self._turns.take(replay))

    async def run(self) -> NoReturn:
        """Send one range after the other; only a bug or a cancellation gets out."""
        while True:
            replay = await self._turns.next()
            reply = await self._carry_out(replay)
            self._line.begin()  # what is left of it is not sent any more
            await self._turns.answer(reply)

    async def _carry_out(self, replay: _Replay) -> Reply:
        self._line.begin()
        left_s = (replay.deadline - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(left_s):
                await self._send(replay)
        except TimeoutError:
            detail = f"the deadline was {replay.deadline.isoformat()}"
            return self._reply(replay, Status.EXPIRED, Refusal.EXPIRED, detail)
        except _Ended as ended:
            return self._reply(replay, Status.FAILED, ended.reason, ended.detail)
        return self._reply(replay, Status.DONE)

    def _reply(self, replay: _Replay, status: Status, reason: str | None = None, detail: str = "") -> Reply:
        data = replay.data(self._line.sent)
        return Reply(id=replay.command, status=status, reason=reason, detail=detail, data=data)

    async def _send(self, replay: _Replay) -> None:
        """Read and send the range; returns when the broker has all of it."""
        first, steady_s = replay.span.first, asyncio.get_running_loop().time
        tell_at_s = steady_s() + self._tell_s
        while first <= replay.span.last or self._line.left:
            if first <= replay.span.last and self._line.left < BATCH // 2:
                batch = Span(first, min(first + BATCH - 1, replay.span.last))
                await self._offer(batch)
                first = batch.last + 1
            await self._line.moved()
            if self._line.refusal is not None:
                raise _Ended(Refusal.BROKER_REFUSED, f"the broker refuses an event: {self._line.refusal}")
            if steady_s() >= tell_at_s:
                tell_at_s = steady_s() + self._tell_s
                self._told(self._reply(replay, Status.ACCEPTED))

    async def _offer(self, batch: Span) -> None:
        events = await self._read(batch)
        if events is None:
            raise _Ended(Refusal.EVENTS_GONE, f"events from {batch.first} to {batch.last} made room meanwhile")
        self._line.offer(events)

    async def _read(self, batch: Span) -> Sequence[StoredEvent] | None:
        while True:
            try:
                return await self._store.transact(lambda change: read_span(change, batch))
            except StoreError as error:
                log.warning("cannot read the events to be sent again: %s", error)
                await asyncio.sleep(READ_AGAIN_S)

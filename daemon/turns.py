"""Commands that take long: each waits for its turn, and is answered once it is over, or was never begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from daemon.clock import Clock
from daemon.commands import Refusal, Reply, Status
from daemon.store.journal import settle_command
from daemon.store.store import Store

WAITING_MAX = 8
"""Commands of a kind that wait for the one at work; more are refused as busy."""


class Asked(Protocol):
    """What a command asked for: its id, and until when it may be begun."""

    @property
    def command(self) -> str: ...
    @property
    def deadline(self) -> datetime: ...


T = TypeVar("T", bound=Asked)


class Turns(Generic[T]):
    """The turns of one kind of command. `settled` passes a command's last reply on, once that is stored."""

    def __init__(self, store: Store, clock: Clock, settled: Callable[[Reply], None]) -> None:
        self._store = store
        self._clock = clock
        self._settled = settled
        self._waiting: asyncio.Queue[T] = asyncio.Queue(WAITING_MAX)
        self._refusing: set[asyncio.Task[None]] = set()

    def take(self, asked: T) -> None:
        """Have it wait for its turn."""
        try:
            self._waiting.put_nowait(asked)
        except asyncio.QueueFull:
            self._refuse(asked, Status.REJECTED, Refusal.BUSY, f"{WAITING_MAX} of these commands are waiting already")

    async def next(self) -> T:
        """The one whose turn it is. Those whose deadlines passed meanwhile are answered, and not begun."""
        while True:
            asked = await self._waiting.get()
            if asked.deadline >= self._clock.now():
                return asked
            self._refuse(asked, Status.EXPIRED, Refusal.EXPIRED, f"the deadline was {asked.deadline.isoformat()}")

    async def answer(self, reply: Reply) -> None:
        """The turn is over: `reply` is stored, and then told."""
        await self._store.keep(lambda change: settle_command(change, reply))
        self._settled(reply)

    def _refuse(self, asked: T, status: Status, reason: Refusal, detail: str) -> None:
        """In a task of its own: a disk that stalls holds up neither whoever asks next nor whose turn it is."""
        reply = Reply(id=asked.command, status=status, reason=reason, detail=detail)
        task = asyncio.get_running_loop().create_task(self.answer(reply))
        self._refusing.add(task)
        task.add_done_callback(self._refusing.discard)

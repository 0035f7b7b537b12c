"""One printer at work: one job after the other, each until it is out or nobody waits for it. In the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from daemon import printing
from daemon.clock import Clock
from daemon.commands import Reply
from daemon.events import PrintSent
from daemon.printing import Job
from daemon.slips import lay_out
from daemon.store import Store
from drivers.device import Condition, Reason, State
from drivers.printer.capability import Outcome, Printer, PrintResult

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
"""How long a job that its printer could not take waits when nothing else wakes it."""

CANNOT_PRINT = (State.ABSENT, State.FAULTED)


class PrintRunner:
    """The jobs of one printer, one after the other. What a job came to is on the disk before the next begins."""

    def __init__(
        self,
        name: str,
        printer: Printer,
        condition: Callable[[], Condition],
        store: Store,
        clock: Clock,
        reply: Callable[[Reply], None],
    ) -> None:
        self._name = name
        self._printer = printer
        self._condition = condition
        self._store = store
        self._clock = clock
        self._reply = reply
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A job was queued, or the printer's condition changed."""
        self._news.set()

    async def run(self) -> None:
        """Print for ever."""
        for reply in await self._store.keep(lambda change: printing.settle_interrupted(change, self._name)):
            self._reply(reply)
        while True:
            self._news.clear()
            job = await self._store.keep(lambda change: printing.next_job(change, self._name))
            if job is None:
                await self._news.wait()
            elif self._is_late(job):
                await self._expire(job)
            elif self._condition().state in CANNOT_PRINT:
                await self._wait(job)
            else:
                await self._print(job)

    async def _print(self, job: Job) -> None:
        await self._store.keep(lambda change: printing.start(change, job))
        result = await self._printer.print_page(lay_out(job.slip), progress=self._progress(job))
        if _worth_another_try(result) and not self._is_late(job):
            await self._store.keep(lambda change: printing.put_back(change, job, result.reason))
            await self._wait(job)
            return
        self._answer(await self._store.keep(lambda change: printing.settle(change, self._name, job, result)))

    def _progress(self, job: Job) -> Callable[[int, int], None]:
        return lambda sent, total: self._sent(job, total) if sent == total else None

    def _sent(self, job: Job, total: int) -> None:
        event = PrintSent(job=str(job.id), ticket=job.ticket, printer=self._name, bytes=total)
        self._store.post(lambda change: change.emit(event))

    async def _expire(self, job: Job) -> None:
        reasons = self._condition().reasons
        reason = str(reasons[0]) if reasons else "deadline"
        self._answer(await self._store.keep(lambda change: printing.expire(change, self._name, job, reason)))

    async def _wait(self, job: Job) -> None:
        left_s = job.deadline - self._clock.now().timestamp()
        try:
            async with asyncio.timeout(max(0.0, min(left_s, LOOK_AGAIN_S))):
                await self._news.wait()
        except TimeoutError:
            return

    def _is_late(self, job: Job) -> bool:
        return self._clock.now().timestamp() >= job.deadline

    def _answer(self, reply: Reply | None) -> None:
        if reply is not None:
            self._reply(reply)


def _worth_another_try(result: PrintResult) -> bool:
    return result.outcome is Outcome.FAILED and not result.paper and result.reason is not Reason.UNPRINTABLE

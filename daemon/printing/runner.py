"""One printer at work: one job after the other, each until it is out or nobody waits for it. In the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from daemon.clock import Clock
from daemon.commands import Reply
from daemon.events import Event, PrintProgressed, PrintSent
from daemon.printing import jobs as printing
from daemon.printing.jobs import Job, Step
from daemon.settings.hall import OnFailure
from daemon.slips.book import SlipBook
from daemon.slips.faults import SlipError
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError
from drivers.device import Condition, Reason, State
from drivers.printer.capability import Outcome, Printer, PrintResult, Progress

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
"""How long a job that its printer could not take waits when nothing else wakes it."""

RESUME_S = 2.0
"""How long a printer waits to be served until the disk has said what the run before this one left in it."""

TELL_SENT_S = 0.2
"""How long the news that everything was sent may wait for the printer's own word."""

PROGRESS_S = 1.0
"""How often a slip that takes long is told of."""

CANNOT_PRINT = (State.ABSENT, State.FAULTED)


class PrintRunner:
    """The jobs of one printer, one after the other. What a job came to is on the disk before the next begins."""

    def __init__(
        self,
        name: str,
        printer: Printer,
        condition: Callable[[], Condition],
        book: SlipBook,
        store: Store,
        clock: Clock,
        reply: Callable[[Reply], None],
        on_failure: OnFailure,
    ) -> None:
        self._name = name
        self._printer = printer
        self._condition = condition
        self._book = book
        self._store = store
        self._clock = clock
        self._reply = reply
        self._on_failure = on_failure
        self._resumed = False
        self._cleared = False
        self._sent: PrintSent | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()

    def follow(self, on_failure: OnFailure) -> None:
        """The rule for slips that come out in part, from now on."""
        self._on_failure = on_failure

    def wake(self) -> None:
        """A job was queued, or the printer's condition changed."""
        self._news.set()

    async def resume(self) -> None:
        """Have the driver know what is left in its printer, before it serves it; a disk that hangs keeps no printer."""
        try:
            async with asyncio.timeout(RESUME_S):
                left = await self._store.transact(lambda change: printing.leftover(change, self._name))
        except (StoreError, TimeoutError) as error:
            log.warning("printer %s: what may be left in it is not known yet: %s", self._name, error)
            return
        self._resumed = True
        self._printer.take_over(left, self._was_cleared)

    async def run(self) -> None:
        """Print for ever."""
        if not self._resumed:
            left = await self._store.keep(lambda change: printing.leftover(change, self._name))
            self._printer.take_over(left, self._was_cleared)
        settle = printing.settle_interrupted
        for reply in await self._store.keep(lambda change: settle(change, self._name, self._on_failure)):
            self._reply(reply)
        while True:
            self._news.clear()
            await self._note_cleared()
            match await self._next():
                case None:
                    await self._news.wait()
                case job, Step.PRINT:
                    await self._print(job)
                case job, Step.WAIT:
                    await self._wait(job)
                case job, Step.EXPIRE:
                    await self._expire(job)

    async def _next(self) -> tuple[Job, Step] | None:
        can_print = self._condition().state not in CANNOT_PRINT
        return await self._store.keep(lambda change: printing.next_step(change, self._name, can_print=can_print))

    async def _print(self, job: Job) -> None:
        result = await self._put_on_paper(job)
        await self._note_cleared()  # of what was left before this job, not by it
        if _worth_another_try(result) and await self._put_back(job, result.reason):
            await self._wait(job)
            return
        sent = self._take_sent()

        def settle(change: Transaction) -> Reply | None:
            for event in sent:
                change.emit(event)
            return printing.settle(change, job, result, self._on_failure)

        self._answer(await self._store.keep(settle))

    async def _put_on_paper(self, job: Job) -> PrintResult:
        try:
            page = await asyncio.to_thread(job.slip.lay_out, self._book, self._printer.columns)
        except SlipError as error:
            return PrintResult(Outcome.FAILED, False, 0, 0, reason=Reason.UNPRINTABLE, detail=str(error))
        return await self._printer.print_page(page, progress=self._progress(job), closing=partial(self._close, job))

    async def _close(self, job: Job) -> None:
        await self._store.keep(lambda change: printing.close(change, job))

    def _progress(self, job: Job) -> Progress:
        """Tells of every byte that left at the end, and once a second before."""
        steady_s = asyncio.get_running_loop().time
        told_s = steady_s()

        def tell(sent: int, total: int) -> None:
            nonlocal told_s
            if sent == total:
                self._all_sent(PrintSent(**job.subject, bytes=total))
            elif steady_s() >= told_s + PROGRESS_S:
                told_s = steady_s()
                self._post(PrintProgressed(**job.subject, sent=sent, total=total))

        return tell

    def _all_sent(self, event: PrintSent) -> None:
        """Most printers say at once that they printed: both are one write to the disk then."""
        self._sent = event
        self._telling = asyncio.get_running_loop().call_later(TELL_SENT_S, self._tell_sent)

    def _tell_sent(self) -> None:
        for event in self._take_sent():
            self._post(event)

    def _take_sent(self) -> list[Event]:
        """That everything was sent, if that was not told yet."""
        if self._telling is not None:
            self._telling.cancel()
        sent, self._sent, self._telling = self._sent, None, None
        return [sent] if sent is not None else []

    def _post(self, event: Event) -> None:
        self._store.post(lambda change: change.emit(event))

    def _was_cleared(self) -> None:
        self._cleared = True
        self._news.set()

    async def _note_cleared(self) -> None:
        if self._cleared:
            self._cleared = False
            await self._store.keep(lambda change: printing.forget_leftover(change, self._name))

    async def _expire(self, job: Job) -> None:
        condition = self._condition()
        hindered = condition.state in CANNOT_PRINT and condition.reasons
        reason = str(condition.reasons[0]) if hindered else "deadline"
        self._answer(await self._store.keep(lambda change: printing.expire(change, job, reason)))

    async def _wait(self, job: Job) -> None:
        left_s = job.deadline - self._clock.now().timestamp()
        try:
            async with asyncio.timeout(max(0.0, min(left_s, LOOK_AGAIN_S))):
                await self._news.wait()
        except TimeoutError:
            return

    async def _put_back(self, job: Job, reason: Reason | None) -> bool:
        return await self._store.keep(lambda change: printing.put_back(change, job, reason))

    def _answer(self, reply: Reply | None) -> None:
        if reply is not None:
            self._reply(reply)


def _worth_another_try(result: PrintResult) -> bool:
    return result.outcome is Outcome.FAILED and not result.paper and result.reason is not Reason.UNPRINTABLE

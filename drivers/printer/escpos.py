"""Driver of ESC/POS ticket printers. Nothing here was tried on real hardware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from escpos import constants

from drivers.device import Condition, DeviceError, Inquiries, Reason, Report, State
from drivers.link.stream import Link
from drivers.printer.capability import Closing, Leftover, PrintResult, Progress
from drivers.printer.escpos_condition import condition, faults, needs_recovery
from drivers.printer.escpos_debris import DOUBT_POLL_S, SHORT_COMMAND_BYTES, Debris
from drivers.printer.escpos_job import Attempt, Limits, Watcher, refused
from drivers.printer.escpos_layout import CUTS, lay_out, preamble
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_protocol import ASB_ITEMS, enable_asb, recover
from drivers.printer.escpos_session import Session
from drivers.printer.escpos_text import ENCODINGS, RASTER
from drivers.printer.page import Page

ANSWERS = ("auto", "never")


@dataclass(frozen=True, slots=True)
class EscposOptions:
    """How one printer is. Times in seconds.

    `answers`: ``never`` for a printer or interface board known to send nothing back; its jobs end unconfirmed.
    `encoding`: the code its Chinese font is in, or ``raster`` for a printer that has none: it is sent dots alone.
    `four_byte`: the font has GB18030's four-byte characters. `fs_size`: its Chinese characters grow with FS !, not
    with GS !. `columns`: of single-width characters. `cut`: partial, full, or none (no cutter).
    `answer_s`: how long a status answer may take. `poll_s`: how often an idle printer is asked.
    `stall_s`: how long it may take nothing while it is sent a job. `confirm_s`: how long printing may go on after
    the last byte. `chunk_bytes`: how much of a job is sent between two looks at the status.
    """

    answers: str = "auto"
    encoding: str = "gb18030"
    four_byte: bool = False
    fs_size: bool = False
    columns: int = 48
    cut: str = "partial"
    answer_s: float = 2.0
    poll_s: float = 5.0
    stall_s: float = 10.0
    confirm_s: float = 20.0
    chunk_bytes: int = 512

    def __post_init__(self) -> None:
        _one_of("answers", self.answers, ANSWERS)
        _one_of("encoding", self.encoding, (*ENCODINGS, RASTER))
        _one_of("cut", self.cut, tuple(CUTS))
        for name in ("columns", "answer_s", "poll_s", "stall_s", "confirm_s", "chunk_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")

    @property
    def layout(self) -> Layout:
        return Layout(self.encoding, self.columns, self.cut, self.four_byte, self.fs_size)

    @property
    def limits(self) -> Limits:
        return Limits(self.answer_s, self.stall_s, self.confirm_s, self.chunk_bytes)


@dataclass(slots=True)
class _Job:
    """A page that somebody waits for, in the bytes for its printer."""

    preamble: bytes
    pieces: Sequence[bytes]
    watcher: Watcher
    result: asyncio.Future[PrintResult]


class EscposPrinter:
    """A ticket printer that is asked what it can tell, and believed only in that.

    Jobs wait in one queue; whoever serves the link prints them. When the link is lost each of them gets its result
    at once. What a job left behind in the printer (half a command, half a slip) is cleared away, marked void and
    cut off when the printer is next ready, before anything else is printed.
    """

    def __init__(self, options: EscposOptions, report: Report) -> None:
        self._options = options
        self._report = report
        self._reported: Condition | None = None
        self._laying_out = asyncio.Lock()  # jobs are queued in the order of the calls
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()  # None: somebody inquires
        self._inquiries = Inquiries()
        self._job: _Job | None = None
        self._attempt: Attempt | None = None
        self._session: Session | None = None
        self._met = False
        self._away = DeviceError(Reason.NOT_PRESENT, "the printer was not connected yet")
        self._debris = Debris(options.layout, options.stall_s, options.confirm_s)

    # --- printing --------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """See `drivers.printer.capability.Printer`."""
        return self._options.columns

    async def print_page(
        self, page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        """Print `page`; see `drivers.printer.capability.Printer`. Cancelling it takes a job not yet begun away."""
        async with self._laying_out:
            try:
                pieces = await self._lay_out(page)
            except ValueError as error:
                return refused(Reason.UNPRINTABLE, str(error))
            if self._session is None:
                return self._not_there()
            result: asyncio.Future[PrintResult] = asyncio.get_running_loop().create_future()
            self._jobs.put_nowait(_Job(preamble(self._options.layout), pieces, Watcher(progress, closing), result))
        return await result

    async def _lay_out(self, page: Page) -> list[bytes]:
        layout = self._options.layout
        if layout.encoding == RASTER:
            return await asyncio.to_thread(lay_out, page, layout)  # drawing a long slip takes a tenth of a second
        return lay_out(page, layout)

    def take_over(self, leftover: Leftover | None, cleared: Callable[[], None]) -> None:
        """Go on for a process that ended; see `drivers.printer.capability.Printer`."""
        self._debris.take_over(leftover, cleared)

    async def check(self) -> None:
        """See `drivers.device.Checkable`."""
        if self._session is None:
            raise DeviceError(self._away.reason, self._away.detail)
        inquiry = self._inquiries.ask()
        self._jobs.put_nowait(None)
        await inquiry

    def _not_there(self) -> PrintResult:
        silent = self._away.reason is Reason.NO_ANSWER
        return refused(Reason.NO_ANSWER if silent else Reason.NOT_PRESENT, str(self._away))

    async def _print(self, session: Session, job: _Job) -> None:
        if job.result.done():
            return  # whoever wanted it went away
        self._job = job
        if reason := await self._unready(session):
            self._finish(refused(reason, "the printer was not ready"))
            return
        self._attempt = Attempt(session, self._options.limits, job.preamble, job.pieces, job.watcher)
        self._finish(await self._attempt.run())

    async def _unready(self, session: Session) -> Reason | None:
        """Why the printer says, now, that it cannot print; None when it can."""
        if self._options.answers == "auto":
            await self._look(session)
            await session.settle_questions(self._options.answer_s)
            if reasons := faults(session.status):
                return reasons[0]
            if session.abilities.evidence and not self._debris:
                session.may_send.set()  # the last job was seen out of the buffer: an XOFF since then is noise
        await self._debris.clear_away(session)
        return None

    def _finish(self, result: PrintResult) -> None:
        """End the current job; what it may have left in the printer is remembered."""
        if self._attempt is not None:
            self._debris.note(result, self._attempt.longest_piece, asyncio.get_running_loop().time())
        if self._job is not None and not self._job.result.done():
            self._job.result.set_result(result)
        self._job = self._attempt = None

    # --- serving the link ------------------------------------------------------------------------------------------

    async def serve(self, link: Link) -> None:
        """Serve the printer over `link` until it fails; raises DeviceError. See `drivers.catalog.Driver`."""
        self._session = session = Session(link, self._heard)
        self._met = False
        self._reported = None
        ended = DeviceError(Reason.STOPPED, "the daemon stopped serving the printer")
        try:
            await _until_one_fails(session.listen(), self._work(session))
        except DeviceError as error:
            ended = error
            raise
        finally:
            self._end(ended)

    def _end(self, why: DeviceError) -> None:
        """No session any more: every job gets its result."""
        self._session = None
        self._away = why
        if self._attempt is None and why.reason is not Reason.STOPPED:
            self._debris.fault_seen(asyncio.get_running_loop().time())
        self._finish(self._attempt.cut_short(why.reason, why.detail) if self._attempt else self._not_there())
        while not self._jobs.empty():
            self._job = self._jobs.get_nowait()
            self._finish(self._not_there())
        self._inquiries.failed(why)

    async def _work(self, session: Session) -> None:
        # a question that was cut off must not take the next one for its data; NULs between commands do nothing
        # (receiptio relies on it, too)
        await session.deliver(bytes(SHORT_COMMAND_BYTES), self._options.stall_s)
        if self._options.answers == "auto":
            await self._meet(session)
        else:
            self._tell(Condition(State.READY, (Reason.NEVER_ANSWERS,)))
        while True:
            try:
                async with asyncio.timeout(self._poll_s()):
                    job = await self._jobs.get()
            except TimeoutError:
                await self._idle(session)
            else:
                await (self._print(session, job) if job is not None else self._idle(session))

    def _poll_s(self) -> float:
        """How long to wait for a job before the printer is asked how it is."""
        in_doubt = self._debris.may_still_print(asyncio.get_running_loop().time())
        return min(self._options.poll_s, DOUBT_POLL_S) if in_doubt else self._options.poll_s

    async def _meet(self, session: Session) -> None:
        await session.meet(self._options.answer_s)
        if not faults(session.status):
            await self._meet_buffered(session)
        if session.abilities.none:
            raise DeviceError(Reason.NO_ANSWER, "the printer answers no question")
        self._met = True
        self._heard()

    async def _meet_buffered(self, session: Session) -> None:
        await self._debris.end_command(session)
        await session.meet_buffered(self._options.answer_s)
        await session.link.write(constants.HW_INIT)  # drops what an old printer took for text
        await self._debris.clear_away(session)
        if session.abilities.asb:
            await session.link.write(enable_asb(ASB_ITEMS))

    async def _idle(self, session: Session) -> None:
        if self._options.answers == "auto":
            await self._look(session)
        self._inquiries.answered()

    async def _look(self, session: Session) -> None:
        """Have the status told; help a printer out of its error, and get to know one that came back from a fault."""
        answer_s = self._options.answer_s
        if not await session.refresh(answer_s):
            self._tell(Condition(State.UNKNOWN, (Reason.NO_ANSWER,), f"no answer in {answer_s:g} s"))
            if not await session.refresh(answer_s):
                raise DeviceError(Reason.NO_ANSWER, f"no answer in {2 * answer_s:g} s")
        if needs_recovery(session.status):
            await session.link.write(recover(resume=False))
        if not faults(session.status):
            if not session.abilities.buffered_known:
                await self._meet_buffered(session)
            await self._debris.clear_away(session)

    def _heard(self) -> None:
        """The printer said something."""
        if self._session is None or not self._met:
            return
        self._tell(condition(self._session.status, self._session.abilities.model))
        if self._attempt is not None:
            self._attempt.heard()
        elif set(faults(self._session.status)) - {Reason.FEED_BUTTON}:  # whoever feeds paper has his slip
            self._debris.fault_seen(asyncio.get_running_loop().time())

    def _tell(self, now: Condition) -> None:
        if now != self._reported:
            self._reported = now
            self._report(now)


async def _until_one_fails(*activities: Coroutine[Any, Any, None]) -> None:
    """Run `activities` side by side; when one fails, stop the others and raise its error, a bug before a DeviceError.

    Not a TaskGroup: before Python 3.13 one whose task fails leaves its parent marked as cancelled, and the
    supervisor that goes on in it would take that for its own cancellation.
    """
    tasks = [asyncio.create_task(each) for each in activities]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, Exception)]
    raise min(errors, key=lambda error: isinstance(error, DeviceError))


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(known)}")

"""One print job on its way through one session, and what can be said of it at any moment.

The last piece of a slip (its cut) is held back until the printer has said that everything before it is on paper.
So a slip that paper end, an open cover or a power cut interrupts is known not to be whole: it `FAILED`. Only from
the moment the last piece may have left can the outcome be `UNCONFIRMED`. A printer without means to confirm gets
everything at once, and its jobs end `UNCONFIRMED`: its DLE EOT answers overtake the buffer, so "ready" after the
last byte proves nothing about the paper.

A long slip goes in stretches, each with a question behind it, and the printer is never more than two stretches
behind: however long the slip, what it has to say in time is that it printed some hundred lines.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drivers.device import DeviceError, LinkLost, Reason
from drivers.printer.capability import Closing, Evidence, Outcome, PrintResult, Progress
from drivers.printer.escpos_condition import faults
from drivers.printer.escpos_protocol import ASB_ITEMS, ask_paper, ask_process_id, enable_asb
from drivers.printer.escpos_session import Session, bounded

STRETCH_BYTES = 2048
"""Some 50 lines of text, or 2 cm of a picture: more than a printer needs to keep its motor running."""

_QUESTION_BYTES = {Evidence.PROCESS_ID: len(ask_process_id(b"0000")), Evidence.GS_R: len(ask_paper()), None: 0}


class _Interrupted(TimeoutError):
    """A fault was seen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a job waits for the printer, in seconds, and how much it sends between two looks at the status."""

    answer_s: float
    stall_s: float
    confirm_s: float
    chunk_bytes: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told of a job on its way."""

    progress: Progress | None = None
    closing: Closing | None = None


def refused(reason: Reason, detail: str = "", total: int = 0) -> PrintResult:
    """The result of a job of which no byte was sent."""
    return PrintResult(Outcome.FAILED, paper=False, sent=0, total=total, reason=reason, detail=detail)


class Attempt:
    """Sends the pieces of one slip and waits for the printer's word.

    `left` counts the bytes that may have left this machine, never fewer than did.
    """

    def __init__(
        self, session: Session, limits: Limits, preamble: bytes, pieces: Sequence[bytes], watcher: Watcher
    ) -> None:
        self._session = session
        self._limits = limits
        self._watcher = watcher
        self._evidence = session.abilities.evidence
        self._limit = asyncio.timeout(None)
        self._fault: Reason | None = None
        # ESC @ ends automatic status on some printers
        self._preamble = preamble + (enable_asb(ASB_ITEMS) if session.abilities.asb else b"")
        self._pieces = [self._preamble, *pieces]
        self._stretches = _stretches(self._pieces)
        self._printed: Callable[[], bool] = _never
        self.left = 0
        questions = _QUESTION_BYTES[self._evidence] * len(self._stretches)
        self.total = sum(map(len, self._pieces)) + questions
        self._never_whole = self.total - _QUESTION_BYTES[self._evidence] - len(self._pieces[-1])

    async def run(self) -> PrintResult:
        """Print. Raises DeviceError when the session is at its end: `cut_short` then tells what became of the job."""
        try:
            async with self._limit:
                self.heard()
                result = await self._print()
                if self._fault is None or result.outcome is Outcome.PRINTED:
                    return result
        except TimeoutError:  # of `_limit`, which nothing but a fault ever sets
            pass
        return await self._give_up()

    def heard(self) -> None:
        """Look at the printer's status; a fault stops the job at once, wherever it waits."""
        if self._fault is not None or self._printed():
            return
        if reasons := faults(self._session.status):
            self._fault = reasons[0]
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _print(self) -> PrintResult:
        *body, last = self._stretches
        if not await self._print_body(body):
            return self.cut_short(Reason.NO_ANSWER, "the printer did not say that it printed the slip's body")
        if self._watcher.closing is not None:
            await self._watcher.closing()
        await self._send(last)
        if self._evidence is None:
            await self._hear_of_it()
            return self._unconfirmed_by_nature()
        self._printed = await self._ask()
        if await self._confirm(self._printed):
            return PrintResult(Outcome.PRINTED, True, self.left, self.total, evidence=self._evidence)
        return self.cut_short(Reason.NO_ANSWER, "everything was sent; the printer did not say that it printed it")

    async def _print_body(self, stretches: Sequence[Sequence[bytes]]) -> bool:
        """Send all but the last piece; False when the printer did not say in time that it printed a part of it."""
        unconfirmed: deque[Callable[[], bool]] = deque()
        for stretch in stretches:
            await self._send(stretch)
            if self._evidence is None:
                await self._hear_of_it()
            else:
                unconfirmed.append(await self._ask())
            if len(unconfirmed) > 1 and not await self._confirm(unconfirmed.popleft()):
                return False
        return not unconfirmed or await self._confirm(unconfirmed.popleft())

    # --- sending ---------------------------------------------------------------------------------------------------

    async def _send(self, pieces: Sequence[bytes]) -> None:
        *chunks, (last, _) = _chunks(pieces, self._limits.chunk_bytes)
        for chunk, between_commands in chunks:
            await self._push(chunk)
            if between_commands and self._session.abilities.topics:
                await self._in_step()
                await self._session.ask_topics()
            else:
                await bounded(self._session.link.drain(), self._limits.stall_s)
            self._tell()
        await self._push(last)
        self._tell()

    async def _push(self, chunk: bytes) -> None:
        """Hand `chunk` over as soon as the printer has room."""
        if not self._session.may_send.is_set():
            await bounded(self._session.may_send.wait(), self._limits.stall_s)
        if self._fault is not None:
            raise _Interrupted  # the cancellation is on its way, and this came first
        await bounded(self._write(chunk), self._limits.stall_s)

    async def _write(self, chunk: bytes) -> None:
        before = self.left
        self.left += len(chunk)
        try:
            await self._session.link.write(chunk)
        except LinkLost as error:
            self.left = before + error.sent
            raise

    async def _in_step(self) -> None:
        """Have the status told behind one chunk while the next is on its way: the wire never waits, and a printer
        that died gets little more of the slip. The answer proves, sooner than the kernel knows, that a chunk arrived.
        """
        if not await self._session.until(lambda: self._session.topics_answered, self._limits.stall_s):
            raise DeviceError(Reason.NO_ANSWER, "the printer fell silent while it was sent a slip")

    async def _hear_of_it(self) -> None:
        """Have a printer that confirms nothing tell its status behind what was sent: one that died is told from it."""
        await bounded(self._session.link.drain(), self._limits.stall_s)
        await self._in_step()
        await self._session.ask_topics()
        await self._in_step()

    def _tell(self) -> None:
        if self._watcher.progress is not None:
            self._watcher.progress(self.left, self.total)

    # --- confirming ------------------------------------------------------------------------------------------------

    async def _ask(self) -> Callable[[], bool]:
        """Send a question behind what was sent; how to tell that it was answered."""
        request, answered = self._session.question(self._evidence)
        await self._push(request)
        self._tell()
        return answered

    async def _confirm(self, answered: Callable[[], bool]) -> bool:
        """Wait for an answer, looking at the status meanwhile; False when it did not come in time."""
        if await self._session.until(answered, self._limits.answer_s):
            return True
        await self._session.link.drain()  # a slow line is no slow printer
        try:
            async with asyncio.timeout(self._limits.confirm_s):
                await self._session.ask_topics()
                while not await self._session.until(answered, self._limits.answer_s):
                    await self._session.ask_topics()
        except TimeoutError:
            return False
        return True

    def _unconfirmed_by_nature(self) -> PrintResult:
        detail = "this printer has no means to say that it printed"
        return PrintResult(Outcome.UNCONFIRMED, True, self.left, self.total, detail=detail)

    # --- ending early ----------------------------------------------------------------------------------------------

    async def _give_up(self) -> PrintResult:
        """Stop at the fault, and have the printer forget the rest: a slip must not come out an hour later."""
        await self._session.deliver(bytes(self.longest_piece), self._limits.stall_s)  # ends a command begun
        cleared = await self._session.clear_buffers(self._limits.answer_s)
        detail = "the printer dropped the rest" if cleared else "the printer may print the rest later"
        return self.cut_short(Reason.OFFLINE, detail)

    def cut_short(self, reason: Reason, detail: str) -> PrintResult:
        """The result if the job ends here and now. A fault that was seen says more than the silence after it."""
        # one byte of the cut is enough: whatever follows it on the wire may complete it
        outcome = Outcome.UNCONFIRMED if self.left > self._never_whole else Outcome.FAILED
        paper = self.left > len(self._preamble)
        return PrintResult(outcome, paper, self.left, self.total, reason=self._fault or reason, detail=detail)

    @property
    def longest_piece(self) -> int:
        """The bytes of the longest piece: no command that was cut off lacks more."""
        return max(map(len, self._pieces))


def _never() -> bool:
    return False


def _stretches(pieces: Sequence[bytes]) -> list[list[bytes]]:
    """`pieces` in stretches; the last piece is one by itself, unless there is nothing before it to be printed."""
    *body, last = pieces
    if len(body) == 1:
        return [list(pieces)]
    stretches: list[list[bytes]] = [[]]
    size = 0
    for piece in body:
        if size >= STRETCH_BYTES:
            stretches.append([])
            size = 0
        stretches[-1].append(piece)
        size += len(piece)
    return [*stretches, [last]]


def _chunks(pieces: Sequence[bytes], chunk_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """`pieces` in chunks, each with whether it ends between commands, where a status question may stand."""
    chunk = b""
    for piece in pieces:
        if chunk and len(chunk) + len(piece) > chunk_bytes:
            yield chunk, True
            chunk = b""
        chunk += piece
        while len(chunk) > chunk_bytes:
            yield chunk[:chunk_bytes], False
            chunk = chunk[chunk_bytes:]
    yield chunk, True

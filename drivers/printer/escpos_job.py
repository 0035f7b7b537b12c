"""One print job on its way through one session, and what can be said of it at any moment.

The last piece of a slip (its cut) is held back until the printer has said that everything before it is on paper.
So a slip that paper end, an open cover or a power cut interrupts is known not to be whole: it `FAILED`. Only from
the moment the last piece may have left can the outcome be `UNCONFIRMED`. A printer without means to confirm gets
everything at once, and its jobs end `UNCONFIRMED`: its DLE EOT answers overtake the buffer, so "ready" after the
last byte proves nothing about the paper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drivers.device import DeviceError, LinkLost, Reason
from drivers.printer.capability import Evidence, Outcome, PrintResult
from drivers.printer.escpos_condition import faults
from drivers.printer.escpos_layout import PREAMBLE
from drivers.printer.escpos_protocol import ASB_ITEMS, ask_process_id, enable_asb
from drivers.printer.escpos_session import Session, bounded, next_process_id

Progress = Callable[[int, int], None]
_Question = tuple[bytes, Callable[[], bool]]
_QUESTION_BYTES = {Evidence.PROCESS_ID: 11, Evidence.GS_R: 3, None: 0}


class _Interrupted(TimeoutError):
    """A fault was seen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a job waits for the printer, in seconds, and how much it sends between two looks at the status."""

    answer_s: float
    stall_s: float
    confirm_s: float
    chunk_bytes: int


def refused(reason: Reason, detail: str = "", total: int = 0) -> PrintResult:
    """The result of a job of which no byte was sent."""
    return PrintResult(Outcome.FAILED, paper=False, sent=0, total=total, reason=reason, detail=detail)


class Attempt:
    """Sends the pieces of one slip and waits for the printer's word.

    `left` counts the bytes that may have left this machine, never fewer than did.
    """

    def __init__(self, session: Session, limits: Limits, pieces: Sequence[bytes], progress: Progress | None) -> None:
        self._session = session
        self._limits = limits
        self._progress = progress
        self._evidence = _means_of(session)
        self._limit = asyncio.timeout(None)
        self._fault: Reason | None = None
        # ESC @ ends automatic status on some printers
        self._preamble = PREAMBLE + (enable_asb(ASB_ITEMS) if session.abilities.asb else b"")
        self._pieces = [self._preamble, *pieces]
        # a slip of one piece has nothing before its last to be confirmed
        self._held_back = self._evidence is not None and len(pieces) > 1
        body = sum(map(len, self._pieces))
        question = _QUESTION_BYTES[self._evidence]
        self._printed: Callable[[], bool] = _never
        self.left = 0
        self._whole = body + (question if self._held_back else 0)
        self.total = self._whole + question

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
        if self._held_back:
            await self._send(self._pieces[:-1])
            if not await self._confirm(self._ask()):
                return self.cut_short(Reason.NO_ANSWER, "the printer did not say that it printed the slip's body")
            await self._send(self._pieces[-1:])
        else:
            await self._send(self._pieces)
        if self._evidence is None:
            return self._unconfirmed_by_nature()
        question, self._printed = self._ask()
        if await self._confirm((question, self._printed)):
            return PrintResult(Outcome.PRINTED, True, self.left, self.total, evidence=self._evidence)
        return self.cut_short(Reason.NO_ANSWER, "everything was sent; the printer did not say that it printed it")

    # --- sending ---------------------------------------------------------------------------------------------------

    async def _send(self, pieces: Sequence[bytes]) -> None:
        for chunk, between_commands in _chunks(pieces, self._limits.chunk_bytes):
            await self._push(chunk)
            if between_commands and self._session.abilities.topics:
                await self._keep_in_step()  # the answer proves, sooner than the kernel knows, that the chunk arrived
            else:
                await bounded(self._session.link.drain(), self._limits.stall_s)
            if self._progress is not None:
                self._progress(self.left, self.total)

    async def _push(self, chunk: bytes) -> None:
        """Hand `chunk` over as soon as the printer has room."""
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

    async def _keep_in_step(self) -> None:
        """Have the status told between chunks: a printer that died gets no more of the slip."""
        await self._session.ask_topics()
        if not await self._session.until(lambda: self._session.topics_answered, self._limits.stall_s):
            raise DeviceError(Reason.NO_ANSWER, "the printer fell silent while it was sent a slip")

    # --- confirming ------------------------------------------------------------------------------------------------

    def _ask(self) -> _Question:
        """What to send behind the slip, and how to tell that it was answered."""
        if self._evidence is Evidence.PROCESS_ID:
            token = next_process_id()
            return ask_process_id(token), lambda: self._session.confirmed(token)
        if self._evidence is Evidence.GS_R:
            return self._session.question_paper(), lambda: self._session.paper_answered
        return b"", _never

    async def _confirm(self, question: _Question) -> bool:
        """Ask, and wait for the answer, looking at the status meanwhile; False when none came in time."""
        request, answered = question
        await self._push(request)
        if self._progress is not None:
            self._progress(self.left, self.total)
        try:
            async with asyncio.timeout(self._limits.confirm_s):
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
        outcome = Outcome.UNCONFIRMED if self.left >= self._whole else Outcome.FAILED
        paper = self.left > len(self._preamble)
        return PrintResult(outcome, paper, self.left, self.total, reason=self._fault or reason, detail=detail)

    @property
    def longest_piece(self) -> int:
        """The bytes of the longest piece: no command that was cut off lacks more."""
        return max(map(len, self._pieces))


def _never() -> bool:
    return False


def _means_of(session: Session) -> Evidence | None:
    if session.abilities.process_id:
        return Evidence.PROCESS_ID
    return Evidence.GS_R if session.abilities.gs_r else None


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

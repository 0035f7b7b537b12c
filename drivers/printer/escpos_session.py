"""One open link to an ESC/POS printer: ask, listen, and remember what the printer said last."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.stream import Link
from drivers.printer import escpos_protocol as protocol
from drivers.printer import escpos_status_protocol as statuses
from drivers.printer.capability import Evidence
from drivers.printer.escpos_protocol import Event, Info
from drivers.printer.escpos_status_protocol import PrinterStatus, Topic

MAX_HEARD_BYTES = 48
"""How much of what a stranger says is kept, to recognise it and to name it."""

DELIVERY_BYTES = 512
"""A second at 4800 baud."""

FEW_BYTES = 8
"""Fewer than this may be line noise at plug-in; more, all of it text, is a service that is no printer."""

_LONG_NUMBER = re.compile(rb"[0-9]{5,}")
"""Not repeated of what a stranger says: a modem that was plugged in here tells who calls."""

Question = tuple[bytes, Callable[[], bool]]
"""What to send, and how to tell that it was answered."""

_process_ids = itertools.count(random.randrange(10_000))


@dataclass(slots=True)
class Abilities:
    """What this printer was found to answer; nothing is assumed from a model's name."""

    topics: list[Topic] = field(default_factory=list)
    asb: bool = False
    gs_r: bool = False
    process_id: bool = False
    model: str = ""
    buffered_known: bool = False
    """Whether the questions behind the buffer were tried: an offline printer does not answer them."""

    @property
    def evidence(self) -> Evidence | None:
        """The best means it has to say that it printed a slip in one piece.

        One that tells of no fault has none: it prints on after the roll was changed, and says that it printed.
        """
        if not (self.topics or self.asb):
            return None
        if self.process_id:
            return Evidence.PROCESS_ID
        return Evidence.GS_R if self.gs_r else None

    @property
    def none(self) -> bool:
        return not (self.topics or self.asb or self.gs_r or self.process_id)


class Session:
    """The conversation with one printer over one link. `listen` must run for anything else to be answered.

    `status` is None until the printer has told it. `heard` is called after each batch of answers.
    """

    def __init__(self, link: Link, heard: Callable[[], None]) -> None:
        self.link = link
        self.abilities = Abilities()
        self.status: PrinterStatus | None = None
        self.may_send = asyncio.Event()
        self.may_send.set()
        self._heard = heard
        self._decoder = protocol.Decoder()
        self._first_bytes = bytearray()
        self._news = asyncio.Event()
        self._asked: list[Topic] = []  # DLE EOT questions not yet answered, oldest first
        self._paper_asked = 0  # GS r questions asked, and answered: the answers come in the order of the questions
        self._paper_answers = 0
        self._tokens: list[bytes] = []  # process ids not yet echoed, oldest first
        self._auto_count = 0
        self._cleared = False

    async def listen(self) -> NoReturn:
        """Take in the printer's answers for as long as the link lasts."""
        while True:
            data = await self.link.read()
            self._first_bytes += data[: MAX_HEARD_BYTES - len(self._first_bytes)]
            answers = [self._take(event) for event in self._decoder.feed(data)]
            self._news.set()
            if any(answers):
                self._heard()

    def _take(self, event: Event) -> bool:
        """Note what `event` tells; whether it tells how the printer is: an XON does not."""
        match event:
            case protocol.RealTimeReply(value) if self._asked:
                known = self.status or PrinterStatus()
                self.status = statuses.decode_real_time(self._asked.pop(0), value, known)
            case protocol.AutoStatus(status):
                self._auto_count += 1
                self.status = status
            case protocol.Transmitted(value) if not self.paper_answered:
                self._paper_answers += 1
                self.status = statuses.decode_paper(value, self.status or PrinterStatus())
            case protocol.FlowControl(ready):
                self._flow(ready)
                return False
            case protocol.ProcessId(token) if token in self._tokens:
                del self._tokens[: self._tokens.index(token) + 1]  # printed in order: those before it are, too
            case protocol.BufferCleared():
                self._cleared = True
            case protocol.Information(text):
                self.abilities.model = text.decode("ascii", "replace")
            case _:
                return False  # an answer to nobody's question: noise of a plausible shape
        return True

    def _flow(self, ready: bool) -> None:
        if ready:
            self.may_send.set()
        else:
            self.may_send.clear()

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until an answer has made `done()` true; False when it did not happen within `seconds`."""
        if done():
            return True  # most often; a timeout costs more than the question
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    # --- finding out what is there ---------------------------------------------------------------------------------

    async def meet(self, answer_s: float) -> None:
        """Find out which status questions the printer answers. Raises DeviceError when it is none, or silent."""
        for topic in Topic:
            # the first twice: a printer may be busy with its own start when its line comes up
            if await self._ask_topic(topic, answer_s) or (
                topic is Topic.PRINTER and await self._ask_topic(topic, answer_s)
            ):
                self.abilities.topics.append(topic)
            elif topic is Topic.PRINTER:
                break  # one that does not know the first does not know the others
        self._check_is_printer()

    async def _ask_topic(self, topic: Topic, answer_s: float) -> bool:
        self._asked = [topic]
        await self.link.write(protocol.ask_status(topic))
        if await self.until(lambda: not self._asked, answer_s):
            return True
        self._asked.clear()
        return False

    async def meet_buffered(self, answer_s: float) -> None:
        """Find out what the printer answers from behind its buffer. Only for a printer that is online.

        The questions leave together: what is not answered when the last is answered never will be.
        """
        autos = self._auto_count
        ask_process_id, echoed = self._question_process_id()
        ask_paper, answered = self._question_paper()
        await self.link.write(
            protocol.enable_asb(protocol.ASB_ITEMS) + protocol.ask_info(Info.MODEL) + ask_process_id + ask_paper
        )
        self.abilities.gs_r = await self.until(answered, answer_s)
        self.abilities.process_id = echoed()
        self._paper_answers = self._paper_asked
        self._tokens.clear()
        self.abilities.asb = self._auto_count > autos
        self.abilities.buffered_known = True
        self._check_is_printer()

    def _check_is_printer(self) -> None:
        heard = _LONG_NUMBER.sub(b"#####", self._first_bytes)
        if len(heard) >= FEW_BYTES and all(0x20 <= each <= 0x7E or each in b"\t\r\n" for each in heard):
            raise DeviceError(Reason.WRONG_DEVICE, f"answers with text, not as a printer: {heard.decode('ascii')!r}")
        skipped = self._decoder.skipped
        if skipped >= FEW_BYTES or (skipped and self.abilities.none):
            raise DeviceError(Reason.GARBLED, f"answers {heard.hex(' ')}: wrong baud rate or parity, or no printer")

    # --- asking ----------------------------------------------------------------------------------------------------

    async def refresh(self, answer_s: float) -> bool:
        """Have the printer tell its status by the quickest means it has; False when it does not answer.

        DLE EOT questions not answered until now are forgotten: one answer lost to noise must not spoil the next.
        """
        self._asked.clear()
        if self.abilities.topics:
            await self.ask_topics()
            return await self.until(lambda: not self._asked, answer_s)
        if self.abilities.asb:
            autos = self._auto_count
            await self.link.write(protocol.enable_asb(protocol.ASB_ITEMS))
            return await self.until(lambda: self._auto_count > autos, answer_s)
        request, answered = self.question(Evidence.GS_R if self.abilities.gs_r else Evidence.PROCESS_ID)
        await self.link.write(request)
        return await self.until(answered, answer_s)

    async def ask_topics(self) -> None:
        """Ask every DLE EOT question this printer knows, unless an earlier one is still unanswered."""
        if not self._asked:
            self._asked = list(self.abilities.topics)
            await self.link.write(b"".join(protocol.ask_status(topic) for topic in self._asked))

    @property
    def topics_answered(self) -> bool:
        return not self._asked

    def question(self, evidence: Evidence | None) -> Question:
        """What the printer answers once it has printed everything before it, by `evidence`."""
        if evidence is Evidence.PROCESS_ID:
            return self._question_process_id()
        return self._question_paper()

    def _question_process_id(self) -> Question:
        token = next_process_id()
        self._tokens.append(token)
        return protocol.ask_process_id(token), lambda: token not in self._tokens

    def _question_paper(self) -> Question:
        self._paper_asked += 1
        number = self._paper_asked
        return protocol.ask_paper(), lambda: self._paper_answers >= number

    @property
    def paper_answered(self) -> bool:
        return self._paper_answers >= self._paper_asked

    async def settle_questions(self, answer_s: float) -> None:
        """See every GS r answered, or an old answer could be taken for the next job's; raises DeviceError."""
        if not await self.until(lambda: self.paper_answered, answer_s):
            raise DeviceError(Reason.NO_ANSWER, "a question to the printer was never answered")

    async def deliver(self, data: bytes, stall_s: float) -> None:
        """Put `data` on the wire; raises LinkLost when the line takes nothing for `stall_s`."""
        for start in range(0, len(data), DELIVERY_BYTES):
            await bounded(self.link.write(data[start : start + DELIVERY_BYTES]), stall_s)
            await bounded(self.link.drain(), stall_s)

    async def clear_buffers(self, answer_s: float) -> bool:
        """Have the printer forget what it has not printed; False when it does not say that it did."""
        self._cleared = False
        await self.link.write(protocol.CLEAR_BUFFERS)
        return await self.until(lambda: self._cleared, answer_s)


async def bounded(step: Awaitable[object], stall_s: float) -> None:
    """Wait for `step` of sending; raises LinkLost when the line takes nothing for so long."""
    try:
        async with asyncio.timeout(stall_s):
            await step
    except TimeoutError as error:
        raise LinkLost(Reason.NOT_DRAINING, f"nothing taken in {stall_s:g} s") from error


def next_process_id() -> bytes:
    """Four digits that differ from the last thousands, across sessions too: a late echo confirms nothing else."""
    return b"%04d" % (next(_process_ids) % 10_000)

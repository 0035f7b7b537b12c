"""Counts the rings of a phone line with a Hayes modem that listens and never answers.

What a modem can tell differs: each one is asked for the most it can do, and what it refuses is said in the
condition. Only voice mode reports a lifted receiver, and only if the phone is plugged into the modem (``DLE H``) or
the modem senses the line (``DLE P``); whether a given modem does is a thing to try once, and then to declare by
`hook`. Undeclared, the end of ringing is `UNKNOWN`, never "missed". Not tried on real hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.device import Condition, DeviceError, Inquiries, Reason, Report, State
from drivers.link.stream import Link
from drivers.phone.capability import Caller, Emit, PhoneEvent
from drivers.phone.modem_protocol import (
    Cadence,
    CallerField,
    Code,
    Message,
    ModemDecoder,
    Result,
    ResultCode,
    Ring,
    Shielded,
    encode_command,
    read_number,
)
from drivers.phone.rings import CallTracker, RingTiming

ATTENTION = "AT"
RESET = "ATZ"
WORDS = "ATE0Q0V1"
"""No echo; result codes, in words."""
NEVER_ANSWER = "ATS0=0"
CALLER_ID = "AT+VCID=1"
CALLER_ID_OLD = "AT#CID=1"
VOICE_MODE = "AT+FCLASS=8"
CADENCE = "AT+VDR=1,1"
"""Measure each ring and report it when it is over, and again 0.1 s later (Conexant 102184B p. 5-20)."""

ATTEMPTS = 3
"""A modem may take the first command for the rest of a line that somebody else began."""
NOISE_BYTES = 16
"""More unreadable bytes than this between two checks are not one crackle: rings may have been lost among them."""


@dataclass(frozen=True, slots=True)
class ModemOptions:
    """`hook`: what this modem is known to report when the receiver is lifted.

    ``unreported``: nothing that can be relied on; a report is believed, its absence says nothing.
    ``reported``: ``DLE H`` or ``DLE P``, always; a call without it was missed.
    ``loop-current``: ``DLE l`` too, from an exchange that marks the answer so (unverified).

    `init`: one more command after all others, for what this modem needs (Conexant: ``AT-STE=2``, report extensions
    that are picked up). `ringing_stopped_s`, `same_ring_s`, `settle_s`: see `RingTiming`. `check_every_s`: how often
    the silent modem is asked whether it is there, and told its settings again, which it loses with its power.
    `answer_timeout_s`: how long it may take over a command.
    """

    hook: str = "unreported"
    init: str = ""
    ringing_stopped_s: float = 7.5
    same_ring_s: float = 2.0
    settle_s: float = 1.0
    check_every_s: float = 60.0
    answer_timeout_s: float = 3.0

    def __post_init__(self) -> None:
        if self.hook not in ("unreported", "reported", "loop-current"):
            raise ValueError(f"hook = {self.hook!r}: expected unreported, reported or loop-current")
        if self.init:
            encode_command(self.init)
        if not (self.check_every_s > 0 and self.answer_timeout_s > 0):
            raise ValueError("check_every_s and answer_timeout_s must be more than 0 seconds")
        self.timing()

    def timing(self) -> RingTiming:
        """The part of the options that tells rings apart."""
        return RingTiming(self.same_ring_s, self.ringing_stopped_s, self.settle_s)


class ModemPhone:
    """One phone line. Asks the modem nothing while it rings.

    A call that rings already when the link is opened counts from the first ring heard, and ends as `UNKNOWN`
    if that was before the modem had been told to report the receiver.
    """

    def __init__(self, options: ModemOptions, report: Report, emit: Emit) -> None:
        self._options = options
        self._report = report
        self._emit = emit
        self._calls = CallTracker(options.timing())
        self._decoder = ModemDecoder()
        self._answer: ResultCode | None = None
        self._unreadable = 0
        self._served = False
        self._inquiries = Inquiries()
        self._idling: asyncio.Timeout | None = None

    async def check(self) -> None:
        """See `drivers.device.Checkable`. A modem whose telephone rings has just said so, and is not asked."""
        if not self._served:
            raise DeviceError(Reason.NOT_PRESENT, "the modem is not connected")
        if self._calls.ringing:
            return
        inquiry = self._inquiries.ask()
        if self._idling is not None:
            self._idling.reschedule(0)
        await inquiry

    async def serve(self, link: Link) -> None:
        """Count rings until the modem is gone; a call in progress then ends as `UNKNOWN` first."""
        self._decoder = ModemDecoder()
        self._calls.hook_reported = False
        told: Condition | None = None
        self._served = True
        try:
            await self._wake(link)
            self._unreadable = self._decoder.unreadable
            await self._ask(link, RESET)
            while True:
                condition = await self._configure(link)
                if condition != told:
                    told = condition
                    self._report(condition)
                self._inquiries.answered()
                await self._listen(link, self._options.check_every_s, idle=True)
                await self._wake(link)
        except DeviceError as error:
            self._inquiries.failed(error)
            raise
        finally:
            self._served = False
            self._inquiries.failed(DeviceError(Reason.STOPPED, "the modem is not served any more"))
            self._tell(self._calls.lost("the modem was no longer heard"))

    async def _wake(self, link: Link) -> None:
        unreadable = self._decoder.unreadable
        for attempt in range(ATTEMPTS):
            if await self._try(link, ATTENTION) is not None:
                if attempt:  # answers to the earlier attempts may follow, and must not pass for later ones
                    await self._listen(link, self._options.answer_timeout_s)
                return
        if self._decoder.unreadable > unreadable:
            raise DeviceError(Reason.GARBLED, "only unreadable bytes: is the baud rate right?")
        raise DeviceError(Reason.NO_ANSWER, f"no answer to {ATTENTION}")

    async def _configure(self, link: Link) -> Condition:
        """Ask for everything that is wanted of a modem; gives what it is worth without what it refused."""
        faults, gaps = [], []
        await self._ask(link, WORDS)
        if not await self._ask(link, NEVER_ANSWER):
            faults.append(f"refused {NEVER_ANSWER}: it may answer calls itself")
        if not await self._ask(link, CALLER_ID) and not await self._ask(link, CALLER_ID_OLD):
            gaps.append("no caller identification")
        voice = self._decoder.voice = await self._ask(link, VOICE_MODE)
        declared = self._options.hook != "unreported"
        if declared and not voice:
            faults.append(f"refused {VOICE_MODE}: cannot report a lifted receiver as hook = {self._options.hook} says")
        if not declared or not voice:
            gaps.append("cannot tell missed calls")
        if voice and not await self._ask(link, CADENCE):
            gaps.append("rings are not measured")
        if self._options.init and not await self._ask(link, self._options.init):
            faults.append(f"refused the init command {self._options.init}")
        self._calls.hook_reported = declared and voice
        return self._condition(faults, gaps)

    def _condition(self, faults: list[str], gaps: list[str]) -> Condition:
        noise = self._decoder.unreadable - self._unreadable
        self._unreadable = self._decoder.unreadable
        if faults:
            return Condition(State.DEGRADED, (Reason.COMMAND_FAILED,), "; ".join(faults + gaps))
        if noise > NOISE_BYTES:
            gaps.insert(0, f"{noise} unreadable bytes since the last check")
            return Condition(State.DEGRADED, (Reason.GARBLED,), "; ".join(gaps))
        return Condition(State.READY, (), "; ".join(gaps))

    async def _ask(self, link: Link, command: str) -> bool:
        """Whether the modem accepted `command`; raises DeviceError if it does not answer."""
        accepted = await self._try(link, command)
        if accepted is None:
            raise DeviceError(Reason.NO_ANSWER, f"no answer to {command}")
        return accepted

    async def _try(self, link: Link, command: str) -> bool | None:
        await self._listen(link, 0)
        self._answer = None
        await link.write(encode_command(command))
        answer = await self._listen(link, self._options.answer_timeout_s, for_answer=True)
        return None if answer is None else answer is ResultCode.OK

    async def _listen(
        self, link: Link, seconds: float, *, for_answer: bool = False, idle: bool = False
    ) -> ResultCode | None:
        """Listen for `seconds`, and on until nothing rings any more; or only until the answer to a command, or while
        nobody inquires after an `idle` modem.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while not (for_answer and self._answer is not None):
            await self._hear(link, until_s, idle=idle)
            if loop.time() >= until_s or (idle and self._inquiries.wanted):
                if not self._calls.ringing:
                    break
                until_s = self._calls.deadline_s or until_s
        return self._answer

    async def _hear(self, link: Link, until_s: float, *, idle: bool = False) -> None:
        """Take in what the modem says next, until `until_s` or the end of a call at most."""
        loop = asyncio.get_running_loop()
        data = b""
        try:
            async with asyncio.timeout_at(min(until_s, self._calls.deadline_s or until_s)) as patience:
                self._idling = patience if idle and not self._calls.ringing else None
                data = await link.read()
        except TimeoutError:
            pass  # silence is what ends a call
        finally:
            self._idling = None
        now_s = loop.time()
        for message in self._decoder.feed(data):
            self._take(message, now_s)
        self._tell(self._calls.expire(now_s))

    def _take(self, message: Message, now_s: float) -> None:
        match message:
            case Result(code) if code in (ResultCode.OK, ResultCode.ERROR):
                self._answer = code
            case Ring() | Shielded(Code.RING):
                self._tell(self._calls.ring(now_s))
            case Cadence(ringing=True, tenths=tenths):
                self._tell(self._calls.ring(now_s, lasted_s=tenths / 10))
            case CallerField("NMBR", value):
                self._tell(self._calls.caller(Caller(*read_number(value)), now_s))
            case Shielded(Code.LOCAL_OFF_HOOK | Code.EXTENSION_OFF_HOOK as code):
                self._tell(self._calls.lifted(now_s, f"DLE {code}"))
            case Shielded(Code.LOCAL_ON_HOOK | Code.EXTENSION_ON_HOOK):
                self._tell(self._calls.replaced(now_s))
            case Shielded(Code.LOOP_INTERRUPTION) if self._options.hook == "loop-current":
                self._tell(self._calls.answered(now_s, "DLE l"))

    def _tell(self, events: Iterable[PhoneEvent]) -> None:
        for event in events:
            self._emit(event)

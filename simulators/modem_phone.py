"""A simulated modem on a phone line that can be rung, answered and left to ring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.phone.modem_protocol import (
    Cadence,
    CallerField,
    Code,
    CommandDecoder,
    Echo,
    Result,
    ResultCode,
    Ring,
    Shielded,
    encode,
    encode_report,
)
from simulators.device import Command, CommandError, Wire
from simulators.line import on_or_off
from simulators.modem_settings import ModemAbilities, ModemSettings, execute
from simulators.phone_line import Burst, PhoneLine

MAX_RINGS = 1000
DEFAULT_RINGS = 6
DEFAULT_NUMBER = "13800138000"
MAX_DIGITS = 20
MAX_PENDING = 64
"""Commands and reports on their way; a host that sends more at once overruns the modem, and they are lost."""

CALLER_ID = ("on", "off", "private", "unavailable")
REFUSABLE = {"voice": "AT+FCLASS=8", "cadence": "AT+VDR", "caller-id": "AT+VCID and AT#CID", "vcid": "AT+VCID alone"}


def _nothing() -> None:
    pass


class ModemPhoneSimulator:
    """The modem, its line, and the phone plugged into it.

    `on_s`, `off_s`: the exchange's cadence (China: 1 and 4). `answer_s`: how long a command takes. `tenth_s`: what
    the modem takes for a tenth of a second when it measures rings; a test in quick motion makes it shorter.
    """

    KIND: ClassVar[str] = "phone"
    DOES_NOT_IMITATE: ClassVar[str] = (
        "the RI, DCD and DTR lines; dialling, data and fax calls, voice data; FSK or DTMF caller identification as "
        "exchanges really send it; the firmware of any real modem: its codes follow manuals, and none was at hand"
    )

    def __init__(self, *, on_s: float = 1.0, off_s: float = 4.0, answer_s: float = 0.02, tenth_s: float = 0.1) -> None:
        self.changed: Callable[[], None] = _nothing
        self.settings = ModemSettings()
        self._on_s = on_s
        self._off_s = off_s
        self._answer_s = answer_s
        self._tenth_s = tenth_s
        self._wire: Wire | None = None
        self._lines = CommandDecoder()
        self._timers: set[asyncio.TimerHandle] = set()
        self._line = PhoneLine(self._burst_began, self._burst_ended, self._line_changed)
        self._caller_id = "on"
        self._number = DEFAULT_NUMBER
        self._off_hook = False
        self._answered_itself = False
        self._faults: set[str] = set()
        self._lose_next = False
        self._losing = False

    # the wire

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None

    def receive(self, data: bytes) -> None:
        """Commands from the host; each is echoed, if that is on, and answered a moment later."""
        for line in self._lines.feed(data):
            if self.settings.echo:
                self._send(encode(Echo(line)))
            self._later(self._answer_s, lambda line=line: self._execute(line))  # type: ignore[misc]

    def _execute(self, line: str) -> None:
        accepted = execute(line[2:], self.settings, self._able())
        if not self.settings.quiet:
            code = ResultCode.OK if accepted else ResultCode.ERROR
            self._send(encode(Result(code)) if self.settings.words else (b"0\r" if accepted else b"4\r"))
        self.changed()

    def _able(self) -> ModemAbilities:
        refused = {name for name in REFUSABLE if f"no-{name}" in self._faults}
        commands = () if "caller-id" in refused else ("#CID",) if "vcid" in refused else ("+VCID", "#CID")
        return ModemAbilities("voice" not in refused, "cadence" not in refused, commands)

    def _send(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.send(data)

    def _later(self, seconds: float, run: Callable[[], None]) -> None:
        def now() -> None:
            self._timers.discard(timer)
            run()

        if len(self._timers) >= MAX_PENDING:
            return
        timer = asyncio.get_running_loop().call_later(seconds, now)
        self._timers.add(timer)

    def close(self) -> None:
        """End every timer."""
        self._line.stop()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    # the line

    def _line_changed(self) -> None:
        self.changed()

    def _burst_began(self, first: bool) -> None:
        if first:
            self._losing, self._lose_next = self._lose_next, False
        if not self.settings.measure:
            self._report_ring()

    def _burst_ended(self, burst: Burst) -> None:
        if self.settings.measure and not self._losing:
            tenths = [max(1, round(seconds / self._tenth_s)) for seconds in (burst.silence_s, burst.on_s)]
            self._send(encode_report([Cadence(False, tenths[0]), Cadence(True, tenths[1])]))
            if self.settings.ring_after_tenths:
                self._later(self.settings.ring_after_tenths * self._tenth_s, self._report_ring)
        if burst.ring == 1 and self._line.calling:
            self._later(self._off_s / 4, self._report_caller)
        if 0 < self.settings.auto_answer_rings <= burst.ring and self._line.calling:
            self._answered_itself = True
            self._line.stop()

    def _report_ring(self) -> None:
        if self._losing:
            return
        if self.settings.voice:
            self._send(encode(Shielded(Code.RING)))
        if not self.settings.voice or "double-report" in self._faults:
            self._send(encode(Ring()))

    def _report_caller(self) -> None:
        if not self.settings.caller_id or self._caller_id == "off":
            return
        number = {"private": "P", "unavailable": "O"}.get(self._caller_id, self._number)
        fields = [CallerField("DATE", "1121"), CallerField("TIME", "0830"), CallerField("NMBR", number)]
        if self.settings.voice:
            self._send(encode_report([*fields]))
        else:
            self._send(b"".join(encode(field) for field in fields))

    def _report_hook(self, code: Code) -> None:
        if self.settings.voice and "no-hook-report" not in self._faults:
            self._send(encode(Shielded(code)))

    # what a person does

    @property
    def commands(self) -> Mapping[str, Command]:
        """Calls and the receiver, and what can be wrong with a modem."""
        refusals = {
            f"no-{name}": self._fault(f"no-{name}", f"a modem that refuses {commands} (from its next command on)")
            for name, commands in REFUSABLE.items()
        }
        return {
            "ring": Command(
                self._ring, f"call the line; it rings {DEFAULT_RINGS} times by default", "[rings [number]]"
            ),
            "give-up": Command(self._give_up, "the caller hangs up"),
            "pick-up": Command(self._pick_up, "lift the receiver, which answers a call"),
            "hang-up": Command(self._hang_up, "put the receiver back"),
            "caller-id": Command(self._set_caller_id, "what the exchange says of the caller", "|".join(CALLER_ID)),
            "double-report": self._fault("double-report", "say DLE R and RING for the same ring"),
            "short-cadence": self._fault("short-cadence", "two short bursts to a ring, from the next call on"),
            "lost-ring": Command(self._lose_ring, "do not report the next ring"),
            "no-hook-report": self._fault("no-hook-report", "do not report the receiver, even in voice mode"),
            "restart": Command(self._restart, "lose and regain power: every setting is forgotten"),
            **refusals,
        }

    def _fault(self, name: str, text: str) -> Command:
        def switch(words: list[str]) -> None:
            (self._faults.add if on_or_off(words) else self._faults.discard)(name)

        return Command(switch, text, "[off]")

    def _ring(self, words: list[str]) -> None:
        rings = words[0] if words else str(DEFAULT_RINGS)
        number = words[1] if len(words) > 1 else self._number
        if len(words) > 2 or not rings.isdecimal() or not 1 <= int(rings) <= MAX_RINGS:
            raise CommandError(f"expected a number of rings from 1 to {MAX_RINGS}, and perhaps a telephone number")
        if not number.isascii() or not number.isdecimal() or len(number) > MAX_DIGITS:
            raise CommandError(f"expected a telephone number of at most {MAX_DIGITS} digits, not {number!r}")
        if self._off_hook or self._line.calling:
            raise CommandError("the line is busy: the receiver is off the hook, or it rings already")
        self._number = number
        self._answered_itself = False
        if "short-cadence" in self._faults:
            # within a Centrex: 0.4:0.2:0.4:4 (Huawei EDOC1100067358), in the proportions of this line
            self._line.ring(int(rings), ((0.4 * self._on_s, 0.2 * self._on_s), (0.4 * self._on_s, self._off_s)))
        else:
            self._line.ring(int(rings), ((self._on_s, self._off_s),))

    def _give_up(self, words: list[str]) -> None:
        self._line.stop()

    def _pick_up(self, words: list[str]) -> None:
        if not self._off_hook:
            self._off_hook = True
            self._report_hook(Code.LOCAL_OFF_HOOK)
            self._line.stop()

    def _hang_up(self, words: list[str]) -> None:
        if self._off_hook:
            self._off_hook = False
            self._report_hook(Code.LOCAL_ON_HOOK)

    def _set_caller_id(self, words: list[str]) -> None:
        if len(words) != 1 or words[0] not in CALLER_ID:
            raise CommandError(f"expected one of {', '.join(CALLER_ID)}")
        self._caller_id = words[0]

    def _lose_ring(self, words: list[str]) -> None:
        self._lose_next = True

    def _restart(self, words: list[str]) -> None:
        self.settings = ModemSettings()

    def state(self) -> Mapping[str, Any]:
        """The bell, the receiver, and the mode the modem is in."""
        return {
            "ringing": self._line.sounding,
            "calling": self._line.calling,
            "rings": self._line.rings,
            "off_hook": self._off_hook,
            "answered_itself": self._answered_itself,
            "caller_id": self._caller_id,
            "number": self._number,
            "mode": "voice" if self.settings.voice else "data",
            "faults": sorted(self._faults),
        }

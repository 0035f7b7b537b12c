"""What a Hayes modem says on its serial line, and the commands it is told. Bytes in, messages out; no I/O.

Two ways of speaking share one stream:

* lines, ended by CR and/or LF: ``RING``, ``OK``, ``NMBR = 13800138000``, ``DRON=10``, the echo of a command;
* in voice mode (``+FCLASS=8``) also *shielded codes*, DLE and one character, anywhere in the stream: ``DLE R`` a ring,
  ``DLE H`` the local phone lifted. Lines that belong to one report stand between ``DLE X`` and ``DLE .``.

Sources, by the short names used below:

* Rockwell: "AT Command Reference Manual" for RCV144ACx/RCV336ACx, §3.6 (#CID); "Command Reference Manual" for
  RC56LD/RC336LD 1199, §6 (voice mode, V.253 events);
* Conexant: "Commands for Host-Processed Modems" 100498E and "AT Commands" 102184B, §5.2 (+VDR), 100722B (-STE);
* Multi-Tech: SocketModem MT5634SMI Reference Guide S000263C, chapter 4; MT5656ZDXV/MT5600ZDXV S000273D p. 43;
* Silabs: AN93 rev. 1.3, §7.1.4 (shielded codes);
* ZyXEL: Omni 288S User's Guide p. 10-9, and USR: USRobotics 56K Softmodem Command Reference p. 129 (shielded codes);
* callattendant: github.com/thess/callattendant, hardware/modem.py (MIT).

None of it was tried on a real modem here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

DLE = 0x10
CR = 0x0D
LF = 0x0A

MAX_LINE_BYTES = 256
"""No line of any manual comes near; what runs on for longer is noise."""

MAX_COMMAND_BYTES = 128
"""Longest command line sent or accepted; manuals name limits from 40 characters up."""


class Code(StrEnum):
    """Shielded codes with a meaning for a phone line (Silabs table 112, ZyXEL p. 10-9, USR p. 129)."""

    RING = "R"
    LOCAL_OFF_HOOK = "H"
    LOCAL_ON_HOOK = "h"
    # Conexant 100722B, -STE: "when in voice mode and an extension is picked-up, a <DLE>P is sent"
    EXTENSION_OFF_HOOK = "P"
    # unverified: by analogy with H/h (V.253 event 24 has both); callattendant takes it for off-hook
    EXTENSION_ON_HOOK = "p"
    # "may be a remote hang-up" (ZyXEL); Conexant sends it for a line reversal seen while the modem is off-hook
    LOOP_INTERRUPTION = "l"
    BUSY = "b"
    DIAL_TONE = "d"


REPORT_BEGIN = "X"
REPORT_END = "."

_CODES = frozenset(Code) | frozenset("0123456789ABCD*#/~aceqsouf$\x03\x1a")
"""All of them, with the tones, digits and voice-stream codes of the same tables that no ring counter needs."""


class ResultCode(StrEnum):
    """Result codes in words (ATV1)."""

    OK = "OK"
    ERROR = "ERROR"
    CONNECT = "CONNECT"
    NO_CARRIER = "NO CARRIER"
    NO_DIALTONE = "NO DIALTONE"
    BUSY = "BUSY"
    NO_ANSWER = "NO ANSWER"
    VCON = "VCON"


_RESULTS = {code.value: code for code in ResultCode}


@dataclass(frozen=True, slots=True)
class Ring:
    """``RING``: the line rings. Where the exchange gives a ring several bursts, a modem may say it for each."""


@dataclass(frozen=True, slots=True)
class Shielded:
    """A code of voice mode: one of `Code`, or another known character."""

    code: str


@dataclass(frozen=True, slots=True)
class Cadence:
    """A stretch of ringing (``DRON``) or of silence (``DROF``) that has just ended, in tenths of a second (+VDR)."""

    ringing: bool
    tenths: int


@dataclass(frozen=True, slots=True)
class CallerField:
    """One line of caller identification: `tag` DATE, TIME, NMBR, NAME, MESG or ERRM (Multi-Tech S000273D p. 43)."""

    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a command, or of a call."""

    code: ResultCode


@dataclass(frozen=True, slots=True)
class Echo:
    """A command that came back: echo (ATE1) is on."""

    command: str


Message = Ring | Shielded | Cadence | CallerField | Result | Echo

# unverified: with distinctive ring detection (-SDR) some modems add which ring it is: "RING 1"
_RING = re.compile(r"RING(?: ?\d| [A-Z])?")
# "Spaces are present on both sides of the equal sign" (Rockwell §3.6.1), and in Multi-Tech's tags they are not
_FIELD = re.compile(r"(DATE|TIME|NMBR|NAME|MESG|ERRM) *= *(.*)")
_CADENCE = re.compile(r"(DRON|DROF) *= *(\d{1,5})")
_CONNECT = re.compile(r"CONNECT(?: .*)?")
_NUMBER = re.compile(r"[0-9*#+]{1,32}")


class ModemDecoder:
    """Takes the modem's bytes as they come and gives its messages. Never raises: what makes no sense is counted.

    `voice` says whether DLE is special: only then can a modem have meant it so. `unreadable` counts bytes that
    belong to no text, `ignored` counts lines that are text and say nothing known.
    """

    def __init__(self, *, voice: bool = True) -> None:
        self.voice = voice
        self.unreadable = 0
        self.ignored = 0
        self._line = bytearray()
        self._overlong = False
        self._after_dle = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes."""
        messages: list[Message] = []
        for byte in data:
            message = self._shielded(byte) if self._after_dle else self._plain(byte)
            if message is not None:
                messages.append(message)
        return messages

    def _plain(self, byte: int) -> Message | None:
        if byte == DLE and self.voice:
            self._after_dle = True
        elif byte in (CR, LF):
            return self._end_line()
        else:
            self._keep(byte)
        return None

    def _shielded(self, byte: int) -> Message | None:
        self._after_dle = False
        code = chr(byte)
        if byte == DLE:  # a literal 0x10 (Silabs table 112)
            self._keep(byte)
        elif byte in (CR, LF) or code in (REPORT_BEGIN, REPORT_END):
            return self._end_line()
        elif code in _CODES:
            return Shielded(code)
        else:
            self.unreadable += 2
        return None

    def _keep(self, byte: int) -> None:
        if not 0x20 <= byte <= 0x7E:
            self.unreadable += 1
        if len(self._line) >= MAX_LINE_BYTES:
            self._overlong = True
        else:
            self._line.append(byte)

    def _end_line(self) -> Message | None:
        text = self._line.decode("latin-1").strip(" \0")
        overlong, self._overlong = self._overlong, False
        self._line.clear()
        if not text:
            return None
        message = None if overlong else _read_line(text)
        if message is None:
            self.ignored += 1
        return message


def _read_line(text: str) -> Message | None:
    if _RING.fullmatch(text):
        return Ring()
    if field := _FIELD.fullmatch(text):
        return CallerField(field[1], field[2])
    if cadence := _CADENCE.fullmatch(text):
        return Cadence(cadence[1] == "DRON", int(cadence[2]))
    if text in _RESULTS:
        return Result(_RESULTS[text])
    if _CONNECT.fullmatch(text):
        return Result(ResultCode.CONNECT)
    return Echo(text) if text[:2].upper() == "AT" else None


def read_number(value: str) -> tuple[str | None, bool]:
    """The caller's number in a ``NMBR`` field, and whether the caller withheld it.

    ``P``: "the originating caller has requested private service"; ``O``: "not available" (Rockwell §3.6.1).
    Whatever else is not a number is taken for not available.
    """
    digits = re.sub(r"[ ()-]", "", value)
    return (digits, False) if _NUMBER.fullmatch(digits) else (None, value == "P")


def encode_command(command: str) -> bytes:
    """A command line as it is sent; raises ValueError for what no modem may be told, a control character above all."""
    if not command.isascii() or not command.isprintable() or command[:2].upper() != "AT":
        raise ValueError(f"{command!r}: expected a modem command in printable ASCII that begins with AT")
    if len(command) > MAX_COMMAND_BYTES:
        raise ValueError(f"{command!r}: longer than {MAX_COMMAND_BYTES} characters")
    return command.encode("ascii") + b"\r"


class CommandDecoder:
    """The modem's side: gives each command line that was completed by a CR, without it."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The command lines that `data` completes; what does not begin with AT is no command and is dropped."""
        commands = []
        for byte in data:
            if byte != CR:
                self._line = (self._line + bytes([byte]))[-MAX_COMMAND_BYTES - 1 :]
                continue
            line = self._line.decode("latin-1").strip()
            self._line.clear()
            start = line.upper().find("AT")  # noise ahead does not hide a command: a modem waits for the two letters
            command = line[max(start, 0) :]
            if start >= 0 and command.isascii() and command.isprintable() and len(command) <= MAX_COMMAND_BYTES:
                commands.append(command)
        return commands


def encode(message: Message, *, spaced: bool = True) -> bytes:
    """`message` as a modem sends it by itself; `spaced` chooses the manner of caller identification."""
    match message:
        case Ring():
            return _line("RING")
        case Shielded(code):
            return bytes((DLE, ord(code)))
        case Result(result):
            return _line(result.value)
        case Echo(command):
            return command.encode("ascii") + b"\r"
        case Cadence() | CallerField():
            return _line(_tagged(message, spaced=spaced))


def encode_report(fields: list[Cadence | CallerField]) -> bytes:
    """Several lines as one report of voice mode (Multi-Tech S000263C, +VDR example; Silabs table 112)."""
    lines = "\r\n".join(_tagged(field, spaced=False) for field in fields)
    return bytes((DLE, ord(REPORT_BEGIN))) + _line(lines) + bytes((DLE, ord(REPORT_END)))


def _tagged(field: Cadence | CallerField, *, spaced: bool) -> str:
    if isinstance(field, Cadence):
        return f"{'DRON' if field.ringing else 'DROF'}={field.tenths}"
    if not field.value.isascii() or not field.value.isprintable():
        raise ValueError(f"{field.value!r}: caller identification is printable ASCII")
    return f"{field.tag} = {field.value}" if spaced else f"{field.tag}={field.value}"


def _line(text: str) -> bytes:
    return f"\r\n{text}\r\n".encode("ascii")

"""ESC/POS status, identification and print confirmation: the questions a host asks, and what comes back.

Sources, all public: Epson's ESC/POS command pages (DLE EOT, DLE ENQ, DLE DC4, GS a, GS r, GS I, GS ( H), Epson's
TM-T88 technical manual (flow control), Citizen's ESC/POS manual (the table that tells mixed answers apart) and
receiptio's source (receiptio.js, Apache-2.0). Nothing here was tried on real hardware.

The answers of one printer arrive mixed in one stream. They are told apart by their fixed bits alone:

    0001 00x1             XON (11) / XOFF (13)
    0xx1xx10              answer to DLE EOT n, which does not say which n
    0xx1xx00 + 3×0xx0xxxx automatic status (ASB); an XOFF may stand inside
    0xx0xxxx              answer to GS r, or to GS I 1 to 3
    35 37 3B 3D 5F … 00   a block: 37 22 process id, 37 23 offline, 37 25 buffer cleared, 5F information
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

XON = 0x11
XOFF = 0x13
MAX_BLOCK_BYTES = 80
"""No documented block is longer: a process id has 4 bytes, an offline response 10, a GS I text far below 80."""

CLEAR_BUFFERS = bytes.fromhex("10 14 08 01 03 14 01 06 02 08")
"""DLE DC4 fn 8, real time: drop everything received and not yet printed. Unverified: the seven bytes after 08."""

BUFFER_CLEARED = b"\x37\x25\x00"
"""The answer to `CLEAR_BUFFERS`. Unverified beyond its first two and its last byte."""

ASB_ITEMS = 0x0E
"""What GS a is asked to tell of its own accord: online/offline (02), errors (04), paper sensors (08)."""


class Topic(IntEnum):
    """What DLE EOT n asks about."""

    PRINTER = 1
    OFFLINE_CAUSE = 2
    ERROR = 3
    PAPER = 4


class Info(IntEnum):
    """What GS I n asks about, of the questions answered by a text block."""

    FIRMWARE = 0x41
    MAKER = 0x42
    MODEL = 0x43
    SERIAL = 0x44
    LANGUAGE = 0x45


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """Everything the status bytes can tell. `stopped_for_paper` and `error` are known to DLE EOT 2 alone."""

    drawer_high: bool = False
    offline: bool = False
    waiting_to_recover: bool = False
    feed_button: bool = False
    cover_open: bool = False
    feeding: bool = False
    stopped_for_paper: bool = False
    error: bool = False
    recoverable_error: bool = False
    cutter_error: bool = False
    unrecoverable_error: bool = False
    auto_recoverable_error: bool = False
    paper_near_end: bool = False
    paper_end: bool = False


_Bits = Mapping[str, int]

# Epson, "DLE EOT": a sensor with two bits sets both; the TM-T88III leaves 20 and 40 of n=1 and 04 of n=3 undefined.
_REAL_TIME_BITS: Mapping[Topic, _Bits] = {
    Topic.PRINTER: {"drawer_high": 0x04, "offline": 0x08, "waiting_to_recover": 0x20, "feed_button": 0x40},
    Topic.OFFLINE_CAUSE: {"cover_open": 0x04, "feeding": 0x08, "stopped_for_paper": 0x20, "error": 0x40},
    Topic.ERROR: {
        "recoverable_error": 0x04,
        "cutter_error": 0x08,
        "unrecoverable_error": 0x20,
        "auto_recoverable_error": 0x40,
    },
    Topic.PAPER: {"paper_near_end": 0x0C, "paper_end": 0x60},
}

# Epson, "GS a": the fourth byte is reserved, and so are the high bits of the third, whatever they hold.
_ASB_BITS: tuple[_Bits, ...] = (
    {"drawer_high": 0x04, "offline": 0x08, "cover_open": 0x20, "feeding": 0x40},
    {
        "waiting_to_recover": 0x01,
        "feed_button": 0x02,
        "recoverable_error": 0x04,
        "cutter_error": 0x08,
        "unrecoverable_error": 0x20,
        "auto_recoverable_error": 0x40,
    },
    {"paper_near_end": 0x03, "paper_end": 0x0C},
    {},
)
_ASB_FIXED = 0x10
_REAL_TIME_FIXED = 0x12
_GS_R_PAPER_BITS: _Bits = _ASB_BITS[2]


def _flags(value: int, bits: _Bits) -> dict[str, bool]:
    return {name: bool(value & mask) for name, mask in bits.items()}


def _value(status: PrinterStatus, bits: _Bits) -> int:
    return sum(mask for name, mask in bits.items() if getattr(status, name))


# --- what the host sends -------------------------------------------------------------------------------------------


def ask_status(topic: Topic) -> bytes:
    """DLE EOT n, real time: answered by one byte, ahead of everything buffered, even while offline."""
    return bytes((0x10, 0x04, topic))


def recover(*, resume: bool) -> bytes:
    """DLE ENQ n, real time: leave a recoverable error; `resume` from the failed line, or clear both buffers first."""
    return bytes((0x10, 0x05, 1 if resume else 2))


def enable_asb(items: int) -> bytes:
    """GS a n: four bytes at once, and again whenever one of `items` changes; 0 switches it off."""
    return bytes((0x1D, 0x61, items))


def ask_paper() -> bytes:
    """GS r 1, buffered: its answer proves that the printer took everything before it. Not answered while offline."""
    return b"\x1d\x72\x01"


def ask_info(item: Info) -> bytes:
    """GS I n, buffered: answered by an `Information` block."""
    return bytes((0x1D, 0x49, item))


def ask_process_id(token: bytes) -> bytes:
    """GS ( H fn 48: the printer returns `token` (4 bytes, 20 to 7E) once everything before it is printed."""
    if not re.fullmatch(rb"[ -~]{4}", token):
        raise ValueError(f"a process id is four printable ASCII characters, not {token!r}")
    return b"\x1d\x28\x48\x06\x00\x30\x30" + token


# --- what the printer sends ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlowControl:
    """XON (`ready`) or XOFF: whether the printer has room for more."""

    ready: bool


@dataclass(frozen=True, slots=True)
class RealTimeReply:
    """The answer to a DLE EOT n; only the one who asked knows which n it belongs to."""

    value: int


@dataclass(frozen=True, slots=True)
class AutoStatus:
    """Automatic status (ASB), sent when enabled and at every change."""

    status: PrinterStatus


@dataclass(frozen=True, slots=True)
class Transmitted:
    """The single byte that answers GS r or GS I 1 to 3."""

    value: int


@dataclass(frozen=True, slots=True)
class ProcessId:
    """Everything before the GS ( H that carried `token` has been printed."""

    token: bytes


@dataclass(frozen=True, slots=True)
class OfflineResponse:
    """The printer went offline (GS ( H fn 49); `causes` holds 0 to 10 bytes, 40 to 7F, not interpreted here."""

    causes: bytes


@dataclass(frozen=True, slots=True)
class BufferCleared:
    """`CLEAR_BUFFERS` was carried out."""


@dataclass(frozen=True, slots=True)
class Information:
    """The text that answers GS I."""

    text: bytes


Event = (
    FlowControl | RealTimeReply | AutoStatus | Transmitted | ProcessId | OfflineResponse | BufferCleared | Information
)


def decode_real_time(topic: Topic, value: int, known: PrinterStatus) -> PrinterStatus:
    """`known` with what the answer `value` to DLE EOT `topic` says in place of what was known of it."""
    return replace(known, **_flags(value, _REAL_TIME_BITS[topic]))


def encode_real_time(topic: Topic, status: PrinterStatus) -> bytes:
    """The answer to DLE EOT `topic`."""
    return bytes((_REAL_TIME_FIXED | _value(status, _REAL_TIME_BITS[topic]),))


def decode_asb(frame: bytes) -> PrinterStatus:
    """The four bytes of an automatic status."""
    flags: dict[str, bool] = {}
    for value, bits in zip(frame, _ASB_BITS, strict=True):
        flags |= _flags(value, bits)
    return PrinterStatus(**flags)


def encode_asb(status: PrinterStatus) -> bytes:
    """The four bytes of an automatic status, reserved bits zero."""
    first, *others = (_value(status, bits) for bits in _ASB_BITS)
    return bytes((_ASB_FIXED | first, *others))


def encode_paper(status: PrinterStatus) -> bytes:
    """The answer to GS r 1."""
    return bytes((_value(status, _GS_R_PAPER_BITS),))


def decode_paper(value: int, known: PrinterStatus) -> PrinterStatus:
    """`known` with the paper sensors as the answer `value` to GS r 1 tells them."""
    return replace(known, **_flags(value, _GS_R_PAPER_BITS))


def encode_process_id(token: bytes) -> bytes:
    """The echo of GS ( H fn 48."""
    return b"\x37\x22" + token + b"\x00"


def encode_offline(causes: bytes) -> bytes:
    """The offline response of GS ( H fn 49."""
    return b"\x37\x23" + causes + b"\x00"


def encode_information(text: bytes) -> bytes:
    """The answer to GS I 65 to 69."""
    return b"\x5f" + text + b"\x00"


_BLOCK_HEADERS = frozenset(b"\x35\x37\x3b\x3d\x5f")
_PROCESS_ID = re.compile(rb'7"([ -~]{4})\Z')


class Decoder:
    """Takes the printer's bytes apart. What fits nowhere is skipped and counted in `skipped`.

    Single-byte answers cannot be told from noise of the same shape: whoever asked must count.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._frame = bytearray()  # the beginning of an ASB or a block; empty between answers

    def feed(self, data: Iterable[int]) -> list[Event]:
        """The answers that `data` completes, in order."""
        events = (self._take(value) for value in data)
        return [event for event in events if event is not None]

    def _take(self, value: int) -> Event | None:
        if value in (XON, XOFF):
            return FlowControl(value == XON)
        if not self._frame:
            return self._first(value)
        if self._frame[0] in _BLOCK_HEADERS:
            return self._in_block(value)
        return self._in_asb(value)

    def _first(self, value: int) -> Event | None:
        if value in _BLOCK_HEADERS or value & 0x93 == _ASB_FIXED:
            self._frame.append(value)
            return None
        if value & 0x93 == _REAL_TIME_FIXED:
            return RealTimeReply(value)
        if value & 0x90 == 0:
            return Transmitted(value)
        self.skipped += 1
        return None

    def _in_asb(self, value: int) -> Event | None:
        if value & 0x90:
            return self._broken(value)
        self._frame.append(value)
        if len(self._frame) < len(_ASB_BITS):
            return None
        status = decode_asb(bytes(self._frame))
        self._frame.clear()
        return AutoStatus(status)

    def _in_block(self, value: int) -> Event | None:
        if value == 0:
            return self._end_block()
        if not 0x20 <= value <= 0x7F or len(self._frame) >= MAX_BLOCK_BYTES:
            return self._broken(value)
        self._frame.append(value)
        return None

    def _broken(self, value: int) -> Event | None:
        """What was begun is not what it seemed: drop it, and read `value` afresh."""
        self.skipped += len(self._frame)
        self._frame.clear()
        return self._first(value)

    def _end_block(self) -> Event | None:
        block = bytes(self._frame)
        self._frame.clear()
        # Looked for at the end: noise that looks like the beginning of a block must not swallow a confirmation.
        if echo := _PROCESS_ID.search(block):
            self.skipped += echo.start()
            return ProcessId(echo[1])
        if block.startswith(b"\x5f"):
            return Information(block[1:])
        if block.startswith(b"\x37\x23"):
            return OfflineResponse(block[2:])
        if block.startswith(b"\x37\x25"):
            return BufferCleared()
        self.skipped += len(block) + 1
        return None

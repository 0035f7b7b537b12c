"""ESC/POS status, identification and print confirmation: the questions a host asks, and how the answers come back.

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
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from drivers.printer.escpos_status_protocol import (
    ASB_BYTES,
    ASB_FIXED,
    REAL_TIME_FIXED,
    PrinterStatus,
    Topic,
    decode_asb,
)

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


class Info(IntEnum):
    """What GS I n asks about, of the questions answered by a text block."""

    FIRMWARE = 0x41
    MAKER = 0x42
    MODEL = 0x43
    SERIAL = 0x44
    LANGUAGE = 0x45


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
        if value in _BLOCK_HEADERS or value & 0x93 == ASB_FIXED:
            self._frame.append(value)
            return None
        if value & 0x93 == REAL_TIME_FIXED:
            return RealTimeReply(value)
        if value & 0x90 == 0:
            return Transmitted(value)
        self.skipped += 1
        return None

    def _in_asb(self, value: int) -> Event | None:
        if value & 0x90:
            return self._broken(value)
        self._frame.append(value)
        if len(self._frame) < ASB_BYTES:
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

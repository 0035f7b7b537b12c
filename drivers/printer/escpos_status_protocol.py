"""What the status bytes of an ESC/POS printer mean, sensor by sensor: DLE EOT, automatic status (ASB) and GS r.

Sources: Epson's ESC/POS command pages "DLE EOT", "GS a" and "GS r". Nothing here was tried on real hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

REAL_TIME_FIXED = 0x12
"""The bits that every answer to DLE EOT has set."""

ASB_FIXED = 0x10
"""The bit that the first byte of an automatic status has set."""

ASB_BYTES = 4


class Topic(IntEnum):
    """What DLE EOT n asks about."""

    PRINTER = 1
    OFFLINE_CAUSE = 2
    ERROR = 3
    PAPER = 4


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
_GS_R_PAPER_BITS: _Bits = _ASB_BITS[2]


def _flags(value: int, bits: _Bits) -> dict[str, bool]:
    return {name: bool(value & mask) for name, mask in bits.items()}


def _value(status: PrinterStatus, bits: _Bits) -> int:
    return sum(mask for name, mask in bits.items() if getattr(status, name))


def decode_real_time(topic: Topic, value: int, known: PrinterStatus) -> PrinterStatus:
    """`known` with what the answer `value` to DLE EOT `topic` says in place of what was known of it."""
    return replace(known, **_flags(value, _REAL_TIME_BITS[topic]))


def encode_real_time(topic: Topic, status: PrinterStatus) -> bytes:
    """The answer to DLE EOT `topic`."""
    return bytes((REAL_TIME_FIXED | _value(status, _REAL_TIME_BITS[topic]),))


def decode_asb(frame: bytes) -> PrinterStatus:
    """The four bytes of an automatic status."""
    flags: dict[str, bool] = {}
    for value, bits in zip(frame, _ASB_BITS, strict=True):
        flags |= _flags(value, bits)
    return PrinterStatus(**flags)


def encode_asb(status: PrinterStatus) -> bytes:
    """The four bytes of an automatic status, reserved bits zero."""
    first, *others = (_value(status, bits) for bits in _ASB_BITS)
    return bytes((ASB_FIXED | first, *others))


def encode_paper(status: PrinterStatus) -> bytes:
    """The answer to GS r 1."""
    return bytes((_value(status, _GS_R_PAPER_BITS),))


def decode_paper(value: int, known: PrinterStatus) -> PrinterStatus:
    """`known` with the paper sensors as the answer `value` to GS r 1 tells them."""
    return replace(known, **_flags(value, _GS_R_PAPER_BITS))

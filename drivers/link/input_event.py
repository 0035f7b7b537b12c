"""``struct input_event``: what the kernel writes for each change of a key. No input or output here.

Source: Linux ``include/uapi/linux/input.h`` and ``input-event-codes.h``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

EV_SYN = 0x00
EV_KEY = 0x01
SYN_DROPPED = 3
"""The kernel's buffer ran over and events were lost: the state of the keys has to be asked for."""

UP = 0
DOWN = 1
REPEAT = 2
"""Still down: the kernel's autorepeat."""

EV_MAX = 0x1F
KEY_MAX = 0x2FF

_INPUT_EVENT = struct.Struct("@llHHi")
"""Seconds, microseconds, type, code, value, with this machine's `long`: 24 bytes on 64-bit machines."""

EVENT_BYTES = _INPUT_EVENT.size
_MICROSECONDS = 1_000_000


class InputEventError(ValueError):
    """The bytes are no input event."""


@dataclass(frozen=True, slots=True)
class InputEvent:
    """One input event. `time_s` is the kernel's wall clock, which jumps when it is set."""

    time_s: float
    type: int
    code: int
    value: int


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key of `node` went `DOWN` or `UP`, or is down and was so before (`REPEAT`)."""

    code: int
    value: int
    time_s: float
    node: str


def decode_event(data: bytes) -> InputEvent:
    """The event in exactly EVENT_BYTES bytes; raises InputEventError for what no kernel would write."""
    if len(data) != EVENT_BYTES:
        raise InputEventError(f"{len(data)} bytes, expected {EVENT_BYTES}")
    seconds, microseconds, kind, code, value = _INPUT_EVENT.unpack(data)
    if not 0 <= microseconds < _MICROSECONDS or kind > EV_MAX:
        raise InputEventError(f"not an input event: {data.hex(' ')}")
    if kind == EV_KEY and (code > KEY_MAX or value not in (UP, DOWN, REPEAT)):
        raise InputEventError(f"not a key: code {code}, value {value}")
    return InputEvent(seconds + microseconds / _MICROSECONDS, kind, code, value)

"""The command language of an ESC/POS printer, taken apart one command at a time, as the printer meets it.

Lengths from Epson's ESC/POS command pages and python-escpos's constants; FS 2 from the SP91 and HCC POS80B manuals.
What is not listed is unknown: it is handed on as such, and nothing is guessed about its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MAX_COMMAND_BYTES = 1 << 20
"""A longer command (a raster image beyond any roll) is unknown."""

ESC, FS, GS, DLE = 0x1B, 0x1C, 0x1D, 0x10

TEXT = "text"
UNKNOWN = "unknown"
REAL_TIME = "real-time"

_DOUBLE_BYTE_GLYPH_BYTES = 72  # FS 2: 24 × 24 dots


@dataclass(frozen=True, slots=True)
class Instruction:
    """One command: its name as the manuals write it, and its arguments. TEXT carries one character's bytes."""

    name: str
    arguments: bytes = b""


@dataclass(frozen=True, slots=True)
class TextMode:
    """How text bytes are to be read: whether double-byte mode is on, and in which code."""

    double_byte: bool
    code: str


_NO_ARGUMENTS = 0
_FIXED: Mapping[bytes, tuple[str, int]] = {
    **{bytes((ESC, ord(name))): (f"ESC {name}", 1) for name in "tR!E-{Ma3dJ="},
    **{bytes((GS, ord(name))): (f"GS {name}", 1) for name in "!BarIhwHfb|"},
    **{bytes((FS, ord(name))): (f"FS {name}", 1) for name in "!W-C"},
    **{bytes((ESC, ord(name))): (f"ESC {name}", _NO_ARGUMENTS) for name in "@2"},
    **{bytes((FS, ord(name))): (f"FS {name}", _NO_ARGUMENTS) for name in "&."},
    b"\x1bc5": ("ESC c 5", 1),
    b"\x1bp": ("ESC p", 3),
    b"\x1cS": ("FS S", 2),
    b"\x1c2": ("FS 2", 2 + _DOUBLE_BYTE_GLYPH_BYTES),
    b"\x0a": ("LF", _NO_ARGUMENTS),
    b"\x0d": ("CR", _NO_ARGUMENTS),
    b"\x09": ("HT", _NO_ARGUMENTS),
    b"\x00": ("NUL", _NO_ARGUMENTS),
}


def _cut_length(data: bytes) -> int | None:
    if len(data) < 3:
        return None
    return 4 if data[2] in (0x41, 0x42) else 3


def _sized_length(data: bytes) -> int | None:
    """GS ( x pL pH and that many bytes."""
    return None if len(data) < 5 else 5 + int.from_bytes(data[3:5], "little")


def _raster_length(data: bytes) -> int | None:
    if len(data) < 8:
        return None
    return 8 + int.from_bytes(data[4:6], "little") * int.from_bytes(data[6:8], "little")


def _column_image_length(data: bytes) -> int | None:
    if len(data) < 5:
        return None
    bytes_per_column = 3 if data[2] in (32, 33) else 1
    return 5 + bytes_per_column * int.from_bytes(data[3:5], "little")


def _barcode_length(data: bytes) -> int | None:
    if len(data) < 4:
        return None
    if data[2] >= 65:
        return 4 + data[3]
    end = data.find(b"\0", 3)
    return end + 1 if end >= 0 else None


_VARIABLE: Mapping[bytes, tuple[str, Callable[[bytes], int | None]]] = {
    b"\x1dV": ("GS V", _cut_length),
    b"\x1dv0": ("GS v 0", _raster_length),
    b"\x1dk": ("GS k", _barcode_length),
    b"\x1b*": ("ESC *", _column_image_length),
    **{bytes((GS, 0x28, ord(name))): (f"GS ( {name}", _sized_length) for name in "ABCDEFGHKLMNPQk"},
}

_PREFIXES = frozenset((*_FIXED, *_VARIABLE))
_BEGINNINGS = frozenset(prefix[:size] for prefix in _PREFIXES for size in range(1, len(prefix)))


def read_instruction(data: bytes, mode: TextMode) -> tuple[Instruction, int] | None:
    """The first instruction in `data` and how many bytes it took; None while it is not there whole."""
    if not data:
        return None
    if data[0] >= 0x20:
        return _character(data, mode)
    if data[0] == DLE:
        return _real_time(data)
    for size in range(1, 4):
        prefix = bytes(data[:size])
        if prefix in _PREFIXES:
            return _whole(data, prefix)
        if prefix not in _BEGINNINGS:
            return Instruction(UNKNOWN, prefix), size
        if len(data) <= size:
            return None
    raise AssertionError("no command has a longer prefix")  # pragma: no cover


def _whole(data: bytes, prefix: bytes) -> tuple[Instruction, int] | None:
    if prefix in _FIXED:
        name, arguments = _FIXED[prefix]
        length: int | None = len(prefix) + arguments
    else:
        name, measure = _VARIABLE[prefix]
        length = measure(data)
    if length is not None and length > MAX_COMMAND_BYTES:
        return Instruction(UNKNOWN, prefix), len(prefix)
    if length is None or len(data) < length:
        return None
    return Instruction(name, bytes(data[len(prefix) : length])), length


def _real_time(data: bytes) -> tuple[Instruction, int] | None:
    """A real-time command met in its turn: it was carried out when it came in, and does nothing now."""
    length = real_time_length(data)
    if length is None:
        return None
    if length == 0:
        return Instruction(UNKNOWN, bytes(data[:1])), 1
    return Instruction(REAL_TIME, bytes(data[:length])), length


def _character(data: bytes, mode: TextMode) -> tuple[Instruction, int] | None:
    length = _character_bytes(data, mode)
    if length is None or len(data) < length:
        return None
    return Instruction(TEXT, bytes(data[:length])), length


def _character_bytes(data: bytes, mode: TextMode) -> int | None:
    lead = data[0]
    if lead < 0x80:
        return 1
    if mode.code == "utf-8":
        return 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)
    if not mode.double_byte or lead in (0x80, 0xFF):
        return 1
    if mode.code != "gb18030":
        return 2
    if len(data) < 2:
        return None
    return 4 if 0x30 <= data[1] <= 0x39 else 2


# --- real-time commands --------------------------------------------------------------------------------------------

_CLEAR = bytes.fromhex("10 14 08 01 03 14 01 06 02 08")
_REAL_TIME_FORMS: tuple[tuple[bytes, int], ...] = (
    *((bytes((DLE, 0x04, n)), 3) for n in (1, 2, 3, 4)),
    *((bytes((DLE, 0x05, n)), 3) for n in (1, 2)),
    *((bytes((DLE, 0x14, 0x01, m)), 5) for m in (0, 1)),
    (_CLEAR, len(_CLEAR)),
)


def real_time_length(data: bytes) -> int | None:
    """The length of the real-time command at the start of `data`: 0 when there is none, None when it may become one."""
    for prefix, length in _REAL_TIME_FORMS:
        if data[: len(prefix)] == prefix:
            return length if len(data) >= length else None
        if prefix.startswith(data):
            return None
    return 0


class RealTimeFilter:
    """Finds real-time commands anywhere in the stream, in image data too, the moment their last byte comes in."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """`data` in its order, cut into stretches, each with whether it is a real-time command."""
        data = self._held + data
        self._held = b""
        plain = 0
        at = data.find(DLE)
        while at >= 0:
            length = real_time_length(data[at : at + len(_CLEAR)])
            if length is None:
                break
            if length:
                if plain < at:
                    yield data[plain:at], False
                yield data[at : at + length], True
                plain = at + length
            at = data.find(DLE, at + max(length, 1))
        end = at if at >= 0 else len(data)
        self._held = data[end:]
        if plain < end:
            yield data[plain:end], False

    def reset(self) -> None:
        """Forget a command begun."""
        self._held = b""

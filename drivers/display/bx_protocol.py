"""Onbon BX-5K/6K: a packet's data ⇄ a request to the card. Used by the driver and by the simulator.

Source for every fact here, unless a line says otherwise: Onbon, "BX-5K/6K user protocol" v1.4 of 2021-02-28,
chapters 5 to 8 (public repository onbonlab/onbonlab.github.io, ``onbon-docs/docs/zh/k/potocol.md``).
Nothing was tried on a real board.

    request: group · command · answer wanted (1 yes, 2 no) · 2 reserved bytes · body

Commands that write the card's flash (programme files, formatting, reset) are not here on purpose: flash wears out,
and nothing here needs them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from drivers.display.bx_area_protocol import Area, Malformed, decode_area, encode_area

MAX_BRIGHTNESS = 15
_DELETE_ALL = 0xFF
_MAX_DELETED = 0xFE

_HEAD_BYTES = 5
_ANSWER, _NO_ANSWER = 1, 2
_ON, _OFF = 1, 2
_FORCED = 1


@dataclass(frozen=True, slots=True)
class Ping:
    """A2 00. Answered by Ack."""


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """A1 02. Answered by Status."""


@dataclass(frozen=True, slots=True)
class SetClock:
    """A2 03. `weekday` 1 Monday … 7 Sunday."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int


@dataclass(frozen=True, slots=True)
class SetPower:
    """A3 00: the screen on or off, until the next moment of a timetable set before."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetBrightness:
    """A3 02, forced: 0 to 15, brightest."""

    level: int


@dataclass(frozen=True, slots=True)
class UpdateAreas:
    """A3 06: delete areas, then set areas. `initialise` clears the areas first; `delete` None deletes all."""

    areas: tuple[Area, ...]
    delete: tuple[int, ...] | None = ()
    initialise: bool = False


@dataclass(frozen=True, slots=True)
class ClearScreen:
    """A3 10."""


@dataclass(frozen=True, slots=True)
class Speak:
    """A2 0E, voice cards (6K-YY): speak GB2312 `text` once more than `repeats`; never stored in flash.

    Unverified: the document's table has eight reserved bytes here in place of two, without an example.
    """

    text: bytes
    person: int = 0
    volume: int = 5
    speed: int = 5
    repeats: int = 0
    delay_10ms: int = 0


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """A command that is not among these."""

    group: int
    command: int


Request = Ping | QueryStatus | SetClock | SetPower | SetBrightness | UpdateAreas | ClearScreen | Speak | OtherRequest


_BRIGHTNESS = struct.Struct("BB")
_SPEAK = struct.Struct("<6sBBBBBIIBI")


def encode_request(request: Request, *, answer: bool = True) -> bytes:
    """A packet's data for `request`. Raises TypeError for what has no encoding, ValueError for bad values."""
    group, command, body = _parts(request)
    mode = isinstance(request, UpdateAreas) and request.initialise
    return bytes([group, command, _ANSWER if answer else _NO_ANSWER, mode, 0]) + body


def _parts(request: Request) -> tuple[int, int, bytes]:
    match request:
        case Ping():
            return 0xA2, 0x00, b""
        case QueryStatus():
            return 0xA1, 0x02, b""
        case SetClock():
            return 0xA2, 0x03, _encode_clock(request)
        case SetPower(on):
            return 0xA3, 0x00, bytes([_ON if on else _OFF])
        case SetBrightness(level):
            return 0xA3, 0x02, _BRIGHTNESS.pack(_FORCED, level)
        case UpdateAreas():
            return 0xA3, 0x06, _encode_update(request)
        case ClearScreen():
            return 0xA3, 0x10, b""
        case Speak():
            return 0xA2, 0x0E, _encode_speak(request)
        case OtherRequest(group, command):
            return group, command, b""


def decode_request(data: bytes) -> tuple[Request, bool]:
    """The request in a packet's data, and whether it wants an answer; raises Malformed."""
    if len(data) < _HEAD_BYTES:
        raise Malformed(f"a request has at least {_HEAD_BYTES} bytes, not {len(data)}")
    group, command, answer, mode, _ = data[:_HEAD_BYTES]
    body = data[_HEAD_BYTES:]
    wanted = answer != _NO_ANSWER
    if (group, command) == (0xA3, 0x06):
        return _decode_update(body, initialise=mode == 1), wanted
    decode = _DECODERS.get((group, command))
    return decode(body) if decode else OtherRequest(group, command), wanted


def _encode_clock(clock: SetClock) -> bytes:
    fields = (clock.year % 100, clock.year // 100, clock.month, clock.day, clock.hour, clock.minute, clock.second)
    return bytes(_bcd(value) for value in (*fields, clock.weekday))


def _bcd(value: int) -> int:
    if not 0 <= value <= 99:
        raise ValueError(f"no two decimal digits: {value}")
    return value // 10 << 4 | value % 10


def _decode_clock(body: bytes) -> SetClock:
    if len(body) != 8 or not body.hex().isdecimal():
        raise Malformed(f"no clock: {body[:8].hex(' ')}")
    low, high, month, day, hour, minute, second, weekday = (int(f"{byte:x}") for byte in body)
    return SetClock(high * 100 + low, month, day, hour, minute, second, weekday)


def _decode_power(body: bytes) -> SetPower:
    if body not in (bytes([_ON]), bytes([_OFF])):
        raise Malformed(f"neither on nor off: {body[:8].hex(' ')}")
    return SetPower(body[0] == _ON)


def _decode_brightness(body: bytes) -> SetBrightness:
    if len(body) != _BRIGHTNESS.size or body[0] != _FORCED or body[1] > MAX_BRIGHTNESS:
        raise Malformed(f"no forced brightness: {body[:8].hex(' ')}")
    return SetBrightness(body[1])


def _encode_update(update: UpdateAreas) -> bytes:
    if update.delete is not None and len(update.delete) > _MAX_DELETED:
        raise ValueError(f"at most {_MAX_DELETED} areas are deleted at once")
    deletion = bytes([_DELETE_ALL]) if update.delete is None else bytes([len(update.delete), *update.delete])
    areas = [encode_area(area) for area in update.areas]
    return deletion + bytes([len(areas)]) + b"".join(struct.pack("<H", len(area)) + area for area in areas)


def _decode_update(body: bytes, *, initialise: bool) -> UpdateAreas:
    rest = _Rest(body)
    count = rest.byte()
    delete = None if count == _DELETE_ALL else tuple(rest.take(count))
    areas = tuple(decode_area(rest.take(rest.word())) for _ in range(rest.byte()))
    rest.end()
    return UpdateAreas(areas, delete, initialise)


def _encode_speak(speak: Speak) -> bytes:
    head = _SPEAK.pack(
        bytes(6),
        0,  # not stored in flash
        speak.person,
        speak.volume,
        speak.speed,
        0,  # GB2312
        speak.repeats,
        speak.delay_10ms,
        0,  # no further parameters
        len(speak.text),
    )
    return head + speak.text


def _decode_speak(body: bytes) -> Speak:
    if len(body) < _SPEAK.size:
        raise Malformed("too short for speech")
    _, stored, person, volume, speed, encoding, repeats, delay, more, length = _SPEAK.unpack_from(body)
    text = body[_SPEAK.size :]
    if stored or encoding or more or length != len(text):
        raise Malformed("speech that is stored, not GB2312 or of another length than it says")
    return Speak(text, person, volume, speed, repeats, delay)


_DECODERS: dict[tuple[int, int], Callable[[bytes], Request]] = {
    (0xA2, 0x00): lambda _: Ping(),
    (0xA1, 0x02): lambda _: QueryStatus(),
    (0xA2, 0x03): _decode_clock,
    (0xA3, 0x00): _decode_power,
    (0xA3, 0x02): _decode_brightness,
    (0xA3, 0x10): lambda _: ClearScreen(),
    (0xA2, 0x0E): _decode_speak,
}


class _Rest:
    """What is left of some data."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise Malformed(f"{count} more bytes expected, {len(self._data)} left")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def word(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def end(self) -> None:
        if self._data:
            raise Malformed(f"{len(self._data)} bytes too many")

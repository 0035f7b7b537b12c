"""Onbon BX-5K/6K: a packet's data ⇄ a card's reply. Used by the driver and by the simulator.

Source for every fact here, unless a line says otherwise: Onbon, "BX-5K/6K user protocol" v1.4 of 2021-02-28,
chapters 5 to 8 (public repository onbonlab/onbonlab.github.io, ``onbon-docs/docs/zh/k/potocol.md``).
Nothing was tried on a real board.

    reply: group · command · error · 2 reserved bytes · body

Replies carry no number: which request one answers is known from their order alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from drivers.display.bx_area_protocol import Malformed

_HEAD_BYTES = 5
_ON, _OFF = 1, 2


class Error(IntEnum):
    """The controller's codes (chapter 6)."""

    NONE = 0
    COMMAND_GROUP = 1
    COMMAND_NOT_FOUND = 2
    BUSY = 3
    OUT_OF_MEMORY = 4
    CHECKSUM = 5
    FILE_NOT_FOUND = 6
    FLASH = 7
    FILE_DOWNLOAD = 8
    FILE_NAME = 9
    FILE_TYPE = 10
    FILE_CHECKSUM = 11
    FONT_NOT_FOUND = 12
    CONTROLLER_TYPE = 13
    DATE_TIME_FORMAT = 14
    FILE_EXISTS = 15
    FILE_BLOCK_NUMBER = 16


def in_words(error: int) -> str:
    """A controller's code, with its name if the document gives one."""
    known = error in list(Error)
    return f"{Error(error).name.lower().replace('_', ' ')} (code {error})" if known else f"code {error}"


@dataclass(frozen=True, slots=True)
class Ack:
    """A0 00: understood and done."""


@dataclass(frozen=True, slots=True)
class Nack:
    """A0 01, or any other reply that carries an error; a code the document does not name stays a number."""

    error: int


@dataclass(frozen=True, slots=True)
class Status:
    """A1 02. `clock` is eight BCD bytes as they came: the document and the vendor's C# demo disagree on their order.

    The special area (`special` 1 if there is one, and its `pages`) is missing from a BX-5K1's reply: then None.
    """

    on: bool
    brightness: int
    clock: bytes
    programmes: int
    programme: bytes
    special: int | None
    pages: int | None
    area_ids: tuple[int, ...]
    bar_code: bytes = bytes(16)
    custom_id: bytes = bytes(12)


@dataclass(frozen=True, slots=True)
class OtherReply:
    """A reply that is not among these, or a status in another form than the documented ones."""

    group: int
    command: int
    body: bytes


Reply = Ack | Nack | Status | OtherReply


_STATUS = struct.Struct("<BB8sB4s")
_TAIL_BYTES = 16 + 12
"""Bar code and custom id, at the end of a status."""


def encode_reply(reply: Reply) -> bytes:
    """A packet's data for `reply`."""
    match reply:
        case Ack():
            return bytes([0xA0, 0x00, 0, 0, 0])
        case Nack(error):
            return bytes([0xA0, 0x01, error, 0, 0])
        case Status():
            return bytes([0xA1, 0x02, 0, 0, 0]) + _encode_status(reply)
        case OtherReply(group, command, body):
            return bytes([group, command, 0, 0, 0]) + body


def decode_reply(data: bytes) -> Reply:
    """The reply in a packet's data; raises Malformed if it is too short to be one."""
    if len(data) < _HEAD_BYTES:
        raise Malformed(f"a reply has at least {_HEAD_BYTES} bytes, not {len(data)}")
    group, command, error = data[:3]
    body = data[_HEAD_BYTES:]
    if (group, command) == (0xA0, 0x01) or error != Error.NONE:
        return Nack(error)
    if (group, command) == (0xA0, 0x00):
        return Ack()
    status = _decode_status(body) if (group, command) == (0xA1, 0x02) else None
    return status or OtherReply(group, command, body)


def _encode_status(status: Status) -> bytes:
    on = _ON if status.on else _OFF
    head = _STATUS.pack(on, status.brightness, status.clock, status.programmes, status.programme)
    special = b"" if status.special is None else bytes([status.special, status.pages or 0])
    areas = bytes([len(status.area_ids), *status.area_ids])
    return head + special + areas + status.bar_code + status.custom_id


def _decode_status(body: bytes) -> Status | None:
    """The two forms differ in length and cannot be mistaken for each other: the special area is 0 or 1."""
    if len(body) < _STATUS.size + 1 + _TAIL_BYTES:
        return None
    on, brightness, clock, programmes, programme = _STATUS.unpack_from(body)
    rest, tail = body[_STATUS.size : -_TAIL_BYTES], body[-_TAIL_BYTES:]
    special: int | None = None
    pages: int | None = None
    if len(rest) != 1 + rest[0]:
        if len(rest) < 3 or len(rest) != 3 + rest[2]:
            return None
        special, pages, rest = rest[0], rest[1], rest[2:]
    return Status(
        on == _ON, brightness, clock, programmes, programme, special, pages, tuple(rest[1:]), tail[:16], tail[16:]
    )

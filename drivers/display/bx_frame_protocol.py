"""Onbon BX-5K/6K: bytes on the wire ⇄ packets. Start and end bytes, escapes, the header and its check sum.

Source for every fact here, unless a line says otherwise: Onbon, "BX-5K/6K user protocol" v1.4 of 2021-02-28,
chapters 3 and 4 and appendix (public repository onbonlab/onbonlab.github.io, ``onbon-docs/docs/zh/k/potocol.md``).
Nothing was tried on a real board.

A frame is ``A5 × 8 · escape(header · data · CRC-16) · 5A``. Escaping leaves no A5 and no 5A inside, so one A5
is enough to find the start again after any noise (chapter 3, note 1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

START = 0xA5
END = 0x5A
HOST_LEAD = 8
CARD_LEAD = 9
"""How many start bytes lead a frame: the document demands eight, its examples of a card's replies show nine."""

FACTORY_ADDRESS = 0x0001
HOST_ADDRESS = 0x8000
"""The first of the addresses of host software (8000 to DFFF). As a destination: whoever is at the far end."""

BROADCAST = 0xFFFF
"""Every card obeys and none answers."""

BROADCAST_ANSWERED = 0xFFFE
"""Every card obeys and answers, in the name of this address."""

ANY_DEVICE = 0xFE
PROTOCOL_VERSION = 0x02

MAX_DATA_BYTES = 4096
"""Four times the largest receive buffer of any card: what claims to be longer is noise."""

_HEADER = struct.Struct("<HH3sBBBBBH")
_CHECK = struct.Struct("<H")
_MAX_ESCAPED_BYTES = 2 * (_HEADER.size + MAX_DATA_BYTES + _CHECK.size)

_ESCAPES = {0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"}
_PLAIN = {pair: byte for byte, pair in _ESCAPES.items()}
_ESCAPED = [_ESCAPES.get(byte, bytes([byte])) for byte in range(256)]


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame's content. `display_mode` 1 lets dynamic areas cover a stored programme, 0 does not."""

    destination: int
    source: int
    data: bytes
    display_mode: int = 0
    device: int = ANY_DEVICE
    version: int = PROTOCOL_VERSION
    reserved: bytes = b"\0\0\0"


class Fault(StrEnum):
    """What was wrong with a frame."""

    CUT_SHORT = "cut-short"  # the next frame began before this one had ended
    TOO_LONG = "too-long"
    ESCAPE = "escape"
    LENGTH = "length"
    CHECKSUM = "checksum"
    UNSUPPORTED = "unsupported"  # a bar code in the header, or a check other than the CRC


@dataclass(frozen=True, slots=True)
class Garbled:
    """A frame that came damaged. `destination` is what it seemed to say where the check sum alone was wrong."""

    fault: Fault
    destination: int | None = None


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """CRC-16/ARC (polynomial 8005 reflected, start 0): the table of the document's appendix."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def escape(data: bytes) -> bytes:
    """`data` without any A5 or 5A in it (3.3)."""
    return b"".join(_ESCAPED[byte] for byte in data)


def unescape(data: bytes) -> bytes:
    """Undo `escape`; raises ValueError for a pair that no escape gives."""
    plain = bytearray()
    rest = iter(data)
    for byte in rest:
        if byte not in (0xA6, 0x5B):
            plain.append(byte)
            continue
        pair = bytes((byte, next(rest, 0)))
        if pair not in _PLAIN:
            raise ValueError(f"no escape: {pair.hex(' ')}")
        plain.append(_PLAIN[pair])
    return bytes(plain)


def encode_packet(packet: Packet, *, lead: int = HOST_LEAD, spoil: int = 0) -> bytes:
    """The frame that carries `packet`, led by `lead` start bytes. The check sum is taken before escaping.

    The bits of `spoil` come out wrong in the check sum, for a simulator of a bad line.
    """
    if len(packet.data) > MAX_DATA_BYTES:
        raise ValueError(f"a frame carries at most {MAX_DATA_BYTES} bytes, not {len(packet.data)}")
    header = _HEADER.pack(
        packet.destination,
        packet.source,
        packet.reserved,
        0,  # no bar code in the header
        0,  # the check is the CRC
        packet.display_mode,
        packet.device,
        packet.version,
        len(packet.data),
    )
    body = header + packet.data
    return bytes([START]) * lead + escape(body + _CHECK.pack(crc16(body) ^ spoil)) + bytes([END])


def _decode_body(escaped: bytes) -> Packet | Garbled:
    try:
        plain = unescape(escaped)
    except ValueError:
        return Garbled(Fault.ESCAPE)
    if len(plain) < _HEADER.size + _CHECK.size:
        return Garbled(Fault.LENGTH)
    body, check = plain[: -_CHECK.size], plain[-_CHECK.size :]
    destination, source, reserved, bar_code, check_mode, display, device, version, length = _HEADER.unpack_from(body)
    if _CHECK.unpack(check)[0] != crc16(body):
        return Garbled(Fault.CHECKSUM, destination)
    if bar_code or check_mode:
        return Garbled(Fault.UNSUPPORTED)
    data = body[_HEADER.size :]
    if len(data) != length:
        return Garbled(Fault.LENGTH)
    return Packet(destination, source, data, display, device, version, reserved)


class PacketDecoder:
    """Finds the frames in a stream that comes in any pieces; what is between frames is skipped and counted."""

    def __init__(self) -> None:
        self._frame: bytearray | None = None
        self.skipped_bytes = 0

    def feed(self, data: bytes) -> list[Packet | Garbled]:
        """The frames that `data` ends, in the order of their ends."""
        found: list[Packet | Garbled] = []
        for byte in data:
            if byte == START:
                if self._frame:
                    found.append(Garbled(Fault.CUT_SHORT))
                self._frame = bytearray()
            elif self._frame is None:
                self.skipped_bytes += 1
            elif byte == END:
                found.append(_decode_body(bytes(self._frame)))
                self._frame = None
            else:
                found += self._append(self._frame, byte)
        return found

    def _append(self, frame: bytearray, byte: int) -> list[Garbled]:
        frame.append(byte)
        if len(frame) <= _MAX_ESCAPED_BYTES:
            return []
        self._frame = None
        return [Garbled(Fault.TOO_LONG)]

"""USB/IP as a server speaks it: bytes in, requests out. Does no input or output.

Source: Linux Documentation/usb/usbip_protocol.rst, version 1.1.1; status codes of the first phase from usbip-utils
(tools/usb/usbip/libsrc/usbip_common.h).
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

VERSION = 0x0111
DEVICE_LIST, IMPORT = 0x8005, 0x8003
_REPLY = 0x7FFF
SUBMIT, UNLINK = 1, 2
_SUBMITTED, _UNLINKED = 3, 4
OK, BUSY, NO_DEVICE = 0, 2, 4

MAX_TRANSFER_BYTES = 1 << 20
"""usbfs and usblp transfer no more than a few kilobytes at a time."""

_OPERATION = struct.Struct(">HHI")
_BUS_ID = struct.Struct("32s")
_HEADER = struct.Struct(">IIIIIIiiii8s")
_RETURN = struct.Struct(">IIIIIiiiii8x")
_RETURN_UNLINK = struct.Struct(">IIIIIi24x")

STALLED = -errno.EPIPE
SHUT_DOWN = -errno.ESHUTDOWN
UNLINKED = -errno.ECONNRESET
NO_ENDPOINT = -errno.ENOENT


class UsbIpError(Exception):
    """What came is no USB/IP; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class ListDevices:
    """What is there to be attached?"""


@dataclass(frozen=True, slots=True)
class ImportDevice:
    """Attach the device with this bus id."""

    bus_id: str


@dataclass(frozen=True, slots=True)
class Submit:
    """A transfer on endpoint `address` (0x80 set: towards the host): `data` for the device, or room for `length`."""

    number: int
    address: int
    length: int
    setup: bytes
    data: bytes

    @property
    def to_host(self) -> bool:
        return bool(self.address & 0x80)


@dataclass(frozen=True, slots=True)
class Unlink:
    """Give up the transfer `victim`."""

    number: int
    victim: int


Operation = ListDevices | ImportDevice
Command = Submit | Unlink


def take_operation(buffer: bytearray) -> Operation | None:
    """Take the first request of a connection off `buffer`; None when it is not whole yet."""
    if len(buffer) < _OPERATION.size:
        return None
    version, code, _ = _OPERATION.unpack_from(buffer)
    if version != VERSION or code not in (DEVICE_LIST, IMPORT):
        raise UsbIpError(f"version {version:#06x}, operation {code:#06x}")
    if code == DEVICE_LIST:
        del buffer[: _OPERATION.size]
        return ListDevices()
    size = _OPERATION.size + _BUS_ID.size
    if len(buffer) < size:
        return None
    (bus_id,) = _BUS_ID.unpack_from(buffer, _OPERATION.size)
    del buffer[:size]
    return ImportDevice(bus_id.partition(b"\0")[0].decode("ascii", "replace"))


def take_command(buffer: bytearray) -> Command | None:
    """Take the next command after an import off `buffer`; None when it is not whole yet."""
    if len(buffer) < _HEADER.size:
        return None
    command, number, _, to_host, endpoint, flags, length, _, _, _, setup = _HEADER.unpack_from(buffer)
    if command == UNLINK:
        del buffer[: _HEADER.size]
        return Unlink(number, flags)  # where a submit has its flags
    if command != SUBMIT or to_host > 1 or endpoint > 15 or not 0 <= length <= MAX_TRANSFER_BYTES:
        raise UsbIpError(f"command {command}, endpoint {endpoint}, length {length}")
    size = _HEADER.size + (0 if to_host else length)
    if len(buffer) < size:
        return None
    data = bytes(buffer[_HEADER.size : size])
    del buffer[:size]
    return Submit(number, endpoint | to_host << 7, length, setup, data)


def encode_device_list(devices: list[bytes]) -> bytes:
    """The answer to ListDevices; a device is its record and four bytes for each interface."""
    return _operation(DEVICE_LIST, OK) + struct.pack(">I", len(devices)) + b"".join(devices)


def encode_import(status: int, record: bytes = b"") -> bytes:
    """The answer to ImportDevice, with the device's record if `status` is OK."""
    return _operation(IMPORT, status) + record


def _operation(code: int, status: int) -> bytes:
    return _OPERATION.pack(VERSION, code & _REPLY, status)


def encode_submitted(submit: Submit, status: int, data: bytes = b"", taken: int = 0) -> bytes:
    """The end of a transfer: `data` for the host, or how many bytes the device has `taken`."""
    length = len(data) if submit.to_host else taken
    return _RETURN.pack(_SUBMITTED, submit.number, 0, 0, 0, status, length, 0, 0, 0) + data


def encode_unlinked(unlink: Unlink, *, in_time: bool) -> bytes:
    """The end of a transfer given up: `in_time` if it will not end in any other way."""
    return _RETURN_UNLINK.pack(_UNLINKED, unlink.number, 0, 0, 0, UNLINKED if in_time else 0)

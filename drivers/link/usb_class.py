"""The USB printer class: how its interfaces are recognised, and what they tell on request.

Source: USB Device Class Definition for Printing Devices 1.1, section 4.2 (requests); the
index of GET_DEVICE_ID as in Linux drivers/usb/class/usblp.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CLASS = 0x07
SUBCLASS = 0x01
ONE_WAY, BOTH_WAYS = 0x01, 0x02
"""Values of bInterfaceProtocol. The others (IEEE 1284.4 packets, IPP over USB) carry no plain stream of bytes."""

VENDOR_CLASS = 0xFF
"""Receipt printers of Epson (04b8:0202) have it instead, says Linux drivers/usb/class/usblp.c. Unverified otherwise."""

FROM_INTERFACE = 0xA1
"""bmRequestType of both requests: device to host, class, interface."""

GET_DEVICE_ID = 0x00
GET_PORT_STATUS = 0x01
MAX_DEVICE_ID_BYTES = 1024

_NOT_ERROR = 0x08
_SELECTED = 0x10
_PAPER_EMPTY = 0x20


@dataclass(frozen=True, slots=True)
class PortStatus:
    """The status lines of a parallel port, as GET_PORT_STATUS tells them. Many printers answer a constant."""

    paper_empty: bool
    selected: bool
    error: bool


def decode_port_status(value: int) -> PortStatus:
    """What the one byte of GET_PORT_STATUS says."""
    return PortStatus(
        paper_empty=bool(value & _PAPER_EMPTY), selected=bool(value & _SELECTED), error=not value & _NOT_ERROR
    )


def decode_device_id(answer: bytes) -> Mapping[str, str]:
    """The fields of the IEEE 1284 device ID in an `answer` to GET_DEVICE_ID, such as MFG, MDL and CLS.

    The two bytes of length before it are not relied on: some printers have them in the wrong order.
    """
    text = answer[2:].decode("ascii", "replace")
    pairs = (field.partition(":") for field in text.split(";"))
    return {key.strip().upper(): value.strip() for key, colon, value in pairs if colon}

"""What is attached to this machine, as the kernel lists it in sysfs. Opens no device."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")
DEV = Path("/dev")

PRINTER_CLASS = "07"
"""bInterfaceClass of printers: USB Device Class Definition for Printing Devices 1.1."""

MAX_ATTRIBUTE_BYTES = 512


@dataclass(frozen=True, slots=True)
class UsbName:
    """What a USB device says of itself, and where it is plugged in (``1-1.2``: bus and ports)."""

    vendor: str
    product: str
    place: str
    serial: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SerialPort:
    """`path` is the most stable name of the node: by USB socket where there is one."""

    node: Path
    path: Path
    driver: str
    usb: UsbName | None


@dataclass(frozen=True, slots=True)
class UsbPrinter:
    """A printer-class interface. `driver`: what holds it now, `usblp` or `usbfs` mostly."""

    usb: UsbName
    driver: str
    node: Path


@dataclass(frozen=True, slots=True)
class Keypad:
    """An input device with digit keys. `keyboard`: with letters too."""

    node: Path
    path: Path
    name: str
    keyboard: bool


def attribute(path: Path) -> str:
    """An attribute in sysfs; empty where there is none. What a device says of itself may be anything."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_ATTRIBUTE_BYTES).decode(errors="replace")
    except OSError:
        return ""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def usb_name(directory: Path) -> UsbName | None:
    """The USB device that the sysfs `directory` belongs to."""
    for place in (directory, *directory.parents):
        if vendor := attribute(place / "idVendor"):
            maker, product = attribute(place / "manufacturer"), attribute(place / "product")
            name = " ".join(filter(None, (maker, product)))
            return UsbName(vendor, attribute(place / "idProduct"), place.name, attribute(place / "serial"), name)
    return None


def stable_path(node: Path, folder: Path) -> Path:
    """The link below `folder`/by-path that leads to `node`, or the node itself where udev has made none."""
    links = [link for link in sorted((folder / "by-path").glob("*")) if link.resolve() == node]
    # newer udevs make two for one port: usb-… and usbv2-…; the older form is made by every one
    return min(links, key=lambda link: ("usbv" in link.name, link.name), default=node)


def serial_ports(sysfs: Path = SYSFS, dev: Path = DEV) -> list[SerialPort]:
    """Every serial port with something behind it: USB adapters, modems, and built-in ports with a UART."""
    return sorted(_serial_ports(sysfs, dev), key=lambda port: (port.usb is None, port.path))


def _serial_ports(sysfs: Path, dev: Path) -> Iterator[SerialPort]:
    for entry in (sysfs / "class/tty").glob("*"):
        device = entry / "device"
        if not device.exists() or attribute(entry / "type") == "0":  # PORT_UNKNOWN: a number without a UART
            continue
        real = device.resolve()
        node = dev / entry.name
        driver = (real / "driver").resolve().name if (real / "driver").exists() else ""
        yield SerialPort(node, stable_path(node, dev / "serial"), driver, usb_name(real))


def usb_printers(sysfs: Path = SYSFS, dev: Path = DEV) -> list[UsbPrinter]:
    """Every printer-class interface on the USB."""
    return sorted(_usb_printers(sysfs, dev), key=lambda printer: printer.usb.place)


def _usb_printers(sysfs: Path, dev: Path) -> Iterator[UsbPrinter]:
    for entry in (sysfs / "bus/usb/devices").glob("*:*"):
        interface = entry.resolve()
        usb = usb_name(interface)
        if attribute(interface / "bInterfaceClass") != PRINTER_CLASS or usb is None:
            continue
        driver = (interface / "driver").resolve().name if (interface / "driver").exists() else ""
        bus, number = (attribute(interface.parent / name) for name in ("busnum", "devnum"))
        node = dev / "bus/usb" / f"{int(bus or 0):03d}" / f"{int(number or 0):03d}"
        yield UsbPrinter(usb, driver, node)


DIGITS = range(2, 12)
"""KEY_1 … KEY_9, KEY_0: linux/input-event-codes.h."""
KEYPAD_DIGITS = (79, 80, 81, 75, 76, 77, 71, 72, 73, 82)
"""KEY_KP1 … KEY_KP9, KEY_KP0."""
LETTERS = (*range(16, 26), *range(30, 39), *range(44, 51))
"""The three rows of letters."""


def keypads(sysfs: Path = SYSFS, dev: Path = DEV) -> list[Keypad]:
    """Every input device that has the digits 1 to 5, in either place of a keyboard."""
    return sorted(_keypads(sysfs, dev), key=lambda keypad: keypad.path)


def _keypads(sysfs: Path, dev: Path) -> Iterator[Keypad]:
    for entry in (sysfs / "class/input").glob("event*"):
        keys = key_codes(attribute(entry / "device/capabilities/key"))
        if not (keys.issuperset(DIGITS[:5]) or keys.issuperset(KEYPAD_DIGITS[:5])):
            continue
        node = dev / "input" / entry.name
        name = attribute(entry / "device/name")
        yield Keypad(node, stable_path(node, dev / "input"), name, keys.issuperset(LETTERS))


def key_codes(bitmap: str) -> frozenset[int]:
    """The codes in a bitmap of sysfs: words of the kernel's own size in hexadecimal, the most significant first."""
    if not re.fullmatch(r"[0-9a-f ]+", bitmap):
        return frozenset()
    bits = 64 if os.uname().machine.endswith("64") else 32
    value = 0
    for word in bitmap.split():
        value = value << bits | int(word, 16)
    return frozenset(code for code in range(value.bit_length()) if value >> code & 1)

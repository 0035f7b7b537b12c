"""Every link scheme, at a glance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from drivers.link.evdev import check_evdev, open_evdev
from drivers.link.evdev_unix import check_evdev_unix, open_evdev_unix
from drivers.link.file import check_file, open_file
from drivers.link.serial import open_serial, serial_options
from drivers.link.tcp import open_tcp, tcp_options
from drivers.link.url import LinkUrl
from drivers.link.usb import open_usb, usb_options

Opener = Callable[[LinkUrl], Awaitable[Any]]
Check = Callable[[LinkUrl], object]

SCHEMES: Mapping[str, tuple[Opener, Check]] = {
    "serial": (open_serial, serial_options),
    "tcp": (open_tcp, tcp_options),
    "usb": (open_usb, usb_options),
    "file": (open_file, check_file),
    "evdev": (open_evdev, check_evdev),
    "evdev+unix": (open_evdev_unix, check_evdev_unix),  # simulators only
}
"""Scheme → how to open it (raises DeviceError), and how to check a URL without opening it (raises LinkUrlError)."""

"""``usb://0416:5011?serial=…&path=1-1.2`` links: a printer-class USB device, found by what it is and where it is."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from drivers.device import DeviceError, Reason
from drivers.link.options import take_options
from drivers.link.url import LinkUrl, LinkUrlError
from drivers.link.usb_link import STALL_S, UsbLink, UsbThreads, await_released

if TYPE_CHECKING:
    from drivers.link.usb_printer import UsbPrinter

_NAME = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")
_PATH = re.compile(r"[1-9][0-9]{0,2}-[0-9]{1,3}(\.[0-9]{1,3}){0,6}")
"""A bus and at most seven ports, as USB 3 allows."""


@dataclass(frozen=True, slots=True)
class UsbOptions:
    """Which device: vendor and product, and what tells it from its equals. Empty: not asked for."""

    vendor: int
    product: int
    serial: str = ""
    path: str = ""


def usb_options(url: LinkUrl) -> UsbOptions:
    """Which device `url` names; raises LinkUrlError."""
    name = _NAME.fullmatch(url.host)
    if name is None or url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected usb://VENDOR:PRODUCT, four hexadecimal digits each, as lsusb shows them")
    given = take_options(url, ("serial", "path"))
    path = given.get("path", "")
    if "path" in given and not _PATH.fullmatch(path):
        raise LinkUrlError(f"link option path={path}: expected bus and ports as in /sys/bus/usb/devices, such as 1-1.2")
    if given.get("serial") == "":
        raise LinkUrlError("link option serial=: expected a serial number; leave it out for any")
    return UsbOptions(int(name[1], 16), int(name[2], 16), given.get("serial", ""), path)


async def open_usb(url: LinkUrl, backend: Any = None, *, stall_s: float = STALL_S) -> UsbLink:
    """Find and claim the printer that `url` names; raises DeviceError with what stood in the way.

    `backend` is a pyusb backend; libusb's unless given. A printer that takes no packet for `stall_s` is lost.
    """
    options = usb_options(url)
    threads = UsbThreads()
    claiming = threads.writer.submit(lambda: _claim(options, backend))
    try:
        printer = await asyncio.wrap_future(claiming)
    except asyncio.CancelledError:
        claiming.add_done_callback(_give_back)
        threads.end()
        raise
    except DeviceError:
        threads.end()
        raise
    return UsbLink(printer, threads, stall_s=stall_s)


def _give_back(claimed: Future[UsbPrinter]) -> None:
    """Nobody waits for it any more."""
    if not claimed.cancelled() and claimed.exception() is None:
        claimed.result().release()


def _claim(options: UsbOptions, backend: Any) -> UsbPrinter:
    try:
        bus = import_module("drivers.link.usb_bus")
    except ModuleNotFoundError as error:
        needed = f'usb links need pyusb: pip install "kioskd[usb]" ({error})'
        raise DeviceError(Reason.UNSUPPORTED, needed) from error
    await_released()
    printer: UsbPrinter = bus.claim(options.vendor, options.product, options.serial, options.path, backend)
    return printer

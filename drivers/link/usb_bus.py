"""The USB devices that are there, through pyusb: which one a link means. Everything here blocks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import usb.backend.libusb1
import usb.core
import usb.util

from drivers.device import DeviceError, Reason
from drivers.link.usb_printer import UsbPrinter, opening, place


def claim(vendor: int, product: int, serial: str, path: str, backend: Any) -> UsbPrinter:
    """Find the one device that is meant and claim its printer interface; raises DeviceError.

    An empty `serial` or `path` fits every device. `backend` is pyusb's; libusb's when None.
    """
    equals = _all(backend or _libusb(), vendor, product)
    claimed: UsbPrinter | None = None
    try:
        claimed = UsbPrinter(_the_one(equals, f"{vendor:04x}:{product:04x}", serial, path))
        return claimed
    finally:
        for device in equals:
            if claimed is None or device is not claimed.device:
                usb.util.dispose_resources(device)


def _all(backend: Any, vendor: int, product: int) -> list[Any]:
    try:
        return list(usb.core.find(find_all=True, backend=backend, idVendor=vendor, idProduct=product))
    except usb.core.USBError as error:
        raise DeviceError(Reason.NOT_PRESENT, f"the USB cannot be looked through: {error}") from error


def _the_one(equals: list[Any], name: str, serial: str, path: str) -> Any:
    chosen = [device for device in equals if path in ("", place(device))]
    unknown: list[DeviceError] = []
    if serial:
        chosen = [device for device in chosen if _serial(device, unknown) == serial]
    if not chosen and unknown:
        raise unknown[0]  # it may be the one
    if not chosen:
        wanted = (f" at {path}" if path else "") + (f" with serial number {serial}" if serial else "")
        raise DeviceError(Reason.NOT_PRESENT, f"no USB device {name}{wanted}")
    if len(chosen) > 1:
        places = ", ".join(sorted(place(device) for device in chosen))
        raise DeviceError(Reason.WRONG_DEVICE, f"{len(chosen)} devices are {name}, at {places}: add path= to the link")
    return chosen[0]


def _serial(device: Any, unknown: list[DeviceError]) -> str | None:
    """The serial number of `device`, or None; why it could not be asked for it goes to `unknown`."""
    try:
        with opening(device):
            languages = usb.util.get_langids(device) if device.iSerialNumber else ()
            return usb.util.get_string(device, device.iSerialNumber, languages[0]) if languages else None
    except DeviceError as error:
        unknown.append(error)
        return None


def _libusb() -> Any:
    """libusb: the one that came as a Python package, else the system's."""
    try:
        find_library = import_module("libusb_package").find_library
    except ModuleNotFoundError:
        find_library = None
    backend = usb.backend.libusb1.get_backend(find_library=find_library)
    if backend is None:
        detail = 'usb links need libusb-1.0, which pip install "kioskd[usb]" brings'
        raise DeviceError(Reason.UNSUPPORTED, detail)
    return backend

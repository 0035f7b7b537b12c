"""One claimed printer interface through pyusb. Everything here blocks, and runs in worker threads.

What the interface does is asked of its descriptors, nothing is assumed. The device is never reset, and never
configured anew when it is configured: both make a printer forget what it has not printed yet.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import usb.core
import usb.util

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link import usb_class
from drivers.link.usb_class import PortStatus

REQUEST_MS = 500
"""How long a device may take over a request on its control endpoint."""

_BULK = 2

_OPENING = {
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EBUSY: Reason.BUSY,  # another program has claimed the interface
}


class UsbPrinter:
    """The printer interface of `device`, claimed until `release`; raises DeviceError when it cannot be had.

    `packet_bytes` is how much it takes at once, wholly or not at all. `answers` is whether it can send anything.
    """

    def __init__(self, device: Any) -> None:
        self.name = f"USB device {place(device)}"
        self.device = device
        with opening(device):
            self._interface = _printer_interface(device)
            self._out = _bulk(self._interface, usb.util.ENDPOINT_OUT)
            self._in = _bulk(self._interface, usb.util.ENDPOINT_IN)
            self._kernel_driver = False
            try:
                self._claim()
            except BaseException:
                self.release()
                raise
        self.packet_bytes: int = self._out.wMaxPacketSize
        self.answers = self._in is not None

    def _claim(self) -> None:
        number = self._interface.bInterfaceNumber
        self._kernel_driver = _has_kernel_driver(self.device, number)
        if self._kernel_driver:
            self.device.detach_kernel_driver(number)
        usb.util.claim_interface(self.device, number)
        if self._interface.bAlternateSetting:
            self.device.set_interface_altsetting(number, self._interface.bAlternateSetting)

    def write(self, packet: bytes, wait_ms: int) -> bool:
        """Send one packet; False when the device did not take it within `wait_ms`. Raises LinkLost.

        LinkLost has all of the packet as `sent` if the device may have got it, and nothing if it did not.
        """
        try:
            self._past_a_stall(self._out, lambda: self._out.write(packet, wait_ms))
        except usb.core.USBTimeoutError:
            return False
        except usb.core.USBError as error:
            raise self._lost(error, sent=0 if error.errno == errno.EPIPE else len(packet)) from error
        return True

    def read(self, wait_ms: int) -> bytes | None:
        """What the device says, which may be nothing; None when it had the host wait for `wait_ms`. Raises LinkLost."""
        try:
            return bytes(self._past_a_stall(self._in, lambda: self._in.read(self._in.wMaxPacketSize, wait_ms)))
        except usb.core.USBTimeoutError:
            return None
        except usb.core.USBError as error:
            raise self._lost(error) from error

    def _past_a_stall(self, endpoint: Any, transfer: Callable[[], Any]) -> Any:
        """The outcome of `transfer`. A stall, which says that nothing was transferred, is cleared once."""
        try:
            return transfer()
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise
        endpoint.clear_halt()
        return transfer()

    def port_status(self) -> PortStatus | None:
        """The answer to GET_PORT_STATUS; None from a device that does not know the request. Raises LinkLost."""
        answer = self._request(usb_class.GET_PORT_STATUS, self._interface.bInterfaceNumber, 1)
        return usb_class.decode_port_status(answer[0]) if answer else None

    def device_id(self) -> Mapping[str, str]:
        """The answer to GET_DEVICE_ID, empty from a device that does not know the request. Raises LinkLost."""
        index = self._interface.bInterfaceNumber << 8 | self._interface.bAlternateSetting
        return usb_class.decode_device_id(self._request(usb_class.GET_DEVICE_ID, index, usb_class.MAX_DEVICE_ID_BYTES))

    def _request(self, request: int, index: int, length: int) -> bytes:
        try:
            answer = self.device.ctrl_transfer(usb_class.FROM_INTERFACE, request, 0, index, length, REQUEST_MS)
        except usb.core.USBTimeoutError:
            return b""
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:
                return b""  # "I do not know this request"; the next one ends it
            raise self._lost(error) from error
        return bytes(answer)

    def _lost(self, error: usb.core.USBError, *, sent: int = 0) -> LinkLost:
        what = "its endpoint refuses every transfer" if error.errno == errno.EPIPE else str(error)
        return LinkLost(Reason.DISCONNECTED, f"{self.name}: {what}", sent=sent)

    def release(self) -> None:
        """Give the interface back, and to the kernel's driver if that had it. Never raises."""
        number = self._interface.bInterfaceNumber
        with suppress(usb.core.USBError):  # the device has gone, and everything of it
            usb.util.release_interface(self.device, number)
            if self._kernel_driver:
                self.device.attach_kernel_driver(number)
        usb.util.dispose_resources(self.device)


def place(device: Any) -> str:
    """Where `device` is plugged in, as the kernel names it: bus, and the ports from the root to it."""
    return f"{device.bus}-{'.'.join(str(port) for port in device.port_numbers or (0,))}"


def _printer_interface(device: Any) -> Any:
    """The interface, in that of its alternate settings which suits best; raises DeviceError if it is no printer."""
    best = max(_configuration(device), key=_suits)
    if not _suits(best):
        raise DeviceError(Reason.WRONG_DEVICE, f"USB device {place(device)} has no printer interface")
    return best


def _suits(interface: Any) -> int:
    """How well a printer can be driven by `interface`: both ways, one way, the maker's own, or not at all: 0."""
    if _bulk(interface, usb.util.ENDPOINT_OUT) is None:
        return 0
    if (interface.bInterfaceClass, interface.bInterfaceSubClass) == (usb_class.CLASS, usb_class.SUBCLASS):
        return {usb_class.BOTH_WAYS: 3, usb_class.ONE_WAY: 2}.get(interface.bInterfaceProtocol, 0)
    return 1 if interface.bInterfaceClass == usb_class.VENDOR_CLASS else 0


def _configuration(device: Any) -> Any:
    try:
        return device.get_active_configuration()
    except usb.core.USBError as error:
        if error.errno is not None:
            raise
        device.set_configuration()  # pyusb's own error, without a number: nobody has configured the device yet
        return device.get_active_configuration()


def _bulk(interface: Any, direction: int) -> Any:
    def wanted(endpoint: Any) -> bool:
        way, kind = (
            usb.util.endpoint_direction(endpoint.bEndpointAddress),
            usb.util.endpoint_type(endpoint.bmAttributes),
        )
        return bool(way == direction and kind == _BULK and endpoint.wMaxPacketSize)

    return usb.util.find_descriptor(interface, custom_match=wanted)


def _has_kernel_driver(device: Any, number: int) -> bool:
    try:
        return bool(device.is_kernel_driver_active(number))
    except NotImplementedError:
        return False  # a platform whose kernel lets go by itself


@contextmanager
def opening(device: Any) -> Iterator[None]:
    """What goes wrong inside, while `device` is asked or claimed, is told as DeviceError."""
    try:
        yield
    except usb.core.USBError as error:
        reason = _OPENING.get(error.errno or 0, Reason.NOT_PRESENT)
        detail = remedy(device) if reason is Reason.PERMISSION else str(error)
        raise DeviceError(reason, f"USB device {place(device)}: {detail}") from error
    except NotImplementedError as error:  # how pyusb words LIBUSB_ERROR_NOT_SUPPORTED
        raise DeviceError(Reason.UNSUPPORTED, f"USB device {place(device)}: {error}") from error


def remedy(device: Any) -> str:
    """What to do where the device node may not be opened."""
    rule = f'ATTR{{idVendor}}=="{device.idVendor:04x}", ATTR{{idProduct}}=="{device.idProduct:04x}"'
    return (
        f"no permission for /dev/bus/usb/{device.bus:03}/{device.address:03}; kioskd has to be in its group, lp by "
        f'Debian\'s rules for printers, or a udev rule has to give it: SUBSYSTEM=="usb", {rule}, GROUP="lp"'
    )

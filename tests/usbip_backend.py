"""A pyusb backend for USB devices served over USB/IP: what libusb and the kernel do, without either.

The first phase of a connection is the usbip library's, an implementation that the simulators do not use. Transfers
have time limits and run side by side, which that library's own host cannot do. What usbfs keeps to is kept to here:
an interface is claimed by one handle at a time, and by none while a kernel driver has it.
"""

from __future__ import annotations

import array
import errno
import itertools
import os
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
from usbip import core, protocol

Address = tuple[str, int]

CONNECT_S = 2.0
GIVE_UP_S = 5.0
SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
COMMAND = struct.Struct(">IIIIIIiiii8s")
ANSWER = struct.Struct(">IIIIIiiiii8x")


class Transfer:
    """One submitted transfer, and how it ended."""

    def __init__(self, *, to_host: bool) -> None:
        self.to_host = to_host
        self.done = threading.Event()
        self.status = -errno.ENODEV
        self.actual = 0
        self.data = b""


class Attached:
    """A device attached over USB/IP: one connection, a thread that reads it, any number of transfers at once."""

    def __init__(self, address: Address, bus_id: str) -> None:
        self._socket = socket.create_connection(address, CONNECT_S)
        try:
            self.info = protocol.client_import(self._socket, bus_id.encode())
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(None)
        self._devid = self.info["busnum"] << 16 | self.info["devnum"]
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._transfers: dict[int, Transfer] = {}
        self._unlinks: dict[int, int] = {}
        self.gone = False
        self._thread = threading.Thread(target=self._listen, name="usbip-test-host")
        self._thread.start()

    def detach(self) -> None:
        """As ``usbip detach``: the device is gone for everybody."""
        with suppress(OSError):  # the other side was quicker
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(GIVE_UP_S)
        assert not self._thread.is_alive()

    # --- the thread ------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                self._take(self._exactly(COMMAND.size))
        with self._lock:
            self.gone = True
            lost, self._transfers = self._transfers, {}
            self._socket.close()
        for transfer in lost.values():
            transfer.done.set()

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return bytes(data)

    def _take(self, header: bytes) -> None:
        command, number, *rest, status, actual, start, packets, errors = ANSWER.unpack(header)
        assert rest == [0, 0, 0], "usbip_protocol.rst: devid, direction and endpoint are 0 in answers"
        assert (start, packets, errors) == (0, 0, 0)
        if command == UNLINKED:
            number = self._unlinks.pop(number)
            if status == 0:
                assert number not in self._transfers, "0 says that the transfer had ended"
                return
        with self._lock:
            transfer = self._transfers.pop(number)
        assert command == UNLINKED or actual == 0 or status == 0
        if transfer.to_host and actual:
            transfer.data = self._exactly(actual)
        transfer.status, transfer.actual = status, actual
        transfer.done.set()

    # --- callers ---------------------------------------------------------------------------------------------------

    def transfer(self, address: int, length: int, data: bytes, wait_ms: int, setup: bytes = bytes(8)) -> Transfer:
        """Transfer, as libusb does: raises USBError; `wait_ms` 0 waits for ever."""
        transfer = Transfer(to_host=bool(address & 0x80))
        number = self._submit(transfer, address, length, data, setup)
        if not transfer.done.wait(wait_ms / 1000 or None):
            self._unlink(number)
            assert transfer.done.wait(GIVE_UP_S), "neither ended nor unlinked"
        if transfer.status == -errno.ECONNRESET:
            raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
        if transfer.status:
            raise usb_error(-transfer.status)
        return transfer

    def _submit(self, transfer: Transfer, address: int, length: int, data: bytes, setup: bytes) -> int:
        with self._lock:
            self._check()
            number = next(self._numbers)
            self._transfers[number] = transfer
            way, endpoint = address >> 7, address & 0x0F
            self._send(COMMAND.pack(SUBMIT, number, self._devid, way, endpoint, 0, length, 0, 0, 0, setup) + data)
        return number

    def _unlink(self, victim: int) -> None:
        with self._lock:
            if self.gone:
                return
            number = next(self._numbers)
            self._unlinks[number] = victim
            self._send(COMMAND.pack(UNLINK, number, self._devid, 0, 0, victim, 0, 0, 0, 0, bytes(8)))

    def _check(self) -> None:
        if self.gone:
            raise usb_error(errno.ENODEV)

    def _send(self, data: bytes) -> None:
        with suppress(OSError):  # the thread sees it too, and ends every transfer
            self._socket.sendall(data)


def usb_error(number: int) -> usb.core.USBError:
    return usb.core.USBError(os.strerror(number), -number, number)


class UsbIpBackend(usb.backend.IBackend):  # type: ignore[misc]
    """Each address is a server with one device: the first is bus 1, its device's port what its bus id says.

    `kernel_driver`: whether each device has one bound when it comes. `denied`: whether nodes may not be opened.
    `resets` and `configured` count what makes a printer forget.
    """

    def __init__(self, *addresses: Address, kernel_driver: bool = False) -> None:
        self._addresses = addresses
        self._attached: dict[int, Attached] = {}
        self._claims: dict[tuple[int, int], object] = {}
        self._driven = kernel_driver
        self.kernel_drivers: set[tuple[int, int]] = set()
        self.denied = False
        self.resets = 0
        self.configured = 0
        self.opened = 0

    def detach_all(self) -> None:
        for attached in self._attached.values():
            attached.detach()

    # --- what is there ---------------------------------------------------------------------------------------------

    def enumerate_devices(self) -> Iterator[int]:
        return (bus for bus in range(1, len(self._addresses) + 1) if self._attach(bus) is not None)

    def _attach(self, bus: int) -> Attached | None:
        """The device on `bus`, attached as by vhci-hcd until it is pulled; None when there is none."""
        attached = self._attached.get(bus)
        if attached is None or attached.gone:
            try:
                attached = Attached(self._addresses[bus - 1], "1-1")
            except OSError:
                return None
            self._attached[bus] = attached
            self._claims = {key: handle for key, handle in self._claims.items() if key[0] != bus}
            if self._driven:
                self.kernel_drivers.add((bus, 0))
            else:
                self.kernel_drivers.discard((bus, 0))
        return attached

    def _present(self, bus: int) -> Attached:
        attached = self._attached[bus]
        if attached.gone:
            raise usb_error(errno.ENODEV)
        return attached

    def get_parent(self, dev: int) -> None:
        return None

    def _descriptor(self, bus: int, kind: int, length: int) -> bytes:
        setup = struct.pack("<BBHHH", 0x80, 6, kind << 8, 0, length)
        return self._present(bus).transfer(0x80, length, b"", 1000, setup).data

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        descriptor = core.DeviceDescriptor.parse(self._descriptor(dev, core.DT_DEVICE, 18))
        where = {"bus": dev, "address": 2, "port_number": 1, "port_numbers": (1,), "speed": 2}
        return SimpleNamespace(bLength=18, bDescriptorType=1, **vars(descriptor), **where)

    def _configuration(self, bus: int) -> Sequence[bytes]:
        (total,) = struct.unpack_from("<H", self._descriptor(bus, core.DT_CONFIG, 9), 2)
        return list(core.iter_descriptors(self._descriptor(bus, core.DT_CONFIG, total)))

    def get_configuration_descriptor(self, dev: int, config: int) -> SimpleNamespace:
        if config:
            raise IndexError
        found = core.ConfigurationDescriptor.parse(self._configuration(dev)[0])
        return SimpleNamespace(bLength=9, bDescriptorType=2, extra_descriptors=[], **vars(found))

    def _interface(self, bus: int, intf: int, alt: int) -> list[bytes]:
        """The descriptor of an interface's alternate setting, and what belongs to it."""
        of_interface: list[list[bytes]] = []
        for descriptor in self._configuration(bus)[1:]:
            if descriptor[1] == core.DT_INTERFACE:
                of_interface.append([])
            of_interface[-1].append(descriptor)
        numbers = sorted({each[0][2] for each in of_interface})
        return [each for each in of_interface if each[0][2] == numbers[intf]][alt]

    def get_interface_descriptor(self, dev: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        own, *rest = self._interface(dev, intf, alt)
        extra = [byte for descriptor in rest if descriptor[1] != core.DT_ENDPOINT for byte in descriptor]
        found = vars(core.InterfaceDescriptor.parse(own))
        return SimpleNamespace(bLength=9, bDescriptorType=4, extra_descriptors=extra, **found)

    def get_endpoint_descriptor(self, dev: int, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        endpoints = [each for each in self._interface(dev, intf, alt) if each[1] == core.DT_ENDPOINT]
        found = vars(core.EndpointDescriptor.parse(endpoints[ep]))
        return SimpleNamespace(bLength=7, bDescriptorType=5, bRefresh=0, bSynchAddress=0, extra_descriptors=[], **found)

    # --- handles ---------------------------------------------------------------------------------------------------

    def open_device(self, dev: int) -> SimpleNamespace:
        if self.denied:
            raise usb_error(errno.EACCES)
        self._present(dev)
        self.opened += 1
        return SimpleNamespace(bus=dev, attached=self._present(dev))

    def close_device(self, dev_handle: SimpleNamespace) -> None:
        self.opened -= 1
        self._claims = {key: handle for key, handle in self._claims.items() if handle is not dev_handle}

    def get_configuration(self, dev_handle: SimpleNamespace) -> int:
        return 1  # as the kernel configures whatever comes

    def set_configuration(self, dev_handle: SimpleNamespace, config_value: int) -> None:
        self.configured += 1
        self.ctrl_transfer(dev_handle, 0x00, 9, config_value, 0, array.array("B"), 1000)

    def reset_device(self, dev_handle: SimpleNamespace) -> None:
        self.resets += 1

    def set_interface_altsetting(self, dev_handle: SimpleNamespace, intf: int, altsetting: int) -> None:
        assert self._claims.get((dev_handle.bus, intf)) is dev_handle
        self.ctrl_transfer(dev_handle, 0x01, 0x0B, altsetting, intf, array.array("B"), 1000)

    def claim_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        self._check(dev_handle)
        key = (dev_handle.bus, intf)
        if key in self.kernel_drivers or self._claims.get(key, dev_handle) is not dev_handle:
            raise usb_error(errno.EBUSY)
        self._claims[key] = dev_handle

    def release_interface(self, dev_handle: SimpleNamespace, intf: int) -> None:
        self._check(dev_handle)
        del self._claims[dev_handle.bus, intf]

    def is_kernel_driver_active(self, dev_handle: SimpleNamespace, intf: int) -> bool:
        self._check(dev_handle)
        return (dev_handle.bus, intf) in self.kernel_drivers

    def detach_kernel_driver(self, dev_handle: SimpleNamespace, intf: int) -> None:
        self.kernel_drivers.remove((dev_handle.bus, intf))

    def attach_kernel_driver(self, dev_handle: SimpleNamespace, intf: int) -> None:
        self._check(dev_handle)
        assert (dev_handle.bus, intf) not in self._claims, "usbfs has it still"
        self.kernel_drivers.add((dev_handle.bus, intf))

    def _check(self, dev_handle: SimpleNamespace) -> None:
        if dev_handle.attached.gone:
            raise usb_error(errno.ENODEV)

    # --- transfers -------------------------------------------------------------------------------------------------

    def bulk_write(self, dev_handle: SimpleNamespace, ep: int, intf: int, data: Any, timeout: int) -> int:
        assert self._claims.get((dev_handle.bus, intf)) is dev_handle
        sent = bytes(data)
        return int(dev_handle.attached.transfer(ep, len(sent), sent, timeout).actual)

    def bulk_read(self, dev_handle: SimpleNamespace, ep: int, intf: int, buff: Any, timeout: int) -> int:
        assert self._claims.get((dev_handle.bus, intf)) is dev_handle
        return _fill(buff, dev_handle.attached.transfer(ep, len(buff), b"", timeout).data)

    intr_write = bulk_write
    intr_read = bulk_read

    def ctrl_transfer(
        self,
        dev_handle: SimpleNamespace,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: Any,
        timeout: int,
    ) -> int:
        setup = struct.pack("<BBHHH", request_type, request, value, index, len(data))
        if request_type & 0x80:
            return _fill(data, dev_handle.attached.transfer(0x80, len(data), b"", timeout, setup).data)
        return int(dev_handle.attached.transfer(0x00, len(data), bytes(data), timeout, setup).actual)

    def clear_halt(self, dev_handle: SimpleNamespace, ep: int) -> None:
        self.ctrl_transfer(dev_handle, 0x02, 1, 0, ep, array.array("B"), 1000)


def _fill(buffer: Any, data: bytes) -> int:
    buffer[: len(data)] = array.array("B", data)
    return len(data)

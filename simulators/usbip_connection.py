"""One TCP connection of a USB/IP client: the question what is there, or one device's transfers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import usbip

from simulators import usbip_protocol as protocol
from simulators.usb_pipes import TooManyTransfersError
from simulators.usbip_protocol import ImportDevice, ListDevices, Submit, Unlink, UsbIpError
from simulators.wire import DescriptorWire

if TYPE_CHECKING:
    from simulators.usbip_endpoint import UsbIpEndpoint


class UsbIpConnection:
    """A host's connection. Once it has attached the device it is the device's wire."""

    def __init__(self, descriptor: int, endpoint: UsbIpEndpoint) -> None:
        self._endpoint = endpoint
        self._buffer = bytearray()
        self._wire = DescriptorWire(descriptor, self)
        self._closed = False

    # --- what the descriptor's wire asks of its owner --------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        self._buffer += data
        try:
            while not self._closed and self._step():
                pass
        except (UsbIpError, TooManyTransfersError):
            self._endpoint.hung_up(self)

    def hung_up(self, wire: DescriptorWire) -> None:
        """The host has closed."""
        self._endpoint.hung_up(self)

    # --- what the stage asks of a wire -----------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """What the device sends, to be told when the host asks for it."""
        if self._endpoint.function is not None:
            self._endpoint.function.send(data)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._wire.close()

    # --- requests --------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Deal with one request; False when none is whole."""
        if self._endpoint.attached is self:
            command = protocol.take_command(self._buffer)
            if isinstance(command, Submit):
                self._submit(command)
            elif command is not None:
                self._unlink(command)
            return command is not None
        operation = protocol.take_operation(self._buffer)
        if isinstance(operation, ListDevices):
            self._wire.send(protocol.encode_device_list([self._endpoint.record(with_interfaces=True)]))
        elif operation is not None:
            self._import(operation)
        return operation is not None

    def _import(self, wanted: ImportDevice) -> None:
        if wanted.bus_id != self._endpoint.device.busid:
            self._wire.send(protocol.encode_import(protocol.NO_DEVICE))
        elif not self._endpoint.attach(self):
            self._wire.send(protocol.encode_import(protocol.BUSY))
        else:
            self._wire.send(protocol.encode_import(protocol.OK, self._endpoint.record(with_interfaces=False)))

    def _submit(self, transfer: Submit) -> None:
        if transfer.address & 0x0F == 0:
            self._control(transfer)
            return
        for pipe in self._endpoint.function.pipes if self._endpoint.function is not None else ():
            if pipe.address == transfer.address:
                pipe.submit(transfer, self._ended)
                return
        self._ended(transfer, protocol.NO_ENDPOINT, b"", 0)

    def _control(self, transfer: Submit) -> None:
        (length,) = struct.unpack_from("<H", transfer.setup, 6)
        request = usbip.core.Urb(
            direction=usbip.IN if transfer.to_host else usbip.OUT,
            setup=transfer.setup,
            length=min(length, transfer.length),
            buffer=transfer.data,
        )
        self._endpoint.device.handle_urb(request)
        data = request.buffer[: request.length] if transfer.to_host and not request.status else b""
        self._ended(transfer, request.status, data, 0 if request.status else len(transfer.data))

    def _ended(self, transfer: Submit, status: int, data: bytes, taken: int) -> None:
        if not self._closed:
            self._wire.send(protocol.encode_submitted(transfer, status, data, taken))

    def _unlink(self, unlink: Unlink) -> None:
        pipes = self._endpoint.function.pipes if self._endpoint.function is not None else []
        in_time = any(pipe.unlink(unlink.victim) for pipe in pipes)
        self._wire.send(protocol.encode_unlinked(unlink, in_time=in_time))

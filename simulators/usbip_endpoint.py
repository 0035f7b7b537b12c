"""USB/IP as the place where a host finds a simulated device: to Linux, after ``usbip attach``, a real USB device.

The device's own half, the descriptors and the standard requests, is that of the usbip library; its way of serving
is not used, as it needs threads that cannot be ended. Not imitated: the electrical side, suspend, and other than
full speed; a reset of the port does not reach the device.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import usbip
from usbip.protocol import pack_usb_device

from simulators.device import Command, CommandError
from simulators.line import whole_number
from simulators.stage import Endpoint
from simulators.usb_function import VENDOR, UsbFunction, UsbKeypad, UsbPrinter
from simulators.usb_pipes import Pipe
from simulators.usbip_connection import UsbIpConnection

if TYPE_CHECKING:
    from simulators.stage import Stage

DEFAULT_PORT = 3240
MAX_CONNECTIONS = 8
BUS_ID = "1-1"
MAX_STALLS = 1000


class UsbIpEndpoint(Endpoint):
    """One device, served on a TCP port. One host at a time can attach it; any number may ask what is there.

    `serial` is its serial number: by default one that tells the ports of this machine apart.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = DEFAULT_PORT, *, serial: str = "") -> None:
        self._host = host
        self._port = port
        self._serial = serial
        self._listener: socket.socket | None = None
        self._stage: Stage | None = None
        self._connections: list[UsbIpConnection] = []
        self.function: UsbFunction | None = None
        self.device: Any = None
        self.attached: UsbIpConnection | None = None

    @property
    def url(self) -> str:
        if isinstance(self.function, UsbKeypad):
            name = f"kioskd_{self.function.product}_{self.serial}".replace(" ", "_")
            return f"evdev:///dev/input/by-id/usb-{name}-event-kbd"
        product = UsbPrinter.product_id if self.function is None else self.function.product_id
        return f"usb://{VENDOR:04x}:{product:04x}?serial={self.serial}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def serial(self) -> str:
        return self._serial or f"SIM{self._port}"

    @property
    def preparation(self) -> str:
        """What has a Linux machine attach the device; as root, with vhci-hcd loaded."""
        return f"usbip --tcp-port {self._port} attach -r {self._host} -b {BUS_ID}"

    # --- the cable -------------------------------------------------------------------------------------------------

    def open(self, line: Stage) -> None:
        self._listener = socket.create_server((self._host, self._port), backlog=4)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._stage = line
        keypad = line.simulator.KIND == "panel"
        self.function = UsbKeypad(line.simulator) if keypad else UsbPrinter(line.simulator, line.line.receive)
        self.device = _describe(self.function, self.serial)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # the host was gone again before it was let in
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._connections.append(UsbIpConnection(connection.detach(), self))

    def close(self) -> None:
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        for connection in list(self._connections):
            self.hung_up(connection)

    # --- what connections ask --------------------------------------------------------------------------------------

    def record(self, *, with_interfaces: bool) -> bytes:
        """The device as USB/IP describes it."""
        triples = self.device.interface_triples() if with_interfaces else []
        packed: bytes = pack_usb_device(self.device)
        return packed + b"".join(bytes((*triple, 0)) for triple in triples)

    def attach(self, connection: UsbIpConnection) -> bool:
        """Give the device to the host at `connection`; False when another has it."""
        if self.attached is not None or self._stage is None:
            return False
        self.attached = connection
        self.device.reset_io()
        self._stage.attached(connection)
        return True

    def hung_up(self, connection: UsbIpConnection) -> None:
        """A host went, or is being sent away."""
        if connection in self._connections:
            self._connections.remove(connection)
        connection.close()
        if connection is self.attached and self._stage is not None:
            self.attached = None
            self.device.reset_io()
            self._stage.hung_up(connection)

    # --- run-time commands -----------------------------------------------------------------------------------------

    @property
    def commands(self) -> Mapping[str, Command]:
        """The faults of the USB."""
        help_text = "refuse transfers until the host clears the halt, so many times over"
        return {"stall": Command(self._stall, help_text, "in|out [TIMES]")}

    def _stall(self, words: list[str]) -> None:
        pipe = self._pipe(words[0] if words else "")
        pipe.stall(whole_number(words[1:], 1, 1, MAX_STALLS))

    def _pipe(self, direction: str) -> Pipe:
        for pipe in self.function.pipes if self.function is not None else ():
            if direction == ("in" if pipe.address & 0x80 else "out"):
                return pipe
        raise CommandError(f"expected in or out, an endpoint that the device has, not {direction!r}")


def _describe(function: UsbFunction, serial: str) -> Any:
    device = usbip.USBDevice(
        VENDOR, function.product_id, manufacturer="kioskd", product=function.product, serial=serial
    )
    device.set_busid(BUS_ID)
    device.add(function.interface)
    return device

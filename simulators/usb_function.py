"""What a simulated device is on the USB: a printer-class interface, or a boot keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast, runtime_checkable

import usbip
from usbip.classes.device import hid

from drivers.panel.keypad_protocol import KEY_CODES
from drivers.printer.escpos_protocol import XOFF, XON
from simulators.boot_keyboard import BootKeyboard
from simulators.device import Simulator
from simulators.usb_pipes import InPipe, OutPipe, Pipe

VENDOR = 0x1209
"""pid.codes, whose first products are for private tests and never shipped."""

PACKET_BYTES = 64
"""The most at full speed."""

GET_DEVICE_ID, GET_PORT_STATUS, SOFT_RESET = 0, 1, 2
NOT_ERROR, SELECTED, PAPER_EMPTY = 0x08, 0x10, 0x20
"""USB Device Class Definition for Printing Devices 1.1, section 4.2. Written down here once more, on purpose: the
link's reading of it is checked against this one."""


class UsbFunction(Protocol):
    """One interface of a device. `interface` describes it and answers its requests; `pipes` are its data endpoints."""

    product: str
    product_id: int
    interface: Any
    pipes: list[Pipe]

    def send(self, data: bytes) -> None:
        """What the device sends, on its way to the host."""
        ...


@runtime_checkable
class Clearable(Protocol):
    """A device with a memory of its own that SOFT_RESET clears."""

    def clear_buffers(self) -> None: ...


class PrinterInterface(usbip.Interface):  # type: ignore[misc]
    """7/1/2 with a bulk endpoint each way, or 7/1/1 with one towards the printer."""

    bInterfaceClass = 7  # noqa: N815
    bInterfaceSubClass = 1  # noqa: N815

    def __init__(self, answer: Callable[[int], bytes], reset: Callable[[], None], *, one_way: bool) -> None:
        super().__init__()
        self.bInterfaceProtocol = 1 if one_way else 2
        self.bulk_out = self._add_endpoint(usbip.Out(0x01, "bulk", mps=PACKET_BYTES))
        self.bulk_in = None if one_way else self._add_endpoint(usbip.In(0x82, "bulk", mps=PACKET_BYTES))
        self.on_reset = reset
        self._answer = answer

    def on_control(self, setup: Any, data: bytes = b"") -> bytes:
        return self._answer(setup.bRequest)


class UsbPrinter:
    """A printer on the USB, whose every state is that of `simulator`. `take` gets what the host sends.

    A full buffer is told by NAK: XOFF and XON, which the simulator says for itself, stop and start the endpoint.
    """

    product = "simulated printer"
    product_id = 0x0002

    def __init__(self, simulator: Simulator, take: Callable[[bytes], None]) -> None:
        self._simulator = simulator
        one_way = simulator.state().get("model", {}).get("one_way", False)
        interface = PrinterInterface(self._answer, self._reset, one_way=one_way)
        self.interface: Any = interface
        self._in = None if one_way else InPipe(interface.bulk_in)
        self._out = OutPipe(interface.bulk_out, take)
        self.pipes: list[Pipe] = [self._out, *([self._in] if self._in else [])]

    def send(self, data: bytes) -> None:
        if data == bytes((XOFF,)):
            self._out.hold(True)
        elif data == bytes((XON,)):
            self._out.hold(False)
        elif self._in is not None:
            self._in.send(data)

    def _reset(self) -> None:
        for pipe in self.pipes:
            pipe.reset()

    def _answer(self, request: int) -> bytes:
        if request == GET_DEVICE_ID:
            text = b"MFG:kioskd;MDL:simulated printer;CMD:ESC/POS;CLS:PRINTER;"
            return (len(text) + 2).to_bytes(2, "big") + text
        if request == GET_PORT_STATUS:
            return bytes((self._port_status(),))
        if request == SOFT_RESET:
            for pipe in self.pipes:
                pipe.flush()
            if isinstance(self._simulator, Clearable):
                self._simulator.clear_buffers()
            return b""
        raise usbip.Stall

    def _port_status(self) -> int:
        status = cast("Mapping[str, bool]", self._simulator.state().get("status", {}))
        paper = PAPER_EMPTY if status.get("paper_end") else 0
        selected = 0 if status.get("offline") else SELECTED
        return paper | selected | (0 if status.get("error") else NOT_ERROR)


class UsbKeypad:
    """A keypad on the USB: a boot keyboard. The kernel repeats keys, so its repeats are not told.

    The keys that `simulator` has down when it is plugged in are told first.
    """

    product = "simulated keypad"
    product_id = 0x0001

    def __init__(self, simulator: Simulator) -> None:
        held = [key["key"] for key in simulator.state().get("keys", []) if key["down"]]
        self._keyboard = BootKeyboard(KEY_CODES[key] for key in held)
        interface = hid.HID(
            hid.keyboard_report_descriptor(),
            subclass=hid.SUBCLASS_BOOT,
            protocol=hid.PROTOCOL_KEYBOARD,
            in_mps=8,
            get_report=lambda *_: self._keyboard.report(),
        )
        self.interface: Any = interface
        self._in = InPipe(interface.in_ep)
        interface.on_reset = self._reset
        self.pipes: list[Pipe] = [self._in]

    def _reset(self) -> None:
        self._in.reset()
        if any(self._keyboard.report()):
            self._in.send(self._keyboard.report())

    def send(self, data: bytes) -> None:
        for report in self._keyboard.feed(data):
            self._in.send(report)

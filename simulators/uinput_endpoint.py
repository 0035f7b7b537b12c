"""A real input device of the kernel, made through ``/dev/uinput``, with a simulated keypad inside."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING

from drivers.panel.keypad_protocol import DEFAULT_KEYS, KEY_CODES
from simulators.stage import Endpoint, Stage

if TYPE_CHECKING:
    import evdev as evdev_types

UINPUT = "/dev/uinput"
NAME = "kioskd simulated keypad"
VENDOR, PRODUCT = 0x1209, 0x0001
"""The test identity of pid.codes: for private use, never shipped."""


_ports = count(1)


class UinputWire:
    """The device's end: what is sent here, the kernel hands to whoever has the event node open."""

    def __init__(self, device: evdev_types.UInput) -> None:
        self._device = device

    def send(self, data: bytes) -> None:
        """Inject the ``struct input_event`` in `data`."""
        os.write(self._device.fd, data)

    def close(self) -> None:
        """Have the kernel remove the device: hosts get ENODEV."""
        self._device.close()


class UinputEndpoint(Endpoint):
    """A virtual USB keypad with `keys`, at a port of its own: after each replug perhaps at another event node.

    `open` raises OSError where there is no ``/dev/uinput``, or it may not be written.
    """

    def __init__(self, keys: Iterable[str] = DEFAULT_KEYS) -> None:
        self._codes = sorted({KEY_CODES[key] for key in keys})
        self._phys = f"kioskd-{os.getpid()}-{next(_ports)}/input0"
        self._wire: UinputWire | None = None
        self._stage: Stage | None = None
        self._node = ""

    @property
    def url(self) -> str:
        return f"evdev://{self._node}"

    def open(self, line: Stage) -> None:
        evdev = import_module("evdev")
        events = {evdev.ecodes.EV_KEY: self._codes}
        try:
            device: evdev_types.UInput = evdev.UInput(
                events, name=NAME, vendor=VENDOR, product=PRODUCT, phys=self._phys, devnode=UINPUT
            )
        except evdev.UInputError as error:
            raise OSError(errno.ENODEV, f"{error}; without it, serve the keypad on a Unix socket") from error
        self._node = str(device.device.path)
        self._stage = line
        self._wire = UinputWire(device)
        line.attached(self._wire)

    def close(self) -> None:
        if self._wire is not None and self._stage is not None:
            wire, self._wire = self._wire, None
            self._stage.hung_up(wire)

"""Every driver, at a glance: its name in the configuration → where it lives and what it can be plugged into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol

from drivers.device import Report


class Kind(StrEnum):
    PRINTER = "printer"
    DISPLAY = "display"
    PANEL = "panel"
    PHONE = "phone"


class Driver(Protocol):
    """What the supervisor needs of a driver; what it can do beyond is its kind's capability.

    Made once as ``Class(options, report)``, or ``Class(options, report, emit)`` for panels and phones, and then
    served over one open link after another.
    """

    async def serve(self, link: Any) -> None:
        """Serve the device over `link` until it fails, then raise DeviceError. Never returns normally.

        Calls `report` as soon as the device has answered, and at each change of its condition. Does not
        close the link. Cancellation passes through.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One driver. `module` holds class `driver` and its options, a frozen dataclass; imported when first needed."""

    kind: Kind
    module: str
    driver: str
    options: str
    schemes: tuple[str, ...]

    def options_class(self) -> type[Any]:
        """The dataclass of the driver's options."""
        loaded: type[Any] = getattr(import_module(self.module), self.options)
        return loaded

    def make(self, options: Any, report: Report, emit: Callable[[Any], None]) -> Driver:
        """A driver with `options`; kinds that tell the daemon nothing do not get `emit`."""
        build = getattr(import_module(self.module), self.driver)
        speaks = self.kind in (Kind.PANEL, Kind.PHONE)
        driver: Driver = build(options, report, emit) if speaks else build(options, report)
        return driver


STREAM = ("serial", "tcp")
PRINTER = (*STREAM, "usb", "file")
EVENTS = ("evdev", "evdev+unix")

DRIVERS: Mapping[str, Entry] = {
    "escpos": Entry(Kind.PRINTER, "drivers.printer.escpos", "EscposPrinter", "EscposOptions", PRINTER),
    "bx": Entry(Kind.DISPLAY, "drivers.display.bx", "BxDisplay", "BxOptions", STREAM),
    "centerm": Entry(Kind.PANEL, "drivers.panel.centerm", "CentermPanel", "CentermOptions", STREAM),
    "keypad": Entry(Kind.PANEL, "drivers.panel.keypad", "KeypadPanel", "KeypadOptions", EVENTS),
    "modem": Entry(Kind.PHONE, "drivers.phone.modem", "ModemPhone", "ModemOptions", STREAM),
}

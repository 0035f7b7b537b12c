"""Every simulator, at a glance: the driver it stands opposite to → where it lives."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from simulators.device import Simulator

SIMULATORS: Mapping[str, tuple[str, str]] = {
    "escpos": ("simulators.escpos_printer", "EscposPrinterSimulator"),
    "bx": ("simulators.bx_display", "BxDisplaySimulator"),
    "centerm": ("simulators.centerm_panel", "CentermPanelSimulator"),
    "keypad": ("simulators.keypad", "KeypadSimulator"),
    "modem": ("simulators.modem_phone", "ModemPhoneSimulator"),
}
"""The same names as the drivers'. The keypad goes on a UnixEndpoint or a UinputEndpoint, the others on a pty or TCP."""


def make_simulator(name: str) -> Simulator:
    """A simulator with its default settings; raises KeyError for a name that is not in the catalogue."""
    module, kind = SIMULATORS[name]
    simulator: Simulator = getattr(import_module(module), kind)()
    return simulator

"""Turns the kernel's input events back into what a USB boot keyboard sends: reports of the keys that are down.

Source: Device Class Definition for HID 1.11, appendix B.1 (report) and C (six keys at most); HID Usage Tables 1.12,
section 10 (key codes), matched to Linux key names as drivers/hid/hid-input.c does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

from drivers.panel.keypad_protocol import KEY_CODES, key_name
from simulators.device import CommandError

EV_KEY = 1
UP, DOWN = 0, 1
MAX_KEYS = 6
ROLL_OVER = 0x01
"""Stands in all six places when more keys are down than there are places."""

_INPUT_EVENT = struct.Struct("@llHHi")

# The names from each usage on are consecutive.
_RUNS = {
    0x04: "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 1 2 3 4 5 6 7 8 9 0 ENTER ESC BACKSPACE TAB SPACE",
    0x2D: "MINUS EQUAL LEFTBRACE RIGHTBRACE BACKSLASH",
    0x33: "SEMICOLON APOSTROPHE GRAVE COMMA DOT SLASH CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 SYSRQ SCROLLLOCK",
    0x49: "INSERT HOME PAGEUP DELETE END PAGEDOWN RIGHT LEFT DOWN UP NUMLOCK",
    0x54: "KPSLASH KPASTERISK KPMINUS KPPLUS KPENTER KP1 KP2 KP3 KP4 KP5 KP6 KP7 KP8 KP9 KP0 KPDOT",
}
_MODIFIERS = ("LEFTCTRL", "LEFTSHIFT", "LEFTALT", "LEFTMETA", "RIGHTCTRL", "RIGHTSHIFT", "RIGHTALT", "RIGHTMETA")

USAGES: Mapping[int, int] = {
    KEY_CODES[f"KEY_{name}"]: usage for first, names in _RUNS.items() for usage, name in enumerate(names.split(), first)
}
"""Kernel key code → usage, as far as a boot keyboard's report descriptor goes."""

MODIFIERS: Mapping[int, int] = {
    KEY_CODES[f"KEY_{name}"]: 1 << bit for bit, name in enumerate(_MODIFIERS) if f"KEY_{name}" in KEY_CODES
}
"""Kernel key code → its bit in the first byte."""


class BootKeyboard:
    """What is down, and the report that says so. At first it is the keys with the codes `held`."""

    def __init__(self, held: Iterable[int] = ()) -> None:
        self._down: list[int] = []
        self._modifiers = 0
        for code in held:
            self._change(code, down=True)

    def feed(self, events: bytes) -> Iterator[bytes]:
        """The report after each change in whole ``struct input_event``; raises CommandError for a key it has not."""
        for _, _, kind, code, value in _INPUT_EVENT.iter_unpack(events[: len(events) // 24 * 24]):
            if kind == EV_KEY and value in (UP, DOWN):
                self._change(code, down=value == DOWN)
                yield self.report()

    def _change(self, code: int, *, down: bool) -> None:
        bit, usage = MODIFIERS.get(code, 0), USAGES.get(code)
        if usage is None and not bit:
            raise CommandError(f"a boot keyboard has no {key_name(code)}")
        self._modifiers = self._modifiers | bit if down else self._modifiers & ~bit
        if usage is not None and usage in self._down:
            self._down.remove(usage)
        if usage is not None and down:
            self._down.append(usage)

    def report(self) -> bytes:
        """Modifiers, a reserved byte, and the keys in the order in which they went down."""
        keys = self._down if len(self._down) <= MAX_KEYS else [ROLL_OVER] * MAX_KEYS
        return bytes((self._modifiers, 0, *keys)).ljust(2 + MAX_KEYS, b"\0")

"""A keypad as a rating panel: which key stands for which level, and what counts as a press.

Key codes: Linux ``include/uapi/linux/input-event-codes.h``. They name places on the keyboard, so KEY_KP1 is the
keypad's 1 with NumLock on and off.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UP = 0
DOWN = 1
LOWEST_LEVEL = 1
HIGHEST_LEVEL = 5

# The names from each number on have consecutive codes.
_RUNS = {
    1: "ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB",
    16: "Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER LEFTCTRL A S D F G H J K L SEMICOLON APOSTROPHE GRAVE",
    42: "LEFTSHIFT BACKSLASH Z X C V B N M COMMA DOT SLASH RIGHTSHIFT KPASTERISK LEFTALT SPACE CAPSLOCK",
    59: "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK",
    71: "KP7 KP8 KP9 KPMINUS KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT",
    87: "F11 F12",
    96: "KPENTER RIGHTCTRL KPSLASH SYSRQ RIGHTALT",
    102: "HOME UP PAGEUP LEFT RIGHT END DOWN PAGEDOWN INSERT DELETE",
    113: "MUTE VOLUMEDOWN VOLUMEUP POWER KPEQUAL",
    183: "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24",
}

KEY_CODES: Mapping[str, int] = MappingProxyType(
    {f"KEY_{name}": code for first, names in _RUNS.items() for code, name in enumerate(names.split(), first)}
)
"""The keys that keypads have, by their kernel names."""

KEY_NAMES: Mapping[int, str] = MappingProxyType({code: name for name, code in KEY_CODES.items()})

DEFAULT_KEYS: Mapping[str, int] = MappingProxyType(
    {f"KEY_{prefix}{digit}": 6 - digit for prefix in ("", "KP") for digit in range(1, 6)}
)
"""Keys 1 to 5, above the letters or on the number pad, in the order in which panels are labelled and 好差评 lists
its levels: 1 非常满意 (very satisfied, level 5) … 5 非常不满意 (very dissatisfied, level 1)."""


def key_name(code: int) -> str:
    """The name of the key with `code`, or its number if it has none here."""
    return KEY_NAMES.get(code, f"key {code}")


class Keys:
    """Which keys are down, since when, and which of their movements are presses.

    A press is a key going down. A key that is already down is not pressed again: autorepeat is no press, and
    neither is a key that was down before anybody listened. `levels` maps key codes to rating levels; other keys
    make no press, but can be stuck like any. Times are seconds of one monotonic clock, given by the caller.
    """

    def __init__(self, levels: Mapping[int, int], stuck_s: float) -> None:
        self._levels = levels
        self._stuck_s = stuck_s
        self._down_since: dict[tuple[str, int], float] = {}

    def feed(self, node: str, code: int, value: int, now_s: float) -> int | None:
        """Key `code` of event node `node` changed to `value` (0 up, 1 down, 2 still down): the level it pressed."""
        key = (node, code)
        if value == UP:
            self._down_since.pop(key, None)
            return None
        was_down = key in self._down_since
        self._down_since.setdefault(key, now_s)
        return self._levels.get(code) if value == DOWN and not was_down else None

    def stuck(self, now_s: float) -> tuple[int, ...]:
        """The codes of the keys that have been down for `stuck_s` or longer, in order."""
        return tuple(sorted({code for (_, code), since in self._down_since.items() if since + self._stuck_s <= now_s}))

    def next_stuck_s(self, now_s: float) -> float | None:
        """When the next key will count as stuck, if nothing moves before."""
        return min((due for since in self._down_since.values() if (due := since + self._stuck_s) > now_s), default=None)

"""A simulated keypad. What it sends are the kernel's input events, to a Unix socket or into ``/dev/uinput``."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.panel.keypad_protocol import DEFAULT_KEYS, KEY_CODES
from simulators.device import Command, CommandError, Wire
from simulators.line import whole_number

HOLD_S = 0.08
"""How long a person's finger keeps a key down."""

BOUNCE_S = 0.004
"""How long a worn contact stays open or closed while it bounces."""

REPEAT_DELAY_S = 0.25
REPEAT_PERIOD_S = 0.033
"""The kernel's defaults: REP_DELAY and REP_PERIOD of linux drivers/input/input.c."""

BOUNCE_PRESSES = 3
MAX_BOUNCE_PRESSES = 100

EV_SYN, SYN_REPORT = 0, 0
EV_KEY = 1
UP, DOWN, REPEAT = 0, 1, 2

# Written down here once more, on purpose: the link's reading of linux/input.h is checked against this one.
_INPUT_EVENT = struct.Struct("@llHHi")


def key_report(code: int, value: int, time_s: float) -> bytes:
    """What the kernel writes when key `code` becomes `value`: the key's own event, and the end of the report."""
    seconds, microseconds = divmod(round(time_s * 1_000_000), 1_000_000)
    key = _INPUT_EVENT.pack(seconds, microseconds, EV_KEY, code, value)
    return key + _INPUT_EVENT.pack(seconds, microseconds, EV_SYN, SYN_REPORT, 0)


class KeypadSimulator:
    """A keypad with `keys` (kernel key name → level). A key that is held repeats, as the kernel has it.

    The times are in seconds: `hold_s` of a press, `bounce_s` between two movements of a bouncing contact.
    """

    KIND: ClassVar[str] = "panel"
    DOES_NOT_IMITATE: ClassVar[str] = (
        "On a Unix socket: the grab (a second host takes the place of the first), the question for the keys that "
        "are down, and a second event node. Through uinput the kernel does all of that but the second node. "
        "Lamps and NumLock do nothing."
    )

    def __init__(
        self,
        keys: Mapping[str, int] = DEFAULT_KEYS,
        *,
        hold_s: float = HOLD_S,
        bounce_s: float = BOUNCE_S,
        repeat_delay_s: float = REPEAT_DELAY_S,
        repeat_period_s: float = REPEAT_PERIOD_S,
    ) -> None:
        self.changed: Callable[[], None] = _nothing
        self._keys = dict(keys)
        self._hold_s = hold_s
        self._bounce_s = bounce_s
        self._repeat_delay_s = repeat_delay_s
        self._repeat_period_s = repeat_period_s
        self._wire: Wire | None = None
        self._down: set[str] = set()
        self._last_press: str | None = None
        self._moves: dict[str, list[asyncio.TimerHandle]] = {}
        self._repeat: tuple[str, asyncio.TimerHandle] | None = None

    def attach(self, wire: Wire) -> None:
        """A host listens."""
        self._wire = wire

    def detach(self) -> None:
        """The host is gone. What is down stays down."""
        self._wire = None

    def receive(self, data: bytes) -> None:
        """A host has nothing to tell a keypad without lamps."""

    def close(self) -> None:
        """End every timer."""
        for key in list(self._moves):
            self._still(key)
        self._stop_repeating()

    @property
    def commands(self) -> Mapping[str, Command]:
        """Pressing its keys, well and badly."""
        return {
            "press": Command(self._press, "press a key, or the first key of a level", "KEY|LEVEL"),
            "bounce": Command(self._bounce, "press a key whose contact bounces", "KEY|LEVEL [times]"),
            "stuck": Command(self._stick, "press a key that does not come up again", "KEY|LEVEL"),
            "release": Command(self._release, "let every key come up"),
        }

    def _press(self, words: list[str]) -> None:
        self._tap(self._key(words), 1)

    def _bounce(self, words: list[str]) -> None:
        self._tap(self._key(words[:1]), whole_number(words[1:], BOUNCE_PRESSES, 1, MAX_BOUNCE_PRESSES))

    def _tap(self, key: str, times: int) -> None:
        """One press whose contact closes `times` times; it also frees a stuck key."""
        self._still(key)
        self._move(key, DOWN)
        for nth in range(1, times):
            self._later((2 * nth - 1) * self._bounce_s, key, UP)
            self._later(2 * nth * self._bounce_s, key, DOWN)
        self._later(2 * (times - 1) * self._bounce_s + self._hold_s, key, UP)

    def _stick(self, words: list[str]) -> None:
        key = self._key(words)
        self._still(key)
        self._move(key, DOWN)

    def _release(self, words: list[str]) -> None:
        for key in sorted(self._down):
            self._still(key)
            self._move(key, UP)

    def _key(self, words: list[str]) -> str:
        """The key that the one word in `words` names."""
        word = words[0] if len(words) == 1 else ""
        for key, level in self._keys.items():
            if word.upper() == key or word == str(level):
                return key
        raise CommandError(f"expected a level or a key, one of {', '.join(self._keys)}, not {' '.join(words)!r}")

    def _later(self, delay_s: float, key: str, value: int) -> None:
        timer = asyncio.get_running_loop().call_later(delay_s, self._move, key, value)
        self._moves.setdefault(key, []).append(timer)

    def _still(self, key: str) -> None:
        """Forget what `key` was going to do."""
        for timer in self._moves.pop(key, []):
            timer.cancel()

    def _move(self, key: str, value: int) -> None:
        if (key in self._down) == (value == DOWN):
            return  # a key that is down cannot go down
        if value == DOWN:
            self._down.add(key)
            self._last_press = key
            self._start_repeating(key)
        else:
            self._down.discard(key)
            if self._repeat is not None and self._repeat[0] == key:
                self._stop_repeating()
        self._send(key, value)
        self.changed()

    def _start_repeating(self, key: str) -> None:
        self._stop_repeating()  # the kernel repeats the key that was pressed last
        loop = asyncio.get_running_loop()
        self._repeat = key, loop.call_later(self._repeat_delay_s, self._repeat_now, key)

    def _repeat_now(self, key: str) -> None:
        self._send(key, REPEAT)
        self._repeat = key, asyncio.get_running_loop().call_later(self._repeat_period_s, self._repeat_now, key)

    def _stop_repeating(self) -> None:
        if self._repeat is not None:
            self._repeat[1].cancel()
            self._repeat = None

    def _send(self, key: str, value: int) -> None:
        if self._wire is not None:
            self._wire.send(key_report(KEY_CODES[key], value, time.time()))

    def state(self) -> Mapping[str, Any]:
        """What a person sees: the keys, and which of them are down."""
        keys = [{"key": key, "level": level, "down": key in self._down} for key, level in self._keys.items()]
        return {"keys": keys, "last_press": self._last_press}


def _nothing() -> None:
    """Nobody looks."""

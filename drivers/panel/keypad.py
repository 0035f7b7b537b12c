"""A USB or PS/2 keypad as a rating panel, read through evdev."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Protocol

from drivers.device import Condition, Reason, Report, State
from drivers.link.input_event import KeyEvent
from drivers.panel.capability import Emit, Press
from drivers.panel.keypad_protocol import DEFAULT_KEYS, HIGHEST_LEVEL, KEY_CODES, LOWEST_LEVEL, Keys, key_name


@dataclass(frozen=True, slots=True)
class KeypadOptions:
    """The options of a keypad.

    `keys`: kernel key name → level 5 (very satisfied) … 1 (very dissatisfied); keys that are not named do nothing.
    By default keys 1 to 5, of either number row, give 5 to 1: the first key is the best, as panels are labelled.
    `stuck_s`: a key that is down for this long is stuck.
    """

    keys: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_KEYS))
    stuck_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("keys: expected at least one key")
        for name, level in self.keys.items():
            if name not in KEY_CODES:
                raise ValueError(f"keys: no key is called {name!r}{_nearest(name)}")
            if not LOWEST_LEVEL <= level <= HIGHEST_LEVEL:
                raise ValueError(f"keys: {name} = {level}: expected a level from {LOWEST_LEVEL} to {HIGHEST_LEVEL}")
        if not self.stuck_s > 0:
            raise ValueError(f"stuck_s = {self.stuck_s}: expected more than 0 seconds")

    @property
    def levels(self) -> Mapping[int, int]:
        """Key code → level."""
        return {KEY_CODES[name]: level for name, level in self.keys.items()}


def _nearest(name: str) -> str:
    near = get_close_matches(name.upper(), KEY_CODES, n=1)
    return f"; did you mean {near[0]}?" if near else " (names are the kernel's: KEY_1, KEY_KP1, KEY_F1 …)"


class KeyLink(Protocol):
    """What this driver needs of a link."""

    async def read(self) -> tuple[KeyEvent, ...]:
        """The next key events, at least one; raises LinkLost. Cancelling it loses nothing."""
        ...


class KeypadPanel:
    """A keypad. It has nothing to show: inviting, thanking and dismissing do nothing.

    The kernel says when the device goes, so an open keypad is `READY` though nobody presses.
    """

    def __init__(self, options: KeypadOptions, report: Report, emit: Emit) -> None:
        self._options = options
        self._report = report
        self._emit = emit

    async def serve(self, link: KeyLink) -> None:
        """Read keys until the device goes. What was down then is forgotten: nothing is stuck on an absent keypad."""
        loop = asyncio.get_running_loop()
        keys = Keys(self._options.levels, self._options.stuck_s)
        stuck: tuple[int, ...] = ()
        self._report(self._condition(stuck))
        while True:
            events = await _read_until(link, keys.next_stuck_s(loop.time()))
            now_s = loop.time()
            for event in events:
                level = keys.feed(event.node, event.code, event.value, now_s)
                if level is not None:
                    self._emit(Press(level, now_s))
            if stuck != (stuck := keys.stuck(now_s)):
                self._report(self._condition(stuck))

    def _condition(self, stuck: tuple[int, ...]) -> Condition:
        if not stuck:
            return Condition(State.READY)
        names = ", ".join(key_name(code) for code in stuck)
        return Condition(State.DEGRADED, (Reason.KEY_STUCK,), f"{names} held for {self._options.stuck_s:g} s or longer")

    async def invite(self) -> None:
        """A keypad cannot ask."""

    async def thank(self) -> None:
        """A keypad cannot thank."""

    async def dismiss(self) -> None:
        """A keypad asks nothing, so it has nothing to stop."""


async def _read_until(link: KeyLink, deadline_s: float | None) -> tuple[KeyEvent, ...]:
    """The next events, or none at `deadline_s` of the loop's clock."""
    try:
        async with asyncio.timeout_at(deadline_s):
            return await link.read()
    except TimeoutError:
        return ()

"""The exchange's end of a phone line: rings it in cadence until someone answers or gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

Cadence = tuple[tuple[float, float], ...]
"""One ring: bursts of ringing, each with the silence after it, in seconds."""


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch of ringing that has ended, and the silence before it, in seconds."""

    ring: int
    on_s: float
    silence_s: float


class PhoneLine:
    """Counts what it truly rings, whatever a modem makes of it.

    `began` is called at the start of each burst, with whether a new ring begins with it; `ended` at its end;
    `changed` whenever a person would hear a change.
    """

    def __init__(
        self, began: Callable[[bool], None], ended: Callable[[Burst], None], changed: Callable[[], None]
    ) -> None:
        self._began = began
        self._ended = ended
        self._changed = changed
        self._cadence: Cadence = ()
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None
        self._since_s = 0.0
        self._silence_s = 0.0
        self.rings = 0
        self.sounding = False

    @property
    def calling(self) -> bool:
        """Whether somebody is on the other end and waits."""
        return self._timer is not None

    def ring(self, rings: int, cadence: Cadence) -> None:
        """A new call, of `rings` rings."""
        self._cadence = cadence
        self._left = rings
        self.rings = 0
        self._since_s = asyncio.get_running_loop().time()
        self._burst(0)

    def stop(self) -> None:
        """The ringing ends now: answered, or given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.sounding:
            self._fall_silent()
        self._changed()

    def _burst(self, index: int) -> None:
        if index == 0:
            self._left -= 1
            self.rings += 1
        self._silence_s = self._lap()
        self.sounding = True
        self._timer = asyncio.get_running_loop().call_later(self._cadence[index][0], self._silence, index)
        self._began(index == 0)
        self._changed()

    def _silence(self, index: int) -> None:
        following = (index + 1) % len(self._cadence)
        last = following == 0 and self._left == 0
        loop = asyncio.get_running_loop()
        self._timer = None if last else loop.call_later(self._cadence[index][1], self._burst, following)
        self._fall_silent()
        self._changed()

    def _fall_silent(self) -> None:
        self.sounding = False
        self._ended(Burst(self.rings, self._lap(), self._silence_s))

    def _lap(self) -> float:
        now_s = asyncio.get_running_loop().time()
        lap_s, self._since_s = now_s - self._since_s, now_s
        return lap_s

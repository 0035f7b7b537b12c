"""Faults of the line itself, the same for every kind of device, between a simulator and whatever carries its bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from simulators.device import Command, CommandError, Wire

GARBAGE_BYTES = 256
MAX_GARBAGE_BYTES = 1_000_000


class FaultyLine:
    """The cable between a simulator and its host. It carries everything until a fault is set.

    ``silent``: the host's bytes arrive, no answer comes back. ``deaf``: nothing arrives either.
    ``half``: only the first half of the next answer gets through. ``garbage``: noise instead of the next
    answer, or at once. The noise comes from `noise`, so that a test can repeat it.
    """

    def __init__(self, receive: Callable[[bytes], None], noise: random.Random | None = None) -> None:
        self._receive = receive
        self._noise = noise or random.Random()
        self._wire: Wire | None = None
        self.pull: Callable[[], None] = _no_cable
        self.pull_after: int | None = None
        self.silent = False
        self.deaf = False
        self.half_next = False
        self.garbage_next = False

    def connect(self, wire: Wire | None) -> None:
        """Plug in the side that leads to the host; None unplugs it."""
        self._wire = wire

    def receive(self, data: bytes) -> None:
        """Bytes from the host, on their way to the device; `pull` is called once `pull_after` of them went through."""
        if self.pull_after is not None:
            data = data[: self.pull_after]
            self.pull_after -= len(data)
        if not self.deaf:
            self._receive(data)
        if self.pull_after == 0:
            self.pull_after = None
            self.pull()

    def send(self, data: bytes) -> None:
        """Bytes from the device, on their way to the host."""
        if self.silent or self.deaf:
            return
        if self.half_next:
            self.half_next = False
            data = data[: len(data) // 2]
        if self.garbage_next:
            self.garbage_next = False
            data = self._noise.randbytes(max(len(data), 1))
        self._transmit(data)

    def _transmit(self, data: bytes) -> None:
        if self._wire is not None and data:
            self._wire.send(data)

    @property
    def faults(self) -> list[str]:
        """The faults in force, by name."""
        named = {"silent": self.silent, "deaf": self.deaf, "half": self.half_next, "garbage-next": self.garbage_next}
        return [name for name, on in named.items() if on]

    @property
    def commands(self) -> Mapping[str, Command]:
        """The line's faults as run-time commands."""
        return {
            "silent": Command(self._set_silent, "receive everything, answer nothing", "[off]"),
            "deaf": Command(self._set_deaf, "receive nothing, answer nothing", "[off]"),
            "half": Command(self._set_half, "let only half of the next answer through"),
            "garbage-next": Command(self._set_garbage, "send noise in place of the next answer"),
            "noise": Command(self._send_noise, "send random bytes to the host now", "[bytes]"),
        }

    def _set_silent(self, words: list[str]) -> None:
        self.silent = on_or_off(words)

    def _set_deaf(self, words: list[str]) -> None:
        self.deaf = on_or_off(words)

    def _set_half(self, words: list[str]) -> None:
        self.half_next = on_or_off(words)

    def _set_garbage(self, words: list[str]) -> None:
        self.garbage_next = on_or_off(words)

    def _send_noise(self, words: list[str]) -> None:
        self._transmit(self._noise.randbytes(whole_number(words, GARBAGE_BYTES, 1, MAX_GARBAGE_BYTES)))


def _no_cable() -> None:
    """Whoever owns the cable says how it is pulled."""


def on_or_off(words: list[str]) -> bool:
    """The argument of a switch: nothing or ``on``, or ``off``."""
    if words in ([], ["on"]):
        return True
    if words == ["off"]:
        return False
    raise CommandError(f"expected on or off, not {' '.join(words)!r}")


def whole_number(words: list[str], default: int, low: int, high: int) -> int:
    """The argument of a command that takes one whole number from `low` to `high`, or none."""
    if not words:
        return default
    if len(words) > 1 or not words[0].isdecimal() or not low <= int(words[0]) <= high:
        raise CommandError(f"expected a whole number from {low} to {high}, not {' '.join(words)!r}")
    return int(words[0])

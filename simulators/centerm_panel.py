"""A simulated Centerm 升腾 rating panel: three keys that work while the host asks for a rating."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.panel.centerm_protocol import KEYS, Rating, Request, RequestDecoder, encode_rating
from simulators.device import Command, CommandError, Wire
from simulators.line import whole_number

BOUNCE_PRESSES = 3
MAX_BOUNCE_PRESSES = 100

LABELS: Mapping[int, str] = {1: "非常满意", 2: "满意", 3: "不满意"}


class CentermPanelSimulator:
    """A Centerm panel: idle until it is asked, then asking until a key is pressed or the host cancels.

    A bouncing contact sends its rating several times for one press; a stuck key answers every question at once.
    """

    KIND: ClassVar[str] = "panel"
    DOES_NOT_IMITATE: ClassVar[str] = (
        "The protocol is unverified: one public program is its only source, and no real panel was tried. "
        "Not imitated: voice, lamps, whatever a real panel does with a key pressed while it is idle, "
        "and a time-out of its own (only the host's is known)."
    )

    def __init__(self) -> None:
        self.changed: Callable[[], None] = _nothing
        self._wire: Wire | None = None
        self._decoder = RequestDecoder()
        self._asking = False
        self._stuck: int | None = None
        self._last_press: int | None = None
        self._ignored_presses = 0

    def attach(self, wire: Wire) -> None:
        """A host is on the line."""
        self._wire = wire
        self._decoder = RequestDecoder()

    def detach(self) -> None:
        """The host is gone; the panel goes on asking."""
        self._wire = None

    def receive(self, data: bytes) -> None:
        """Requests from the host."""
        for request in self._decoder.feed(data):
            self._asking = request is Request.ASK
            if self._asking and self._stuck is not None:
                self._press(self._stuck)
            self.changed()

    def close(self) -> None:
        """There are no timers to end."""

    @property
    def commands(self) -> Mapping[str, Command]:
        """Pressing its keys, well and badly."""
        return {
            "press": Command(self._press_command, "press a key", "1|2|3"),
            "bounce": Command(self._bounce_command, "press a key whose contact bounces", "1|2|3 [times]"),
            "stuck": Command(self._stuck_command, "let a key stick: it answers every question at once", "1|2|3|off"),
            "restart": Command(self._restart_command, "lose power for a moment: it asks no more"),
        }

    def _press_command(self, words: list[str]) -> None:
        self._press(_key(words))

    def _bounce_command(self, words: list[str]) -> None:
        times = whole_number(words[1:], BOUNCE_PRESSES, 1, MAX_BOUNCE_PRESSES)
        self._press(_key(words[:1]), times)

    def _stuck_command(self, words: list[str]) -> None:
        if words == ["off"]:
            self._stuck = None
            return
        self._stuck = _key(words)
        self._press(self._stuck)

    def _restart_command(self, words: list[str]) -> None:
        self._asking = False
        self._last_press = None
        self._decoder = RequestDecoder()

    def _press(self, key: int, times: int = 1) -> None:
        if not self._asking:
            self._ignored_presses += 1
            return
        self._asking = False
        self._last_press = key
        for _ in range(times):
            if self._wire is not None:
                self._wire.send(encode_rating(Rating(key)))

    def state(self) -> Mapping[str, Any]:
        """What a visitor sees, and what was pressed."""
        return {
            "asking": self._asking,
            "keys": [{"key": key, "label": label} for key, label in LABELS.items()],
            "stuck": self._stuck,
            "last_press": self._last_press,
            "ignored_presses": self._ignored_presses,
        }


def _key(words: list[str]) -> int:
    known = [str(key) for key in KEYS]
    if len(words) != 1 or words[0] not in known:
        raise CommandError(f"expected a key, one of {', '.join(known)}, not {' '.join(words)!r}")
    return int(words[0])


def _nothing() -> None:
    """Nobody looks."""

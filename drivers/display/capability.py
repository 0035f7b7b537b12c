"""What the daemon may ask of any LED display."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import StrEnum
from typing import Protocol


class Shown(StrEnum):
    """What is known of a text that was to be shown."""

    CONFIRMED = "confirmed"  # the controller acknowledged it
    SENT = "sent"  # written; this kind of display never answers
    SUPERSEDED = "superseded"  # never sent: a newer text took its place first


class Spoken(StrEnum):
    """What is known of a text that was to be spoken."""

    CONFIRMED = "confirmed"  # the controller acknowledged it
    SENT = "sent"  # written, and no answer came
    SUPERSEDED = "superseded"  # never sent: too many came after it


class Voice(Protocol):
    """What a board with a voice can do besides."""

    async def speak(self, text: str) -> Spoken:
        """Say `text` once, after what it was told to say before.

        What nobody answered for is not said again, and what could not be said at once is not said later. Raises
        DeviceError: `ABSENT`-like reasons when the board cannot be reached, `UNSHOWABLE` / `TOO_LONG` when this
        board cannot say it, `REJECTED` when the controller refused it.
        """
        ...


class Display(Protocol):
    """A board that shows lines of text until told otherwise."""

    @property
    def voice(self) -> Voice | None:
        """Its voice; None for a board that has none."""
        ...

    def show(self, text: str) -> Awaitable[Shown]:
        """Show `text` (lines split by ``\\n``) in place of what is shown now, and keep it there.

        The newest text wins; it is sent again when the board comes back from a restart or a lost line.
        It is under way as soon as this is called. Awaiting what is returned raises DeviceError: `ABSENT`-like reasons
        when the board cannot be reached (the text is kept and shown on its return), `UNSHOWABLE` / `TOO_LONG` when
        this board cannot show it (nothing is sent, nothing is kept), `REJECTED` when the controller refused it.
        """
        ...

"""What the daemon may ask of any LED display."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Shown(StrEnum):
    """What is known of a text that was to be shown."""

    CONFIRMED = "confirmed"  # the controller acknowledged it
    SENT = "sent"  # written; this kind of display never answers
    SUPERSEDED = "superseded"  # never sent: a newer text took its place first


class Display(Protocol):
    """A board that shows lines of text until told otherwise."""

    async def show(self, text: str) -> Shown:
        """Show `text` (lines split by ``\\n``) in place of what is shown now, and keep it there.

        The newest text wins; it is sent again when the board comes back from a restart or a lost line.
        Raises DeviceError: `ABSENT`-like reasons when the board cannot be reached (the text is kept and shown on
        its return), `UNSHOWABLE` / `TOO_LONG` when this board cannot show it (nothing is sent, nothing is kept),
        `REJECTED` when the controller refused it.
        """
        ...

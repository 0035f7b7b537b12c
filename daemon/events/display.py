"""What boards show."""

from __future__ import annotations

from pydantic import Field

from daemon.events.base import Event


class DisplayShown(Event):
    """A text stands on a board."""

    display: str
    text: str
    confirmed: bool = Field(description="whether the board acknowledged it; a board that never answers cannot")


class DisplaySpoken(Event):
    """A call was spoken by a board with a voice."""

    display: str
    text: str
    confirmed: bool = Field(description="whether the board acknowledged it; it is not said again to be sure")


class DisplaySpeechFailed(Event):
    """A call was not spoken. It is not said later, either."""

    display: str
    text: str
    reason: str
    detail: str = ""


class DisplayFailed(Event):
    """A text could not be shown. It is kept for the board's return, unless the board cannot show it at all."""

    display: str
    text: str
    reason: str
    detail: str = ""

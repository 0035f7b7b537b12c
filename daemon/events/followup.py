"""Bad ratings on their way to being dealt with (好差评: 差评整改).

These may be seen by the staff who were rated: nothing here leads to the visitor, neither ticket nor session.
"""

from __future__ import annotations

from pydantic import Field

from daemon.events.base import Event
from daemon.events.rating import Level


class FollowupOpened(Event):
    """A bad rating came in: somebody has to find out why, and put it right."""

    followup: str
    counter: str
    level: Level


class FollowupClosed(Event):
    """A bad rating was dealt with."""

    followup: str
    counter: str
    level: Level
    result: str = Field(description="what was found and done, as the command said")
    by: str = Field(description="who, as the command said")
    open_s: float = Field(description="from the rating to this moment")


class FollowupDropped(Event):
    """The oldest open follow-up was given up, because far too many are open."""

    followup: str
    counter: str
    level: Level

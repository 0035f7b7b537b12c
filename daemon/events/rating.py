"""What visitors rate.

These tell which visitor rated how: they are for supervision, never for the staff who were rated.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from daemon.events.base import Event

Level = Annotated[int, Field(ge=1, le=5)]
"""A rating by 好差评 practice: 5 very satisfied, 4 satisfied, 3 fairly so, 2 dissatisfied, 1 very dissatisfied."""


class RatingOpened(Event):
    """A visitor may rate now."""

    session: str
    counter: str
    ticket: str | None
    item: str | None = Field(default=None, description="what was handled, as the command named it")


class RatingSubmitted(Event):
    """A visitor rated: the one rating of this session."""

    session: str
    counter: str
    ticket: str | None
    item: str | None = None
    level: Level
    after_s: float = Field(description="from the session's opening")
    followup: str | None = Field(default=None, description="the follow-up that a bad rating has; null for a better one")


class RatingRepeated(Event):
    """A further press in a rated session. The first counts."""

    session: str
    counter: str
    level: Level


class RatingLapsed(Event):
    """The session ended without a rating, which never counts as a good one."""

    session: str
    counter: str
    ticket: str | None
    item: str | None = None
    reason: Literal["timed-out", "cancelled", "replaced"]


class RatingUnsolicited(Event):
    """A press while no session was open."""

    panel: str
    counter: str | None
    level: Level

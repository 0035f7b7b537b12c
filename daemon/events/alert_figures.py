"""What an alert rests on, as numbers and codes: whoever shows it to people words these in their language."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from daemon.model import Model


class QueueLength(Model):
    """Of ``queue-too-long``."""

    waiting: int
    waiting_max: int = Field(description="how many may wait")


class WaitLength(Model):
    """Of ``wait-too-long``: the longer of both is why."""

    waited_s: float | None = Field(description="the longest present wait; null when nobody waits")
    forecast_s: float | None = Field(description="of a number that is taken now; null while nobody can know")
    wait_max_s: int = Field(description="how long somebody may wait")


class DueTime(Model):
    """Of ``promise-due`` and ``promise-broken``."""

    due_at: AwareDatetime


class RingCount(Model):
    """Of ``phone-unanswered``."""

    rings: int
    rings_max: int = Field(description="within how many a call is to be answered")


class BadRating(Model):
    """Of ``bad-rating``."""

    level: Annotated[int, Field(ge=1, le=5)]
    counter: str


class IdleCounter(Model):
    """Of ``counter-unattended``."""

    waiting: int
    idle_s: float = Field(description="for how long nothing was done there")
    unattended_s: int = Field(description="for how long nothing may be done")


class DeviceTrouble(Model):
    """Of ``device-fault`` and ``paper-low``."""

    state: str
    reasons: tuple[str, ...]


class Shortfall(Model):
    """One thing that is not ready."""

    item: str
    reasons: tuple[str, ...]


class Shortfalls(Model):
    """Of ``not-ready``."""

    items: tuple[Shortfall, ...]


AlertFigures = QueueLength | WaitLength | DueTime | RingCount | BadRating | IdleCounter | DeviceTrouble | Shortfalls

"""What a day came to, as data: the retained topics ``figures…``, the event ``figures.closed``, ``kioskd figures``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import Field

from daemon.model import Model


class Times(Model):
    """Waiting or service times. The mean is exact; the percentiles are within 2.5 %, below 1 s within 0.5 s."""

    count: int
    mean_s: float | None = Field(description="null, as the others, when there were none")
    p50_s: float | None = Field(description="half of them were no longer")
    p95_s: float | None = Field(description="19 of 20 were no longer")


class TicketFigures(Model):
    """Tickets: how many came to what, how long they waited for their first call, and how long service took.

    A ticket that is transferred is issued and called for one service, and finished for another.
    """

    issued: int
    called: int = Field(description="for the first time")
    finished: int
    skipped: int
    withdrawn: int
    waited: Times = Field(description="from the number being taken to its first call")
    served: Times = Field(description="of those finished: from the call that brought them to their last counter")


class RatingFigures(Model):
    """Ratings. A session without one counts against participation, and never as satisfied."""

    levels: Mapping[str, int] = Field(description="how many ratings of each level", examples=[{"5": 20, "1": 1}])
    lapsed: int = Field(description="sessions that ended without a rating")
    repeated: int = Field(description="further presses in rated sessions, which do not count")
    unsolicited: int = Field(description="presses without a session, which do not count")
    participation: float | None = Field(description="ratings, of all sessions that ended; null when none did")
    satisfaction: float | None = Field(description="levels 3 to 5, of all ratings; null when there were none")
    followups_opened: int = Field(description="of bad ratings")
    followups_closed: int
    followups_open: int = Field(description="at the moment of these figures, whenever they were opened")


class PhoneFigures(Model):
    """Calls. One whose outcome the line cannot tell is unknown: neither answered nor missed."""

    answered_in_time: int = Field(description="within the rings that the rules allow")
    answered_late: int
    missed: int
    unknown: int
    quiet: int = Field(description="calls that began in quiet hours, however they ended; not counted above")
    in_time: float | None = Field(
        description="answered in time, of all but the unknown and the quiet; null when there were none"
    )


class PrintFigures(Model):
    """What became of slips, reprints included."""

    printed: int
    unconfirmed: int
    failed: int
    expired: int


class DeviceFigures(Model):
    """For how long kioskd saw a device in each state, to within a minute where kioskd was killed."""

    ready_s: int
    degraded_s: int
    faulted_s: int
    absent_s: int
    unknown_s: int
    available: float | None = Field(description="ready or degraded, of all time but the unknown; null without any")


class Figures(Model):
    """Topic ``figures``: the day so far."""

    day: date = Field(description="the kiosk's local date", examples=["2026-11-21"])
    part: int = Field(description="1; more when the clock was set back to a day that was closed: add the parts")
    tickets: TicketFigures
    services: Mapping[str, TicketFigures] = Field(description="the same by service")
    ratings: RatingFigures
    phones: PhoneFigures
    prints: PrintFigures
    devices: Mapping[str, DeviceFigures]


class PreviousFigures(Figures):
    """Topic ``figures/previous``: the last day that was closed."""

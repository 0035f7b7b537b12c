"""When a service gives numbers: hours of its own, those of the hall's calendar, or both, on the calendar's days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from daemon.calendar import ALWAYS, Calendar, Span, Spans

CALENDAR = "calendar"
"""Stands for the opening hours that the calendar has for a day."""

DAYS_MAX = 400
"""So far ahead the next opening is looked for."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The hours of a day. Without any a service is always open, whatever the calendar says."""

    own: Spans = ()
    calendar: bool = False

    @classmethod
    def parse(cls, texts: Sequence[str]) -> OpeningHours:
        """From texts such as ``08:30-11:30`` and ``calendar``; ValueError for anything else."""
        return cls(tuple(Span.parse(text) for text in texts if text != CALENDAR), CALENDAR in texts)

    def spans(self, calendar: Calendar, day: date) -> Spans:
        """The hours of `day`; none on a day on which the hall is closed."""
        if not self.own and not self.calendar:
            return ALWAYS
        hall = calendar.spans(day)
        return (*self.own, *(hall if self.calendar else ())) if hall else ()

    def is_open(self, calendar: Calendar, moment: datetime) -> bool:
        """Whether numbers are given at `moment`."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        second = (moment - midnight).total_seconds()
        return any(start_s <= second < end_s for start_s, end_s in self.spans(calendar, moment.date()))

    def next_opening(self, calendar: Calendar, moment: datetime, *, days_ahead: int = 0) -> datetime | None:
        """The first opening after `moment`, and at least so many days after its day; None if there is none in sight."""
        for offset in range(days_ahead, DAYS_MAX):
            day = moment.date() + timedelta(days=offset)
            midnight = datetime(day.year, day.month, day.day, tzinfo=moment.tzinfo)
            starts = sorted(midnight + timedelta(seconds=span.start_s) for span in self.spans(calendar, day))
            later = [start for start in starts if start > moment]
            if later:
                return later[0]
        return None

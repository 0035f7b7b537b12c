"""Working time: the week's opening hours, holidays, and working days that make up for them (调休).

Everything here is the wall clock of one place; the offset from UTC of a result is that of the question. Pure: what a
calendar file says is read by `daemon.settings.calendar_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Literal, NamedTuple

DAY_S = 86_400

Unit = Literal["min", "h", "days"]
UNIT_S: Mapping[Unit, int] = {"min": 60, "h": 3600}


class Span(NamedTuple):
    """Opening hours without a break, in seconds since midnight; the end is no part of them."""

    start_s: int
    end_s: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """Such as ``09:00-12:00``; ValueError for anything else."""
        found = re.fullmatch(r"([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])", text)
        if found is None:
            raise ValueError(f"expected hours like 09:00-12:00, not {text!r}")
        start_h, start_min, end_h, end_min = (int(number) for number in found.groups())
        span = cls(start_h * 3600 + start_min * 60, end_h * 3600 + end_min * 60)
        if not span.start_s < span.end_s <= DAY_S:
            raise ValueError(f"hours end after they begin, by 24:00: {text}")
        return span


Spans = tuple[Span, ...]

ALWAYS: Spans = (Span(0, DAY_S),)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the hall is open. `week` is Monday's to Sunday's hours in order, none overlapping; one day has some."""

    week: tuple[Spans, ...] = (ALWAYS,) * 7
    holidays: frozenset[date] = frozenset()
    make_up: tuple[tuple[date, int], ...] = ()
    """Days that are worked, each as the weekday (Monday: 0) that it makes up for."""

    def spans(self, day: date) -> Spans:
        """The opening hours of `day`."""
        weekday = dict(self.make_up).get(day)
        if weekday is None:
            return () if day in self.holidays else self.week[day.weekday()]
        return self.week[weekday]

    def is_open(self, moment: datetime) -> bool:
        """Whether the hall is open at `moment`."""
        second = _second(moment)
        return any(start_s <= second < end_s for start_s, end_s in self.spans(moment.date()))

    def add(self, moment: datetime, seconds: float) -> datetime:
        """When `seconds` (0 or more) of opening hours have passed since `moment`: the first such instant."""
        left_s = seconds
        if left_s <= 0:
            return moment
        for day, start_s, end_s in self._from(moment):
            if left_s <= end_s - start_s:
                return _at(moment, day, start_s + left_s)
            left_s -= end_s - start_s
        raise AssertionError("the days have no end")

    def between(self, first: datetime, last: datetime) -> float:
        """The seconds of opening hours from `first` to `last`; 0 when `last` is earlier."""
        passed_s = 0.0
        for day, start_s, end_s in self._from(first):
            if day > last.date():
                break
            until_s = min(end_s, _second(last)) if day == last.date() else end_s
            passed_s += max(0.0, until_s - start_s)
        return passed_s

    def nth_working_day(self, moment: datetime, days: int) -> tuple[datetime, datetime]:
        """The opening and the closing of the `days`-th (1 or more) day with opening hours after that of `moment`."""
        for offset in count(1):
            day = moment.date() + timedelta(days=offset)
            spans = self.spans(day)
            days -= bool(spans)
            if days == 0:
                return _at(moment, day, spans[0].start_s), _at(moment, day, spans[-1].end_s)
        raise AssertionError("the days have no end")

    def _from(self, moment: datetime) -> Iterator[tuple[date, float, int]]:
        """The opening hours from `moment` on, each with its day; the first may have begun."""
        for offset in count():
            day = moment.date() + timedelta(days=offset)
            begun_s = _second(moment) if offset == 0 else 0
            for start_s, end_s in self.spans(day):
                if end_s > begun_s:
                    yield day, max(start_s, begun_s), end_s


@dataclass(frozen=True, slots=True)
class Limit:
    """How soon something is promised: so many minutes or hours of opening hours, or working days."""

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Such as ``10 min``, ``6 h``, ``1 day`` or ``4 days``; ValueError for anything else."""
        amount, _, unit = text.partition(" ")
        for known in ("min", "h", "days"):
            if unit in (known, "day" if known == "days" else known) and amount.isdecimal() and int(amount) > 0:
                return cls(int(amount), known)
        raise ValueError(f"no limit: {text!r}")

    def due(self, calendar: Calendar, start: datetime) -> tuple[datetime, datetime]:
        """When to warn, and when it is due. Days: the opening and the closing of the last of them, counted from the
        day after `start`. Minutes and hours: after four fifths, and after all.
        """
        if self.unit == "days":
            return calendar.nth_working_day(start, self.amount)
        seconds = self.amount * UNIT_S[self.unit]
        return calendar.add(start, 0.8 * seconds), calendar.add(start, seconds)


def _second(moment: datetime) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6


def _at(moment: datetime, day: date, second: float) -> datetime:
    """`second` of `day`, with the offset of `moment`."""
    return datetime(day.year, day.month, day.day, tzinfo=moment.tzinfo) + timedelta(seconds=second)

"""Working time (rules 6 to 9 of the service rules), against a plain model that goes minute by minute."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.calendar import ALWAYS, DAY_S, Calendar, Limit, Span, Spans

CHINA = timezone(timedelta(hours=8))
MINUTE = timedelta(minutes=1)
OFFICE: Spans = (Span(9 * 3600, 12 * 3600), Span(13 * 3600, 17 * 3600))

# National Day 2026: 1 to 7 October are off, Saturday 10 October is worked as a Friday
HALL = Calendar(
    week=(OFFICE,) * 5 + ((),) * 2,
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)),
    make_up=((date(2026, 10, 10), 4),),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T09:00", True),
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T11:59:59", True),
        ("2026-11-20T12:00", False),
        ("2026-11-20T17:00", False),
        ("2026-11-21T10:00", False),  # a Saturday
        ("2026-10-01T10:00", False),
        ("2026-10-10T10:00", True),  # a Saturday that makes up for a holiday
        ("2026-10-10T12:30", False),
    ],
)
def test_when_the_hall_is_open(moment: str, is_open: bool) -> None:
    assert HALL.is_open(at(moment)) is is_open


@pytest.mark.parametrize(
    ("start", "limit", "warned", "due"),
    [
        ("2026-11-20T09:00", "10 min", "2026-11-20T09:08", "2026-11-20T09:10"),
        ("2026-11-20T11:50", "30 min", "2026-11-20T13:14", "2026-11-20T13:20"),
        ("2026-11-20T16:00", "6 h", "2026-11-23T13:48", "2026-11-23T15:00"),
        ("2026-11-20T19:00", "1 h", "2026-11-23T09:48", "2026-11-23T10:00"),
        ("2026-11-20T16:00", "4 days", "2026-11-26T09:00", "2026-11-26T17:00"),
        ("2026-09-30T16:00", "1 day", "2026-10-08T09:00", "2026-10-08T17:00"),
        ("2026-10-09T16:00", "1 day", "2026-10-10T09:00", "2026-10-10T17:00"),
        ("2028-02-28T16:59", "2 min", "2028-02-29T09:00:36", "2028-02-29T09:01"),
    ],
)
def test_when_it_is_due(start: str, limit: str, warned: str, due: str) -> None:
    assert Limit.parse(limit).due(HALL, at(start)) == (at(warned), at(due))


def test_without_a_calendar_every_hour_counts() -> None:
    start = at("2026-11-21T23:55")
    assert Limit.parse("10 min").due(Calendar(), start)[1] == at("2026-11-22T00:05")
    assert Limit.parse("1 day").due(Calendar(), start)[1] == at("2026-11-23T00:00")


@pytest.mark.parametrize("text", ["", "10", "min", "0 min", "-1 h", "1.5 h", "10min", "10  min", "4 weeks", "１ min x"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="no limit"):
        Limit.parse(text)


# any calendar


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    edges = sorted(draw(st.sets(st.integers(0, DAY_S // 60), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Span(start * 60, end * 60) for start, end in pairs)


near = st.integers(0, 20).map(lambda days: date(2026, 9, 25) + timedelta(days=days))
calendars = st.builds(
    lambda week, holidays, make_up: Calendar((OFFICE, *week), holidays, tuple(make_up.items())),
    *(st.tuples(*[spans()] * 6), st.frozensets(near, max_size=8), st.dictionaries(near, st.integers(0, 6), max_size=4)),
)
moments = st.integers(0, 10 * 24 * 60).map(lambda minutes: datetime(2026, 9, 27, tzinfo=CHINA) + minutes * MINUTE)


def plain_between(calendar: Calendar, first: datetime, last: datetime) -> int:
    """Working minutes, one by one."""
    minutes = 0
    while first < last:
        minutes += calendar.is_open(first)
        first += MINUTE
    return minutes


@settings(max_examples=60, deadline=None)
@given(calendars, moments, st.integers(0, 4000))
def test_the_time_between_is_every_open_minute(calendar: Calendar, first: datetime, minutes: int) -> None:
    last = first + minutes * MINUTE
    assert calendar.between(first, last) == 60 * plain_between(calendar, first, last)
    assert calendar.between(last, first) == 0 or first == last


@settings(max_examples=100, deadline=None)
@given(calendars, moments, st.integers(1, 3000))
def test_adding_is_the_inverse_of_the_time_between(calendar: Calendar, start: datetime, minutes: int) -> None:
    due = calendar.add(start, minutes * 60)
    assert calendar.between(start, due) == minutes * 60
    assert calendar.between(start, due - MINUTE) < minutes * 60, "it is the first such instant"
    assert calendar.is_open(due - MINUTE)


@settings(max_examples=100, deadline=None)
@given(calendars, moments, moments, st.integers(0, 2000), st.integers(0, 2000))
def test_adding_is_monotonic_and_goes_in_steps(
    calendar: Calendar, one: datetime, other: datetime, first: int, second: int
) -> None:
    earlier, later = sorted((one, other))
    assert calendar.add(earlier, first * 60) <= calendar.add(later, first * 60)
    assert calendar.add(one, first * 60) <= calendar.add(one, (first + second) * 60)
    assert calendar.add(calendar.add(one, first * 60), second * 60) == calendar.add(one, (first + second) * 60)


@given(calendars, moments, st.integers(1, 9))
def test_working_days_are_counted_from_the_next(calendar: Calendar, start: datetime, days: int) -> None:
    opening, closing = calendar.nth_working_day(start, days)
    dates = [start.date() + timedelta(days=offset) for offset in range(1, (closing.date() - start.date()).days + 2)]
    worked = [day for day in dates if calendar.spans(day)]
    assert opening.date() == worked[days - 1]
    assert calendar.is_open(opening)
    assert opening < closing


def test_always_is_a_day() -> None:
    assert (Span(0, 86_400),) == ALWAYS
    assert Calendar().is_open(at("2026-11-21T03:00"))

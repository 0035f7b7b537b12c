"""When the check before opening is due: by calendar or setting, once a day, whatever the clock does (rule 16)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from daemon.readiness.hours import check_due, check_of, is_open
from daemon.settings import Settings

HOURS = """
holidays = ["2026-11-24"]
[hours]
mon = ["09:00-12:00", "13:00-17:00"]
tue = ["09:00-12:00"]
sat = ["00:10-12:00"]
sun = ["00:00-24:00"]
"""


@pytest.fixture
def calendar(tmp_path: Path) -> str:
    path = tmp_path / "calendar.toml"
    path.write_text(HOURS)
    return str(path)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def settings(calendar: str | None = None, **readiness: object) -> Settings:
    table = {"hall": "h", "kiosk": "k", "readiness": readiness}
    return Settings(table | ({"calendar": calendar} if calendar else {}))


def due(found: Settings, now: str, done: str | None = None) -> bool:
    return check_due(found, at(now), date.fromisoformat(done) if done else None) is not None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T08:44:59", False),
        ("2026-11-23T08:45:00", True),
        ("2026-11-23T08:59:59", True),  # kioskd came up late: it is done at once
        ("2026-11-23T09:00:00", False),  # visitors are there
        ("2026-11-23T12:50:00", False),  # once a day, not before the afternoon
        ("2026-11-24T08:50:00", False),  # a holiday
        ("2026-11-25T08:50:00", False),  # closed
    ],
)
def test_so_long_before_opening(calendar: str, now: str, expected: bool) -> None:
    assert due(settings(calendar), now) is expected


def test_half_an_hour_where_the_profile_says_so(calendar: str) -> None:
    found = check_of(settings(calendar, before_s=1800), at("2026-11-23T08:00:00"))
    assert found == (at("2026-11-23T08:30:00"), at("2026-11-23T09:00:00"))


def test_a_hall_that_opens_soon_after_midnight_is_checked_the_same_day(calendar: str) -> None:
    found = check_of(settings(calendar), at("2026-11-28T03:00:00"))
    assert found == (at("2026-11-28T00:00:00"), at("2026-11-28T00:10:00"))


def test_a_hall_that_never_closes_has_no_opening(calendar: str) -> None:
    assert check_of(settings(calendar), at("2026-11-29T08:00:00")) is None


def test_nobody_guesses_when_a_hall_opens() -> None:
    assert check_of(settings(), at("2026-11-23T08:50:00")) is None


def test_a_time_of_day_instead_of_a_calendar() -> None:
    found = settings(at="07:30", before_s=600)
    assert [due(found, f"2026-11-25T{time}") for time in ("07:29:59", "07:30:00", "07:39:59", "07:40:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_the_time_of_day_counts_on_the_days_of_the_calendar_only(calendar: str) -> None:
    found = settings(calendar, at="07:30")
    assert due(found, "2026-11-23T07:31:00")
    assert not due(found, "2026-11-23T08:50:00")
    assert not due(found, "2026-11-24T07:31:00")


def test_once_a_day_though_the_clock_is_set_back_and_again_the_next_day(calendar: str) -> None:
    found = settings(calendar)
    assert not due(found, "2026-11-23T08:46:00", done="2026-11-23")
    assert due(found, "2026-11-23T08:46:00", done="2026-11-22")
    assert due(found, "2026-11-23T08:46:00", done="2026-11-30"), "the clock was wrong then, or is now"


def test_a_clock_that_was_never_set_says_nothing_of_opening(calendar: str) -> None:
    assert not due(settings(calendar), "1970-01-05T08:50:00")


def test_whether_the_hall_is_open_is_known_by_the_calendar_alone(calendar: str) -> None:
    assert settings().calendar is None
    assert not is_open(None, at("2026-11-23T10:00:00"))
    file = settings(calendar).calendar
    assert file is not None
    assert is_open(file.calendar, at("2026-11-23T10:00:00"))
    assert not is_open(file.calendar, at("2026-11-23T12:30:00"))

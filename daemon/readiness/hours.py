"""When a kiosk is checked before opening (三提前: A art. 26; B 一.1; C 一.1, 五.1, 六.1). Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from daemon.calendar import Calendar
from daemon.figures.counting import FIRST_YEAR
from daemon.settings import Settings


class Check(NamedTuple):
    """The check of one day: due from `due_at` on, and too late from `opens_at` on."""

    due_at: datetime
    opens_at: datetime


def check_of(settings: Settings, now: datetime) -> Check | None:
    """The check of the day that it is at `now`; None on a day without opening, and where no opening time is known.

    `readiness.at` is when to check; else the calendar says when the day's first hours begin, and a hall that is open
    from midnight on has no opening.
    """
    rule = settings.readiness
    calendar = None if settings.calendar is None else settings.calendar.calendar
    spans = () if calendar is None else calendar.spans(now.date())
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    before = timedelta(seconds=rule.before_s)
    if rule.at is not None:
        hours, minutes = map(int, rule.at.split(":"))
        due_at = midnight + timedelta(hours=hours, minutes=minutes)
        return None if calendar is not None and not spans else Check(due_at, due_at + before)
    if not spans or spans[0].start_s == 0:
        return None
    opens_at = midnight + timedelta(seconds=spans[0].start_s)
    return Check(max(midnight, opens_at - before), opens_at)


def check_due(settings: Settings, now: datetime, done: date | None) -> Check | None:
    """The check that is to be made at `now`, when the last one before an opening was that of the day `done`.

    A clock that was never set says nothing about opening.
    """
    if now.year < FIRST_YEAR or done == now.date():
        return None
    check = check_of(settings, now)
    return check if check is not None and check.due_at <= now < check.opens_at else None


def is_open(calendar: Calendar | None, now: datetime) -> bool:
    """Whether the hall is known to be open at `now`."""
    return calendar is not None and calendar.is_open(now)

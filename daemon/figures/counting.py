"""The day's figures: added to in the transaction of each event, and closed when the day is over.

Theory of operation. `count` is a reaction of the store: it sees every event before it is stored, in the same
transaction, so what is undone is not counted and what is counted is stored. It adds to a few hundred rows a service:
no event is ever read again. One day is open at a time. It is closed, with the event ``figures.closed``, by the first
look at the clock on a later day, be it by an event, at midnight or after a restart; its rows then become one row.

A clock that was set back does not open an old day again while that may be a mistake: within a day of midnight, or
with a year that says that the clock was never set, the open day goes on. Otherwise the earlier day is begun again as
a further part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from daemon.events import (
    DaemonStarted,
    DaemonStopping,
    DeviceChanged,
    Event,
    FiguresClosed,
    FollowupClosed,
    FollowupOpened,
    PhoneAnswered,
    PhoneMissed,
    PhoneUnknown,
    PrintExpired,
    PrintFailed,
    PrintPrinted,
    PrintUnconfirmed,
    RatingLapsed,
    RatingRepeated,
    RatingSubmitted,
    RatingUnsolicited,
    TicketCalled,
    TicketFinished,
    TicketIssued,
    TicketSkipped,
    TicketWithdrawn,
)
from daemon.figures.day import PreviousFigures
from daemon.figures.histogram import bucket_of
from daemon.figures.reading import OPEN_DAY, read_open
from daemon.store.database import Transaction

FIRST_YEAR = 2025
"""A clock with an earlier year was never set."""

KEEP_CLOSED = 400
"""Closed days that are kept."""


class Addition(NamedTuple):
    """One more of something. `part`: which outcome, level or bucket; `seconds`: what is added to its total."""

    name: str
    about: str
    part: str
    seconds: float = 0.0


def count(transaction: Transaction, event: Event) -> None:
    """Add `event` to the figures of the day that is open."""
    if isinstance(event, DeviceChanged | DaemonStarted | DaemonStopping):
        turn_day(transaction)
        _follow_devices(transaction, event)
        return
    additions = list(_additions(event))
    if additions:
        turn_day(transaction)
    for addition in additions:
        _add(transaction, addition)


def _additions(event: Event) -> Iterator[Addition]:
    match event:
        case TicketIssued() | TicketSkipped() | TicketWithdrawn():
            yield Addition("ticket", event.service, event.VERB)
        case TicketCalled(times=1):
            yield Addition("ticket", event.service, event.VERB)
            yield Addition("waited", event.service, str(bucket_of(event.waited_s)), event.waited_s)
        case TicketFinished():
            yield Addition("ticket", event.service, event.VERB)
            yield Addition("served", event.service, str(bucket_of(event.served_s)), event.served_s)
        case RatingSubmitted():
            yield Addition("rating", "", str(event.level))
        case RatingLapsed() | RatingRepeated() | RatingUnsolicited() | FollowupOpened() | FollowupClosed():
            yield Addition(event.NOUN, "", event.VERB)
        case PhoneAnswered(quiet=True) | PhoneMissed(quiet=True) | PhoneUnknown(quiet=True):
            yield Addition("phone", "", "quiet")
        case PhoneAnswered():
            yield Addition("phone", "", "in-time" if event.in_time else "late")
        case PhoneMissed() | PhoneUnknown():
            yield Addition("phone", "", event.VERB)
        case PrintPrinted() | PrintUnconfirmed() | PrintFailed() | PrintExpired():
            yield Addition("print", "", event.VERB)


def _add(transaction: Transaction, addition: Addition) -> None:
    transaction.write(
        "INSERT INTO figure (name, about, part, count, total_s) VALUES (?, ?, ?, 1, ?)"
        " ON CONFLICT DO UPDATE SET count = count + 1, total_s = total_s + excluded.total_s",
        *addition,
    )


# the day


def turn_day(transaction: Transaction) -> None:
    """Close the day that is open, if it is over, and open the one that it is now."""
    today = transaction.now.date()
    found = transaction.meta(OPEN_DAY)
    if found is not None:
        if not _is_over(date.fromisoformat(found), today):
            return
        _close(transaction, found)
    transaction.set_meta(OPEN_DAY, today.isoformat())


def _is_over(open_day: date, today: date) -> bool:
    set_back = today.year >= FIRST_YEAR and today < open_day - timedelta(days=1)
    return today > open_day or set_back


def _close(transaction: Transaction, day: str) -> None:
    watch_devices(transaction)
    figures = read_open(transaction)
    if figures is None:
        return
    values = figures.model_dump()
    transaction.write("DELETE FROM figure")
    closed = PreviousFigures(**values).model_dump_json()
    kept = transaction.insert("INSERT INTO closed_day (day, figures) VALUES (?, ?)", day, closed)
    transaction.write("DELETE FROM closed_day WHERE id <= ?", kept - KEEP_CLOSED)
    transaction.emit(FiguresClosed(**values))


# devices: how long each was in which state, by the clock that never jumps


def _follow_devices(transaction: Transaction, event: DeviceChanged | DaemonStarted | DaemonStopping) -> None:
    if isinstance(event, DaemonStarted):  # nobody saw them since the run before this one
        transaction.write("DELETE FROM device_watch")
        return
    watch_devices(transaction)
    if isinstance(event, DaemonStopping):
        transaction.write("DELETE FROM device_watch")
        return
    transaction.write(
        "INSERT INTO device_watch VALUES (?, ?, ?)"
        " ON CONFLICT (device) DO UPDATE SET state = excluded.state, seen_s = excluded.seen_s",
        *(event.device, event.state, transaction.monotonic_s),
    )


def watch_devices(transaction: Transaction, states: Mapping[str, str] | None = None) -> None:
    """Count the time up to now.

    `states`: how each device is by what is known beside the store, which may have missed a change when it failed.
    Those alone are watched from now on.
    """
    now_s = transaction.monotonic_s
    for device, state, seen_s in transaction.rows("SELECT device, state, seen_s FROM device_watch"):
        _add(transaction, Addition("device", device, state, max(0.0, now_s - seen_s)))
    transaction.write("UPDATE device_watch SET seen_s = ?", now_s)
    if states is not None:
        transaction.write("DELETE FROM device_watch")
        for device, state in states.items():
            transaction.write("INSERT INTO device_watch VALUES (?, ?, ?)", device, state, now_s)

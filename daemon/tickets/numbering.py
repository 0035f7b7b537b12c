"""Numbers: by prefix, anew each day, and no more of a service in a day than it serves."""

from __future__ import annotations

from datetime import datetime

from daemon.calendar import Calendar
from daemon.commands import Refusal
from daemon.database import Transaction
from daemon.opening_hours import OpeningHours
from daemon.refused import Refused
from daemon.settings import Service


def next_number(transaction: Transaction, name: str, service: Service, working_time: Calendar) -> str:
    """The next number of the day; raises Refused when the service is closed, or gives no more today."""
    now, day = transaction.now, transaction.now.date().isoformat()
    hours = OpeningHours.parse(service.hours)
    if not hours.is_open(working_time, now):
        raise _until(Refusal.SERVICE_CLOSED, f"{name} is closed", hours.next_opening(working_time, now))
    found = transaction.row("SELECT last, given FROM numbering WHERE prefix = ? AND day = ?", service.prefix, day)
    last, given = found or (service.first - 1, 0)
    if service.daily_max is not None and given >= service.daily_max:
        tomorrow = hours.next_opening(working_time, now, days_ahead=1)
        raise _until(Refusal.LIMIT_REACHED, f"{name}: {service.daily_max} numbers a day, all given", tomorrow)
    number = max(int(last) + 1, service.first)
    if number > service.last:
        raise Refused(Refusal.NUMBERS_EXHAUSTED, f"{name}: {service.prefix}{service.last} was today's last number")
    transaction.write(
        "INSERT INTO numbering VALUES (?, ?, ?, 1)"
        " ON CONFLICT (prefix, day) DO UPDATE SET last = excluded.last, given = given + 1",
        *(service.prefix, day, number),
    )
    return f"{service.prefix}{number:0{len(str(service.last))}d}"


def give_back(transaction: Transaction, ticket_id: str) -> None:
    """Nobody holds this number: it does not count for the day's limit. It is not given again."""
    day, _, number = ticket_id.partition("-")
    dashed = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    prefix = number.rstrip("0123456789")
    transaction.write("UPDATE numbering SET given = given - 1 WHERE prefix = ? AND day = ?", prefix, dashed)


def _until(reason: Refusal, detail: str, opens_at: datetime | None) -> Refused:
    if opens_at is None:
        return Refused(reason, f"{detail}; nothing says when it opens")
    moment = opens_at.isoformat()
    return Refused(reason, f"{detail}; it opens at {opens_at:%Y-%m-%d %H:%M}", {"opens_at": moment})

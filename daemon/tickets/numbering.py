"""Numbers: by prefix, anew each day, and no more of a service in a day than it serves."""

from __future__ import annotations

from datetime import datetime

from daemon.calendar import Calendar
from daemon.commands import Refusal
from daemon.hall.opening_hours import OpeningHours
from daemon.refused import Refused
from daemon.settings import Service
from daemon.store.database import Transaction
from daemon.tickets.days import call_the_same, names_of, now_called
from daemon.tickets.record import LEFT_OVER_S, Ticket, day_of, find, holder


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
    while number <= service.last and _is_held(transaction, _written(service, number)):
        number += 1
    if number > service.last:
        raise Refused(Refusal.NUMBERS_EXHAUSTED, f"{name}: {service.prefix}{service.last} was today's last number")
    transaction.write(
        "INSERT INTO numbering VALUES (?, ?, ?, 1)"
        " ON CONFLICT (prefix, day) DO UPDATE SET last = excluded.last, given = given + 1",
        *(service.prefix, day, number),
    )
    return _written(service, number)


def given_today(transaction: Transaction, number: str) -> Ticket | None:
    """Who was given `number` today, by whatever date, and whatever became of them.

    By another date than today's, so may somebody have been whose day is long over: then they were done before today.
    """
    today, *before = names_of(transaction, day_of(transaction))
    tickets = [find(transaction, f"{today}-{number}")]
    tickets += [find(transaction, f"{day}-{number}") for day in before if not _was_over(transaction, f"{day}-{number}")]
    return next((ticket for ticket in tickets if ticket is not None), None)


def _was_over(transaction: Transaction, ticket_id: str) -> bool:
    midnight = transaction.now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    return transaction.row("SELECT 1 FROM ticket WHERE id = ? AND ended_at < ?", ticket_id, midnight) is not None


def held_over_a_jump(transaction: Transaction, number: str) -> bool:
    """Whether somebody is still there with `number` who took it today or yesterday, and by another date: nobody knows
    which of them it was, as the machine was off when the clock was set.
    """
    ticket = holder(transaction, number)
    days = (name for days_ago in (0, 1) for name in names_of(transaction, day_of(transaction, days_ago)))
    return ticket is not None and ticket.id.partition("-")[0] not in days


def _is_held(transaction: Transaction, number: str) -> bool:
    """Whether `number` was given today, by a system that kept the queue earlier, or somebody is still there with it who
    came before midnight, or by another clock: both would get up at one call.
    """
    return given_today(transaction, number) is not None or holder(transaction, number) is not None


def _written(service: Service, number: int) -> str:
    return f"{service.prefix}{number:0{len(str(service.last))}d}"


def give_back(transaction: Transaction, ticket_id: str) -> None:
    """Nobody holds this number: it does not count for the day's limit. It is not given again.

    What counts never gets below 0: a number of another system was not counted.
    """
    day, _, number = ticket_id.partition("-")
    day = now_called(transaction, day)
    dashed = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    prefix = number.rstrip("0123456789")
    transaction.write("UPDATE numbering SET given = max(given - 1, 0) WHERE prefix = ? AND day = ?", prefix, dashed)


def follow_day(transaction: Transaction, before: datetime, after: datetime) -> None:
    """The clock was set from `before` to `after`. Who took a number by a wrong clock still holds it: the numbers go on.

    A clock that was set by less than half a day is as good as time that passed: numbers start anew at midnight.
    """
    if before.date() == after.date() or abs((after - before).total_seconds()) < LEFT_OVER_S:
        return
    call_the_same(transaction, f"{before:%Y%m%d}", f"{after:%Y%m%d}")
    days = before.date().isoformat(), after.date().isoformat()
    transaction.write(
        "INSERT INTO numbering SELECT prefix, ?, last, given FROM numbering WHERE day = ?"
        " ON CONFLICT (prefix, day) DO UPDATE SET last = max(last, excluded.last), given = given + excluded.given",
        *reversed(days),
    )
    transaction.write("DELETE FROM numbering WHERE day = ?", days[0])


def _until(reason: Refusal, detail: str, opens_at: datetime | None) -> Refused:
    if opens_at is None:
        return Refused(reason, f"{detail}; nothing says when it opens")
    moment = opens_at.isoformat()
    return Refused(reason, f"{detail}; it opens at {opens_at:%Y-%m-%d %H:%M}", {"opens_at": moment})

"""Promised time limits (A art. 10; G 六.3): when a ticket is due, and the alerts before and from that moment on."""

from __future__ import annotations

from datetime import datetime

from daemon.alerts.alerts import clear_alert, raise_alert
from daemon.calendar import Calendar, Limit
from daemon.events import Alert, TicketPromised
from daemon.events.alert_figures import DueTime
from daemon.settings import Service
from daemon.store.database import Transaction
from daemon.tickets import Ticket

WARN_AFTER = 0.8
"""Of the time to a due time that was given."""

_OPEN = "state IN ('issued', 'waiting', 'called')"
_NEAR = f"FROM ticket WHERE warn_at <= ? AND {_OPEN}"
_OVER = f"SELECT alert, about FROM alert WHERE alert IN (?, ?) AND about NOT IN (SELECT id {_NEAR})"  # noqa: S608


def promise(
    transaction: Transaction, ticket: Ticket, service: Service, calendar: Calendar, given: datetime | None = None
) -> datetime | None:
    """Note when `ticket`, just taken, is due: as `given`, or by the limit of its `service`; None without either."""
    now = transaction.now
    if given is not None:
        warn_at, due_at = now + WARN_AFTER * (given - now), given.astimezone(now.tzinfo)
    elif service.limit is not None:
        warn_at, due_at = Limit.parse(service.limit).due(calendar, now)
    else:
        return None
    sql = "UPDATE ticket SET warn_at = ?, due_at = ?, due_given = ? WHERE id = ?"
    transaction.write(sql, warn_at.timestamp(), due_at.timestamp(), given is not None, ticket.id)
    transaction.emit(TicketPromised(ticket=ticket.id, number=ticket.number, service=ticket.service, due_at=due_at))
    return due_at


def due_at(transaction: Transaction, ticket_id: str) -> datetime | None:
    """When the ticket is due, in the time zone of now."""
    found = transaction.row("SELECT due_at FROM ticket WHERE id = ?", ticket_id)
    if found is None or found[0] is None:
        return None
    return datetime.fromtimestamp(found[0], transaction.now.tzinfo)


def watch_promises(transaction: Transaction) -> None:
    """Raise the alerts that are due by now, and clear those of tickets that are over."""
    now = transaction.now.timestamp()
    for ticket, due in transaction.rows(f"SELECT id, due_at {_NEAR}", now):
        broken = due <= now
        clear_alert(transaction, Alert.PROMISE_DUE if broken else Alert.PROMISE_BROKEN, ticket)
        figures = DueTime(due_at=datetime.fromtimestamp(due, transaction.now.tzinfo))
        raise_alert(transaction, Alert.PROMISE_BROKEN if broken else Alert.PROMISE_DUE, ticket, figures)
    for alert, ticket in transaction.rows(_OVER, Alert.PROMISE_DUE, Alert.PROMISE_BROKEN, now):
        clear_alert(transaction, Alert(alert), ticket)


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: what was promised by the wrong time, between `since` and `until`, moves with it.

    What another system gave as due stays, and its warning is reckoned from now on.
    """
    promised = f"due_at IS NOT NULL AND {_OPEN} AND issued_at BETWEEN ? AND ?"
    transaction.write(
        f"UPDATE ticket SET warn_at = warn_at + ?, due_at = due_at + ? WHERE NOT due_given AND {promised}",  # noqa: S608
        *(by_s, by_s, since, until),
    )
    now = transaction.now.timestamp()
    transaction.write(
        f"UPDATE ticket SET warn_at = min(due_at, ? + ? * (due_at - ?)) WHERE due_given AND {promised}",  # noqa: S608
        *(now, WARN_AFTER, now, since, until),
    )

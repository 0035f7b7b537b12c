"""Alerts: one open alert a cause, raised once, acknowledged once, cleared once."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from daemon.alerts.words import in_words, read_figures
from daemon.commands import Refusal
from daemon.events import Alert, AlertAcknowledged, AlertCleared, AlertRaised
from daemon.events.alert_figures import AlertFigures
from daemon.refused import Refused
from daemon.statuses import AlertsStatus, OpenAlert
from daemon.store.database import Transaction

LISTED_MAX = 50
"""Of the open alerts so many stand in the list: a payload has to end somewhere. Their count is always there."""


def raise_alert(transaction: Transaction, alert: Alert, about: str, figures: AlertFigures) -> None:
    """Raise `alert` about something because of `figures`, unless it is open already."""
    now = transaction.now.timestamp()
    sql = "INSERT INTO alert (alert, about, raised_at, figures) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    if transaction.write(sql, alert, about, now, figures.model_dump_json()):
        transaction.emit(AlertRaised(alert=alert, about=about, detail=in_words(figures).en, figures=figures))


def clear_alert(transaction: Transaction, alert: Alert, about: str) -> None:
    """Clear `alert` about something, if it is open."""
    if transaction.write("DELETE FROM alert WHERE alert = ? AND about = ?", alert, about):
        transaction.emit(AlertCleared(alert=alert, about=about))


def clear_others(transaction: Transaction, alert: Alert, known: Container[str]) -> None:
    """Clear every `alert` that is about none of `known`: what is not configured any more raises nothing."""
    for (about,) in transaction.rows("SELECT about FROM alert WHERE alert = ?", alert):
        if about not in known:
            clear_alert(transaction, alert, about)


def acknowledge(transaction: Transaction, alert: Alert, about: str, by: str) -> OpenAlert:
    """Note who has seen the open `alert`; the first counts. Raises Refused when it is not open."""
    _find(transaction, alert, about)
    now = transaction.now.timestamp()
    sql = "UPDATE alert SET acknowledged_by = ?, acknowledged_at = ? WHERE alert = ? AND about = ?"
    noted = transaction.write(f"{sql} AND acknowledged_at IS NULL", by, now, alert, about)
    found = _find(transaction, alert, about)
    if noted:
        transaction.emit(AlertAcknowledged(alert=alert, about=about, by=by, raised_at=found.raised_at))
    return found


def open_alerts(transaction: Transaction) -> AlertsStatus:
    """Every open alert by count, and the list: what nobody has seen yet first, the latest of it on top."""
    count = transaction.rows("SELECT count(*) FROM alert")[0][0]
    order = "ORDER BY acknowledged_at IS NOT NULL, raised_at DESC, alert, about LIMIT ?"
    rows = transaction.rows(f"SELECT {_COLUMNS} FROM alert {order}", LISTED_MAX)  # noqa: S608
    return AlertsStatus(open=count, alerts=tuple(_open(transaction, row) for row in rows))


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: what was raised or seen by the wrong time, `since` to `until`, moves with it."""
    for column in ("raised_at", "acknowledged_at"):
        sql = f"UPDATE alert SET {column} = {column} + ? WHERE {column} BETWEEN ? AND ?"  # noqa: S608
        transaction.write(sql, by_s, since, until)


_COLUMNS = "alert, about, figures, raised_at, acknowledged_by, acknowledged_at"


def _find(transaction: Transaction, alert: Alert, about: str) -> OpenAlert:
    found = transaction.row(f"SELECT {_COLUMNS} FROM alert WHERE alert = ? AND about = ?", alert, about)  # noqa: S608
    if found is None:
        raise Refused(Refusal.UNKNOWN_ALERT, f"no alert {alert} about {about} is open")
    return _open(transaction, found)


def _open(transaction: Transaction, row: tuple[str, str, str, float, str | None, float | None]) -> OpenAlert:
    alert, about, stored, raised_at, by, at = row
    figures = read_figures(stored)
    return OpenAlert(
        alert=Alert(alert),
        about=about,
        detail=in_words(figures).en,
        figures=figures,
        raised_at=_moment(transaction, raised_at),
        acknowledged_by=by,
        acknowledged_at=None if at is None else _moment(transaction, at),
    )


def _moment(transaction: Transaction, timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, transaction.now.tzinfo)

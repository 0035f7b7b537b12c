"""Alerts: raised once a cause, cleared once."""

from __future__ import annotations

from daemon.database import Transaction
from daemon.events import AlertCleared, AlertRaised


def raise_alert(transaction: Transaction, alert: str, about: str, detail: str = "") -> None:
    """Raise `alert` about something, unless it is open already."""
    now = transaction.now.timestamp()
    if transaction.write("INSERT INTO alert VALUES (?, ?, ?) ON CONFLICT DO NOTHING", alert, about, now):
        transaction.emit(AlertRaised(alert=alert, about=about, detail=detail))


def clear_alert(transaction: Transaction, alert: str, about: str) -> None:
    """Clear `alert` about something, if it is open."""
    if transaction.write("DELETE FROM alert WHERE alert = ? AND about = ?", alert, about):
        transaction.emit(AlertCleared(alert=alert, about=about))

"""Alerts about queues: too many people wait, or somebody waits too long or will (B 一.6, 二.9 and others)."""

from __future__ import annotations

from collections.abc import Container

from daemon.alerts.alerts import clear_alert, clear_others, raise_alert
from daemon.events import Alert
from daemon.events.alert_figures import QueueLength, WaitLength
from daemon.settings import Queue
from daemon.store.database import Transaction
from daemon.tickets import QueueFigures

CLEARED_AT = 0.8
"""An alert ends when the queue is back at this part of its limit: one that wavers about it raises one alert."""


def watch_queue(
    transaction: Transaction, service: str, stands: QueueFigures, limits: Queue, forecast_s: float | None = None
) -> None:
    """Raise or clear the alerts about the queue of `service`, which `stands` so.

    A forecast of None says nothing: while somebody waits, it ends no alert.
    """
    many, most = stands.waiting, limits.waiting_max
    if most is not None and many > most:
        raise_alert(transaction, Alert.QUEUE_TOO_LONG, service, QueueLength(waiting=many, waiting_max=most))
    elif most is None or many <= CLEARED_AT * most:
        clear_alert(transaction, Alert.QUEUE_TOO_LONG, service)
    _watch_waits(transaction, service, stands, limits.wait_max_s, forecast_s)


def _watch_waits(
    transaction: Transaction, service: str, stands: QueueFigures, most_s: int | None, forecast_s: float | None
) -> None:
    longest_s = max(stands.longest_wait_s or 0.0, forecast_s or 0.0)
    all_known = forecast_s is not None or stands.waiting == 0
    if most_s is not None and longest_s > most_s:
        waited_s = stands.longest_wait_s
        figures = WaitLength(waited_s=_tenths(waited_s), forecast_s=_tenths(forecast_s), wait_max_s=most_s)
        raise_alert(transaction, Alert.WAIT_TOO_LONG, service, figures)
    elif most_s is None or (all_known and longest_s <= CLEARED_AT * most_s):
        clear_alert(transaction, Alert.WAIT_TOO_LONG, service)


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def forget_queues(transaction: Transaction, services: Container[str]) -> None:
    """Clear the alerts about all but `services`: nobody can wait for what is not configured any more."""
    for alert in (Alert.QUEUE_TOO_LONG, Alert.WAIT_TOO_LONG):
        clear_others(transaction, alert, services)

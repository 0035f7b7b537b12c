"""Alerts about queues: too many people wait, or somebody waits too long or will (B 一.6, 二.9 and others)."""

from __future__ import annotations

from collections.abc import Container

from daemon.alerts.alerts import clear_alert, clear_others, raise_alert
from daemon.events import Alert
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
    many = f"{stands.waiting} wait, {limits.waiting_max} may"
    _judge(transaction, Alert.QUEUE_TOO_LONG, service, stands.waiting, limits.waiting_max, many)
    waited_s, coming_s = stands.longest_wait_s or 0.0, forecast_s or 0.0
    longest = f"waits for {waited_s:.0f} s" if waited_s >= coming_s else f"a new number would wait {coming_s:.0f} s"
    long = f"{longest}, {limits.wait_max_s} s may be"
    whole = forecast_s is not None or stands.waiting == 0
    _judge(transaction, Alert.WAIT_TOO_LONG, service, max(waited_s, coming_s), limits.wait_max_s, long, whole=whole)


def _judge(
    transaction: Transaction,
    alert: Alert,
    service: str,
    value: float,
    limit: int | None,
    detail: str,
    *,
    whole: bool = True,
) -> None:
    """`whole`: `value` is all there is to know, and may end the alert."""
    if limit is not None and value > limit:
        raise_alert(transaction, alert, service, detail)
    elif limit is None or (whole and value <= CLEARED_AT * limit):
        clear_alert(transaction, alert, service)


def forget_queues(transaction: Transaction, services: Container[str]) -> None:
    """Clear the alerts about all but `services`: nobody can wait for what is not configured any more."""
    for alert in (Alert.QUEUE_TOO_LONG, Alert.WAIT_TOO_LONG):
        clear_others(transaction, alert, services)

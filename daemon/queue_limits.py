"""Alerts about queues: too many people wait, or somebody waits too long (B 一.6, 二.9 and others)."""

from __future__ import annotations

from daemon.alerts import clear_alert, raise_alert
from daemon.database import Transaction
from daemon.settings import Queue
from daemon.tickets import QueueFigures

TOO_LONG = "queue-too-long"
WAIT_TOO_LONG = "wait-too-long"

CLEARED_AT = 0.8
"""An alert ends when the queue is back at this part of its limit: one that wavers about it raises one alert."""


def watch_queue(transaction: Transaction, service: str, stands: QueueFigures, limits: Queue) -> None:
    """Raise or clear the alerts about the queue of `service`, which `stands` so."""
    waited_s = stands.longest_wait_s or 0.0
    _judge(transaction, TOO_LONG, service, stands.waiting, limits.waiting_max, "{value:.0f} wait, {limit} may")
    _judge(
        transaction, WAIT_TOO_LONG, service, waited_s, limits.wait_max_s, "waits for {value:.0f} s, {limit} s may be"
    )


def _judge(transaction: Transaction, alert: str, service: str, value: float, limit: int | None, detail: str) -> None:
    if limit is not None and value > limit:
        raise_alert(transaction, alert, service, detail.format(value=value, limit=limit))
    elif limit is None or value <= CLEARED_AT * limit:
        clear_alert(transaction, alert, service)


def forget_queues(transaction: Transaction, services: frozenset[str]) -> None:
    """Clear the alerts about all but `services`: nobody can wait for what is not configured any more."""
    sql = "SELECT alert, about FROM alert WHERE alert IN (?, ?)"
    for alert, about in transaction.rows(sql, TOO_LONG, WAIT_TOO_LONG):
        if about not in services:
            clear_alert(transaction, alert, about)

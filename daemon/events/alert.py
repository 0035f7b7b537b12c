"""Alerts: what somebody should act on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from daemon.events.base import Event


class Alert(StrEnum):
    """Every kind of alert."""

    # what each is about, in brackets; what each means, in both languages: `daemon.explanations.ALERTS`
    QUEUE_TOO_LONG = "queue-too-long"  # (service)
    WAIT_TOO_LONG = "wait-too-long"  # (service)
    PROMISE_DUE = "promise-due"  # (ticket)
    PROMISE_BROKEN = "promise-broken"  # (ticket)
    PHONE_UNANSWERED = "phone-unanswered"  # (phone)
    BAD_RATING = "bad-rating"  # (follow-up)
    COUNTER_UNATTENDED = "counter-unattended"  # (counter)
    DEVICE_FAULT = "device-fault"  # (device)
    PAPER_LOW = "paper-low"  # (printer)
    NOT_READY = "not-ready"  # (kiosk, or what of it)


class AlertRaised(Event):
    """Somebody should act. One open alert a cause."""

    alert: Alert = Field(description="what kind", examples=["phone-unanswered"])
    about: str = Field(description="which phone, service, counter or device")
    detail: str = ""


class AlertAcknowledged(Event):
    """Somebody has seen it. The alert stays open until its cause is gone."""

    alert: Alert
    about: str
    by: str = Field(description="who, as the command said")
    raised_at: AwareDatetime


class AlertCleared(Event):
    """The cause is gone."""

    alert: Alert
    about: str

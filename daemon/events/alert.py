"""Alerts: what somebody should act on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from daemon.events.alert_figures import AlertFigures
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


Kind = Annotated[Alert, Field(description="what kind", examples=["phone-unanswered"])]
Detail = Annotated[
    str, Field(description="the figures in English, for logs, as they were then", examples=["ring 4, 3 are allowed"])
]
Figures = Annotated[
    AlertFigures,
    Field(
        description="what it rests on, as it was then, by kind of alert: to be told to people in their language",
        examples=[{"rings": 4, "rings_max": 3}],
    ),
]


class AlertRaised(Event):
    """Somebody should act. One open alert a cause."""

    alert: Kind
    about: str = Field(description="which phone, service, counter or device")
    detail: Detail
    figures: Figures


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

"""What somebody should know: alerts, devices, the figures of a day."""

from __future__ import annotations

from pydantic import Field

from daemon.day_figures import Figures
from daemon.events.base import Event


class AlertRaised(Event):
    """Somebody should act. One open alert a cause."""

    alert: str = Field(description="what kind", examples=["phone-unanswered"])
    about: str = Field(description="which phone, service, counter or device")
    detail: str = ""


class AlertCleared(Event):
    """The cause is gone."""

    alert: str
    about: str


class DeviceChanged(Event):
    """A device's condition changed."""

    device: str
    kind: str
    state: str
    reasons: tuple[str, ...]
    detail: str = ""


class FiguresClosed(Figures, Event):
    """A day is over: what it came to."""

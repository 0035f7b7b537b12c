"""What somebody should know: devices, the figures of a day."""

from __future__ import annotations

from daemon.events.base import Event
from daemon.figures.day import Figures


class DeviceChanged(Event):
    """A device's condition changed."""

    device: str
    kind: str
    state: str
    reasons: tuple[str, ...]
    detail: str = ""


class FiguresClosed(Figures, Event):
    """A day is over: what it came to."""

"""Whether everything was ready for visitors."""

from __future__ import annotations

from daemon.events.base import Event
from daemon.readiness.report import ReadinessReport


class ReadinessChecked(ReadinessReport, Event):
    """Everything that visitors rely on was tried, before opening or when it was asked for."""

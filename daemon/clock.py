"""The time, injected: a test holds it still, a kiosk without a clock battery boots with it in the past."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and payloads, monotonic time for every duration."""

    def now(self) -> datetime:
        """The time of day, with the kiosk's own time zone."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        ...


class SystemClock:
    """The machine's clock, in its configured time zone."""

    def now(self) -> datetime:
        return datetime.now(UTC).astimezone()

    def monotonic_s(self) -> float:
        return time.monotonic()

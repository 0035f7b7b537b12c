"""What becomes of counters."""

from __future__ import annotations

from pydantic import Field

from daemon.events.base import Event


class CounterOpened(Event):
    """A counter serves, or serves again; or somebody else serves there now."""

    counter: str
    staff: str | None


class CounterPaused(Event):
    """A counter serves nobody for a while."""

    counter: str
    staff: str | None
    reason: str | None = Field(description="as the command gave it", examples=["取药去了"])


class CounterClosed(Event):
    """Nobody serves at a counter any more."""

    counter: str
    staff: str | None

"""The retained topics: how things stand now. Each is sent again after every connect."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from daemon.day_figures import Figures, PreviousFigures
from daemon.model import Model


class KioskStatus(Model):
    """Topic ``status``. The last will is the same with state ``offline``; `boot` tells an old will from a new run."""

    state: Literal["online", "offline"]
    boot: str
    version: str
    since: AwareDatetime | None = Field(default=None, description="when this run began; null in a last will")
    store: Literal["ok", "failing"] = "ok"
    commands_refused: int = Field(default=0, description="since this run began")
    events_refused: int = Field(
        default=0, description="events that the broker will not take now; each is kept, and offered again"
    )


class DeviceStatus(Model):
    """Topic ``device/{device}``."""

    kind: Literal["printer", "display", "panel", "phone"]
    state: Literal["ready", "degraded", "faulted", "absent", "unknown"]
    reasons: tuple[str, ...]
    detail: str = ""
    since: AwareDatetime


class CounterStatus(Model):
    """Topic ``counter/{counter}``."""

    number: str | None = Field(description="the number being served; null when none is")


class QueueStatus(Model):
    """Topic ``queue/{service}``."""

    waiting: int
    longest_wait_s: int | None = Field(description="of those who wait now; null when nobody waits")


RETAINED: dict[str, type[Model]] = {
    "status": KioskStatus,
    "device/{device}": DeviceStatus,
    "counter/{counter}": CounterStatus,
    "queue/{service}": QueueStatus,
    "figures": Figures,
    "figures/previous": PreviousFigures,
}

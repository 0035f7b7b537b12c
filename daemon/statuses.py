"""The retained topics: how things stand now. Each is sent again after every connect."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from daemon.events.alert import Detail, Kind
from daemon.events.alert import Figures as FiguresOfAlert
from daemon.figures.day import Figures, PreviousFigures
from daemon.model import Model
from daemon.readiness.report import ReadinessReport


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

    state: Literal["open", "paused", "closed"]
    staff: str | None = Field(description="the staff number (工号) of who serves there; null when none was given")
    reason: str | None = Field(description="why it is paused; null when no reason was given", examples=["取药去了"])
    number: str | None = Field(description="the number being served; null when none is")


class QueueStatus(Model):
    """Topic ``queue/{service}``."""

    waiting: int
    longest_wait_s: int | None = Field(description="of those who wait now; null when nobody waits")
    forecast_s: int | None = Field(
        description="how long whoever takes a number now will wait; null while nobody can know: no counter for it is "
        "open, or too few were served lately"
    )


class OpenAlert(Model):
    """One entry of topic ``alerts``."""

    alert: Kind
    about: str
    detail: Detail
    figures: FiguresOfAlert
    raised_at: AwareDatetime
    acknowledged_by: str | None = Field(description="who has seen it; null when nobody has")
    acknowledged_at: AwareDatetime | None


class AlertsStatus(Model):
    """Topic ``alerts``: what is open now. What nobody has acknowledged stands first, the latest of it on top."""

    open: int = Field(description="how many there are; the list holds 50 at most")
    alerts: tuple[OpenAlert, ...]


RETAINED: dict[str, type[Model]] = {
    "status": KioskStatus,
    "device/{device}": DeviceStatus,
    "counter/{counter}": CounterStatus,
    "queue/{service}": QueueStatus,
    "alerts": AlertsStatus,
    "readiness": ReadinessReport,
    "figures": Figures,
    "figures/previous": PreviousFigures,
}

STAFF_TOPICS = (
    "status",
    "device/+",
    "counter/+",
    "queue/+",
    "alerts",
    "event/alert/+",
    "event/counter/+",
    "event/display/+",
    "event/followup/+",
    "event/ticket/+",
)
"""What the staff at counters may see. Whoever reads these learns of a bad rating, and not which visitor gave it: the
rater is protected (好差评). ``event/rating/…`` is for supervision alone.
"""

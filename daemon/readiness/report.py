"""What a check of readiness found, as data: the event ``readiness.checked`` and the retained topic ``readiness``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from daemon.model import Model

Result = Literal["ready", "unconfirmed", "not-ready"]
"""Ready: all is well. Unconfirmed: but for what can never say whether it is. Not ready: the rest."""


class Shortcoming(StrEnum):
    """Why something of the kiosk itself is not ready; devices have the reasons of their conditions."""

    CLOCK_WRONG = "clock-wrong"  # earlier than something that has certainly happened
    CLOCK_UNCONFIRMED = "clock-unconfirmed"  # plausible, and nobody vouches for it
    DISK_LOW = "disk-low"
    CANNOT_STORE = "cannot-store"
    NO_BROKER = "no-broker"


class CheckedItem(Model):
    """One thing that was tried."""

    item: str = Field(description="a device's name, or clock, disk or broker", examples=["printer-1"])
    kind: Literal["printer", "display", "panel", "phone", "clock", "disk", "broker"]
    ok: bool | None = Field(description="whether it is ready; null when it did not say, which is never as good as yes")
    state: Literal["ready", "degraded", "faulted", "absent", "unknown"]
    reasons: tuple[str, ...] = Field(description="reason codes, the most important first")
    detail: str = ""


class ReadinessReport(Model):
    """Topic ``readiness``: the last check of everything that visitors rely on (三提前: A art. 26)."""

    result: Result
    cause: Literal["opening", "command"] = Field(description="the check before opening, or one that was asked for")
    checked_at: AwareDatetime
    opens_at: AwareDatetime | None = Field(description="the opening that it was before; null for one asked for")
    items: tuple[CheckedItem, ...]

    @property
    def troubles(self) -> tuple[CheckedItem, ...]:
        """What keeps the kiosk from being called ready or unconfirmed."""
        return tuple(item for item in self.items if is_trouble(item))


CANNOT_SAY = frozenset({"never-answers", Shortcoming.CLOCK_UNCONFIRMED})
"""The reasons of silence that is no trouble: nothing can be asked that would break it."""


def is_trouble(item: CheckedItem) -> bool:
    """Whether somebody should look at it before the doors open. Silence counts, unless the thing can only be silent."""
    return item.ok is False or (item.ok is None and not CANNOT_SAY & set(item.reasons))


def judge(items: tuple[CheckedItem, ...]) -> Result:
    """What the items come to."""
    if any(map(is_trouble, items)):
        return "not-ready"
    return "ready" if all(item.ok for item in items) else "unconfirmed"

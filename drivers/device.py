"""What every device has in common: its condition, why it is so, and the errors a caller can act on.

    DeviceError            try again later: the supervisor closes the link and opens it anew
    └── LinkLost           the line itself is gone, or nothing moves on it any more

Anything else that leaves a driver is a bug, and is never caught.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class State(StrEnum):
    """How far a device can be relied on, as published in its retained status."""

    READY = "ready"
    DEGRADED = "degraded"  # works, and wants attention soon
    FAULTED = "faulted"  # attached and answering, cannot do its work
    ABSENT = "absent"  # cannot be opened, or does not answer any more
    UNKNOWN = "unknown"  # attached, and has not said how it is


class Reason(StrEnum):
    """Why a device is not simply ready. Published as they stand: part of the contract."""

    # the line
    NOT_PRESENT = "not-present"
    PERMISSION = "permission"
    BUSY = "busy"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    DISCONNECTED = "disconnected"
    NO_ANSWER = "no-answer"
    NOT_DRAINING = "not-draining"
    GARBLED = "garbled"
    WRONG_DEVICE = "wrong-device"
    UNSUPPORTED = "unsupported"
    NEVER_ANSWERS = "never-answers"  # a write-only device: not a fault, and no proof either
    # printers
    PAPER_NEAR_END = "paper-near-end"
    PAPER_END = "paper-end"
    COVER_OPEN = "cover-open"
    CUTTER_ERROR = "cutter-error"
    HEAD_HOT = "head-hot"
    RECOVERABLE_ERROR = "recoverable-error"
    UNRECOVERABLE_ERROR = "unrecoverable-error"
    FEED_BUTTON = "feed-button"
    OFFLINE = "offline"
    UNPRINTABLE = "unprintable"  # the text holds characters that this printer cannot print
    # displays
    REJECTED = "rejected"  # the controller said no; the detail carries its own code
    TOO_LONG = "too-long"
    SUPERSEDED = "superseded"  # a newer text took its place before it was sent
    UNSHOWABLE = "unshowable"  # the text holds characters that this display cannot show
    # panels
    KEY_STUCK = "key-stuck"
    # phones
    COMMAND_FAILED = "command-failed"
    # the daemon's own
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Condition:
    """A state with its reasons, most important first; `detail` is for people, never for programs."""

    state: State
    reasons: tuple[Reason, ...] = ()
    detail: str = ""


class DeviceError(Exception):
    """Something that may be better at the next attempt, with the reason that is published for it."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class LinkLost(DeviceError):
    """The line is gone. `sent` counts the bytes of the failed write that the operating system took."""

    def __init__(self, reason: Reason, detail: str = "", *, sent: int = 0) -> None:
        super().__init__(reason, detail)
        self.sent = sent


@runtime_checkable
class Checkable(Protocol):
    """A driver whose device can be asked how it is. The others know at any time, or never."""

    async def check(self) -> None:
        """Have the device say how it is, now, behind what it is doing; its condition is reported as always.

        Nobody at the device notices. Raises DeviceError when it is not there or does not answer.
        """
        ...


class Inquiries:
    """Who waits for a device to say how it is, for drivers that are `Checkable`."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody waits."""
        self._waiting = [one for one in self._waiting if not one.done()]
        return bool(self._waiting)

    def ask(self) -> asyncio.Future[None]:
        """One more who waits; to be awaited."""
        self._waiting.append(asyncio.get_running_loop().create_future())
        return self._waiting[-1]

    def answered(self) -> None:
        """The device has just said how it is."""
        for one in self._take():
            one.set_result(None)

    def failed(self, error: DeviceError) -> None:
        """It did not."""
        for one in self._take():
            one.set_exception(DeviceError(error.reason, error.detail))

    def _take(self) -> list[asyncio.Future[None]]:
        waiting, self._waiting = self._waiting, []
        return [one for one in waiting if not one.done()]


Report = Callable[[Condition], None]
"""What a driver calls whenever its device's condition may have changed. Called in the event loop.

A driver calls it first when the device has *answered*: that call, and nothing before it, resets the
supervisor's back-off. A device that never answers is reported `READY` with `NEVER_ANSWERS` once it is open.
"""

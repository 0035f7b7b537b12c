"""What any phone line tells the daemon. A phone is asked nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """How a call ended. Never guessed: without evidence of a lifted receiver it is `UNKNOWN`."""

    ANSWERED = "answered"  # the line reported off-hook
    MISSED = "missed"  # the line can report off-hook, and reported none before the ringing ended
    UNKNOWN = "unknown"  # this line cannot tell


@dataclass(frozen=True, slots=True)
class Ring:
    """The line rings for the `count`-th time in this call. `monotonic_s`: when this ring was read."""

    count: int
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class Caller:
    """The exchange named the caller: digits, or None with `withheld` (private) or not available."""

    number: str | None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Ringing is over. `ringing_s` from the first ring to the answer, or to the last ring seen."""

    answer: Answer
    rings: int
    ringing_s: float
    evidence: str = ""


PhoneEvent = Ring | Caller | CallEnded
Emit = Callable[[PhoneEvent], None]

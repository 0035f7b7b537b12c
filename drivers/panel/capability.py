"""What any rating panel tells the daemon, and what the daemon may ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Press:
    """A visitor pressed a key that stands for `level`: 5 very satisfied … 1 very dissatisfied.

    One press is one key going down: repeats of a held key are not presses. Contact bounce is passed on
    as it came: what counts as one rating is the daemon's rule, not the driver's.
    `monotonic_s` is the event loop's clock at the moment the driver read it.
    """

    level: int
    monotonic_s: float


Emit = Callable[[Press], None]


class Panel(Protocol):
    """A panel may be able to invite a rating, to thank and to stop waiting; where it cannot, these do nothing.

    Each raises DeviceError when the panel cannot be reached.
    """

    async def invite(self) -> None:
        """Ask the visitor for a rating (voice, lamps) where the panel can."""
        ...

    async def thank(self) -> None:
        """Tell the visitor that the rating was taken. Called only after it was stored."""
        ...

    async def dismiss(self) -> None:
        """Stop asking: the session ended without a rating."""
        ...

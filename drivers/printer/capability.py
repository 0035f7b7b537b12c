"""What the daemon may ask of any ticket printer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.device import Reason
from drivers.printer.page import Page

Progress = Callable[[int, int], None]
"""Told how many bytes have been sent, and of how many."""

Closing = Callable[[], Awaitable[object]]
"""Awaited before the bytes leave without which a slip cannot be whole."""


class Outcome(StrEnum):
    """What is known of a print job once the driver has done with it."""

    PRINTED = "printed"  # the printer itself said so
    UNCONFIRMED = "unconfirmed"  # every byte was sent, and the printer never said that it printed them
    FAILED = "failed"  # not, or not wholly, printed


class Evidence(StrEnum):
    """What the outcome `PRINTED` rests on, best first.

    A status question that overtakes the printer's buffer is none: "ready" says nothing of what waits in it.
    """

    PROCESS_ID = "process-id"  # GS ( H: the printer echoed the job's own id after printing it
    GS_R = "gs-r"  # the printer answered a question that stood behind the whole job in its buffer


class Leftover(StrEnum):
    """What a job that ended early may have left hanging from the printer."""

    HALF = "half"  # never a whole slip: it is marked void and cut off
    WHOLE = "whole"  # a slip that may be whole, and may be cut: it is cut off, and where it may be half, it says so


@dataclass(frozen=True, slots=True)
class PrintResult:
    """The outcome of one job. `evidence` is given with `PRINTED`, `reason` with `FAILED`.

    `paper` says whether paper with this slip's ink can have come out: it decides whether the job may be
    tried again without marking the second slip as a reprint. `sent` and `total` count bytes.
    """

    outcome: Outcome
    paper: bool
    sent: int
    total: int
    evidence: Evidence | None = None
    reason: Reason | None = None
    detail: str = ""

    @property
    def leftover(self) -> Leftover | None:
        """What the printer is to be rid of before it prints anything else."""
        if not self.paper or self.reason is None:
            return None
        return Leftover.HALF if self.outcome is Outcome.FAILED else Leftover.WHOLE


class Printer(Protocol):
    """A device that puts pages on paper, one at a time."""

    @property
    def columns(self) -> int:
        """How wide its paper is, in characters of single width: what a page for it is laid out on."""
        ...

    async def print_page(
        self, page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        """Print `page` and say what became of it. Never raises for what the device or the line does.

        Calls `progress` as the job moves. `closing` is awaited before the slip's last piece (its cut) leaves: whoever
        must know, after a crash, whether a slip can be whole writes it down there.

        Jobs are printed in the order of the calls. A page that this printer cannot print whole fails with
        `UNPRINTABLE` before a byte is sent.
        """
        ...

    def take_over(self, leftover: Leftover | None, cleared: Callable[[], None]) -> None:
        """Go on for a process that ended: `leftover` goes before anything else is printed. Called once, before `serve`
        where it is known by then.

        `cleared` is called, in the event loop, whenever the printer was rid of what a job had left.
        """
        ...

"""What the daemon may ask of any ticket printer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.device import Reason
from drivers.printer.page import Page


class Outcome(StrEnum):
    """What is known of a print job once the driver has done with it."""

    PRINTED = "printed"  # the printer itself said so
    UNCONFIRMED = "unconfirmed"  # every byte was sent, and the printer never said that it printed them
    FAILED = "failed"  # not, or not wholly, printed


class Evidence(StrEnum):
    """What the outcome `PRINTED` rests on, best first."""

    PROCESS_ID = "process-id"  # GS ( H: the printer echoed the job's own id after printing it
    GS_R = "gs-r"  # the printer answered a question that stood behind the whole job in its buffer
    STATUS = "status"  # ready with paper before, and again after everything had been sent


@dataclass(frozen=True, slots=True)
class PrintResult:
    """The outcome of one job.

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


class Printer(Protocol):
    """A device that puts pages on paper, one at a time."""

    async def print_page(self, page: Page, *, progress: Callable[[int, int], None] | None = None) -> PrintResult:
        """Print `page` and say what became of it. Never raises for what the device or the line does.

        Calls `progress(sent, total)` (bytes) as the job moves. Jobs are printed in the order of the calls.
        A page that this printer cannot print whole fails with `UNPRINTABLE` before a byte is sent.
        """
        ...

"""What an interrupted job leaves in a printer, and the bytes that rid it of that."""

from __future__ import annotations

from dataclasses import dataclass

from escpos import constants

from drivers.printer.capability import Leftover, PrintResult
from drivers.printer.escpos_layout import CUTS, Layout, void_slip

SHORT_COMMAND_BYTES = 16
"""No command lacks more outside a job: the questions have at most 11 bytes."""

UNKNOWN_COMMAND_BYTES = 4096
"""What a command may lack that another process was sending when it ended."""


@dataclass(frozen=True, slots=True)
class Debris:
    """A command that lacks at most `nuls` bytes, and what `removal` rids the printer of: a line begun, half a slip."""

    nuls: int
    removal: bytes


def debris_of(result: PrintResult, longest_piece: int, layout: Layout) -> Debris:
    """What the interrupted job with this `result` left."""
    return Debris(max(longest_piece, SHORT_COMMAND_BYTES), _removal(result.leftover, layout))


def debris_of_unknown(leftover: Leftover, layout: Layout) -> Debris:
    """What a job left of which nothing else is known."""
    return Debris(UNKNOWN_COMMAND_BYTES, _removal(leftover, layout))


def _removal(leftover: Leftover | None, layout: Layout) -> bytes:
    """Half a slip is marked void and cut off, one that may be whole is only cut off."""
    removal: bytes = constants.HW_INIT
    if leftover is not None:
        removal += void_slip(layout) if leftover is Leftover.HALF else CUTS[layout.cut]
    return removal

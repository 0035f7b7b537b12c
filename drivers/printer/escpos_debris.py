"""What an interrupted job leaves in a printer, and the bytes that rid it of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from escpos import constants

from drivers.printer.capability import Leftover, Outcome, PrintResult
from drivers.printer.escpos_layout import CUTS, unconfirmed_slip, void_slip
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_session import Session

SHORT_COMMAND_BYTES = 16
"""No command lacks more outside a job: the questions have at most 11 bytes."""

UNKNOWN_COMMAND_BYTES = 4096
"""What a command may lack that another process was sending when it ended."""


DOUBT_POLL_S = 1.0
"""How often a printer is asked that may still print what it cannot confirm: nobody changes a roll in less time."""


@dataclass(slots=True)
class _Remains:
    """A command that lacks at most `nuls` bytes, a line begun, and what hangs from the printer, if anything does."""

    nuls: int
    leftover: Leftover | None


class Debris:
    """What the jobs of one printer have left in it, through one session after another, until it is rid of it.

    Half a slip is marked void and cut off. So is, unmarked, one that lacks its cut at most: the printer said that it
    printed all before it. Of a printer that cannot say so, what looks like a slip may be half of one, and whoever
    holds it is told, below it. That may be needed long after the job's last byte: a fault within `doubt_s` of it is
    taken for one in the midst of it.
    """

    def __init__(self, layout: Layout, stall_s: float, doubt_s: float) -> None:
        self._layout = layout
        self._stall_s = stall_s
        self._doubt_s = doubt_s
        self._doubt_ends_s = 0.0
        self._remains: _Remains | None = None
        self._cleared: Callable[[], None] = _nobody

    def __bool__(self) -> bool:
        return self._remains is not None

    def take_over(self, leftover: Leftover | None, cleared: Callable[[], None]) -> None:
        """What the process before this one left; `cleared` is called whenever the printer is rid of something."""
        self._cleared = cleared
        if leftover is not None:
            self._remains = _Remains(UNKNOWN_COMMAND_BYTES, leftover)

    def note(self, result: PrintResult, longest_piece: int, now_s: float) -> None:
        """A job, no piece of which was longer, has ended with `result`."""
        if result.reason is not None and result.sent:
            self._remains = _Remains(max(longest_piece, SHORT_COMMAND_BYTES), result.leftover)
        elif result.outcome is Outcome.UNCONFIRMED:
            self._doubt_ends_s = now_s + self._doubt_s

    def may_still_print(self, now_s: float) -> bool:
        """Whether the last job, never confirmed, may be on its way to paper."""
        return now_s < self._doubt_ends_s

    def fault_seen(self, now_s: float) -> None:
        """A fault was seen, or the line lost, while there was no job: the last may have been on its way to paper."""
        if self._remains is None and self.may_still_print(now_s):
            self._remains = _Remains(SHORT_COMMAND_BYTES, Leftover.WHOLE)

    async def end_command(self, session: Session) -> None:
        """End a command that would take what follows for its data, and drop a line begun."""
        if self._remains is not None:
            await session.deliver(bytes(self._remains.nuls) + constants.HW_INIT, self._stall_s)
            self._remains.nuls = 0

    async def clear_away(self, session: Session) -> None:
        """Rid the printer of all of it. What it can say must be known by now, if it is ever asked."""
        if self._remains is None:
            return
        await self.end_command(session)
        await session.deliver(self._removal(self._remains.leftover, session), self._stall_s)
        self._remains = None
        self._doubt_ends_s = 0.0
        self._cleared()

    def _removal(self, leftover: Leftover | None, session: Session) -> bytes:
        match leftover:
            case None:
                return b""
            case Leftover.HALF:
                return void_slip(self._layout)
            case Leftover.WHOLE:
                body_seen = session.abilities.evidence is not None
                return CUTS[self._layout.cut] if body_seen else unconfirmed_slip(self._layout)


def _nobody() -> None:
    """Nobody asked to be told."""

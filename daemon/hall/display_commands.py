"""The commands of boards."""

from __future__ import annotations

from daemon.commands import Command, DisplayShow, Refusal, Request
from daemon.hall.effects import Begin, Effect, Handlers
from daemon.hall.premises import Premises
from daemon.refused import expect_one_of
from daemon.store.database import Transaction


class DisplayCommands:
    """What is asked of the boards."""

    def __init__(self, premises: Premises) -> None:
        self._boards = premises.desks.boards

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {DisplayShow: self._show}

    def at_once(self, command: Command, request: Request) -> Begin | None:
        """For a command that only sets what is shown: what its effect's `after` does, for before the commit.

        Showing a text again does no harm, so the board need not wait for the disk; its outcome and the reply do.
        """
        if isinstance(command, DisplayShow) and command.display in self._boards:
            board = self._boards[command.display]
            return lambda recorded=None: board.show(command.text, request.id, recorded)
        return None

    def _show(self, _: Transaction, command: DisplayShow, request: Request) -> Effect:
        board = expect_one_of(self._boards, "display", command.display, Refusal.UNKNOWN_DISPLAY)
        return Effect(final=False, after=lambda: board.show(command.text, request.id))

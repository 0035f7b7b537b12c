"""The commands of ratings: sessions opened and ended by a counter."""

from __future__ import annotations

from daemon import ratings
from daemon.commands import RatingCancel, RatingOpen, Request
from daemon.database import Transaction
from daemon.effects import Effect, Handlers
from daemon.premises import Premises


class RatingCommands:
    """What is asked of the counters' panels."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {RatingOpen: self._open, RatingCancel: self._cancel}

    def _open(self, transaction: Transaction, command: RatingOpen, _: Request) -> Effect:
        desk = self._premises.rating_desk(command.counter)
        session = ratings.open_session(transaction, command.counter, None)
        return Effect({"session": session}, after=lambda: desk.opened(session))

    def _cancel(self, transaction: Transaction, command: RatingCancel, _: Request) -> Effect:
        desk = self._premises.rating_desk(command.counter)
        ratings.cancel_session(transaction, command.counter)
        return Effect(after=desk.dismissed)

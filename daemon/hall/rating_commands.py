"""The commands of ratings: sessions opened and ended by a counter, and the follow-ups of bad ones closed."""

from __future__ import annotations

from daemon import followups, ratings, tickets
from daemon.commands import FollowupClose, RatingCancel, RatingOpen, Request
from daemon.hall.effects import Effect, Handlers
from daemon.hall.premises import Premises
from daemon.store.database import Transaction


class RatingCommands:
    """What is asked of the counters' panels, and of those who look into bad ratings."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {RatingOpen: self._open, RatingCancel: self._cancel, FollowupClose: self._close}

    def _open(self, transaction: Transaction, command: RatingOpen, _: Request) -> Effect:
        desk = self._premises.rating_desk(command.counter)
        if command.ticket is not None:
            tickets.known(transaction, command.ticket)
        session = ratings.open_session(transaction, command.counter, command.ticket, command.item)
        return Effect({"session": session}, after=lambda: desk.opened(session))

    def _cancel(self, transaction: Transaction, command: RatingCancel, _: Request) -> Effect:
        desk = self._premises.rating_desk(command.counter)
        ratings.cancel_session(transaction, command.counter)
        return Effect(after=desk.dismissed)

    def _close(self, transaction: Transaction, command: FollowupClose, _: Request) -> Effect:
        followups.close_followup(transaction, command.followup, command.result, command.by)
        return Effect({"followup": command.followup})

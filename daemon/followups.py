"""Follow-ups: what each bad rating must have, from the moment it comes in until somebody has dealt with it (好差评).

An open follow-up is an open alert `bad-rating`, so it is seen wherever alerts are, and after a restart too. Its id is
of its own and in no reply to a counter: only the event ``rating.submitted``, which is for supervision, says which
session it is of.
"""

from __future__ import annotations

from daemon.alerts.alerts import clear_alert, raise_alert
from daemon.commands import Refusal
from daemon.events import Alert, FollowupClosed, FollowupDropped, FollowupOpened
from daemon.events.alert_figures import BadRating
from daemon.refused import Refused
from daemon.store.database import Transaction

BAD_LEVELS = (1, 2)
"""Dissatisfied and very dissatisfied: both must be followed up."""

OPEN_MAX = 1000
"""With more open ones than this nobody follows up anything: the oldest is given up, and an event says so."""


def open_followup(transaction: Transaction, counter: str, level: int) -> str:
    """A bad rating came in at `counter`: open its follow-up, and raise the alert. Returns the follow-up's id."""
    _make_room(transaction)
    followup = transaction.insert(
        "INSERT INTO followup (counter, level, opened_at) VALUES (?, ?, ?)",
        *(counter, level, transaction.now.timestamp()),
    )
    transaction.emit(FollowupOpened(followup=str(followup), counter=counter, level=level))
    raise_alert(transaction, Alert.BAD_RATING, str(followup), BadRating(level=level, counter=counter))
    return str(followup)


def close_followup(transaction: Transaction, followup: str, result: str, by: str) -> None:
    """Somebody has dealt with it; raises Refused when there is no such follow-up, or it was closed already."""
    found = transaction.row("SELECT id, counter, level, opened_at, closed_at FROM followup WHERE id = ?", followup)
    if found is None:
        raise Refused(Refusal.UNKNOWN_FOLLOWUP, f"no follow-up {followup}")
    number, counter, level, opened_at, closed_at = found
    if closed_at is not None:
        raise Refused(Refusal.FOLLOWUP_CLOSED, f"follow-up {followup} was closed already")
    open_s = round(max(0.0, transaction.now.timestamp() - opened_at), 3)
    _close(transaction, number)
    about = {"followup": str(number), "counter": counter, "level": level}
    transaction.emit(FollowupClosed(**about, result=result, by=by, open_s=open_s))


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: what came in by the wrong time, `since` to `until`, was not open for years."""
    for column in ("opened_at", "closed_at"):
        sql = f"UPDATE followup SET {column} = {column} + ? WHERE {column} BETWEEN ? AND ?"  # noqa: S608
        transaction.write(sql, by_s, since, until)


def _make_room(transaction: Transaction) -> None:
    still_open = "FROM followup WHERE closed_at IS NULL"
    ((count,),) = transaction.rows(f"SELECT count(*) {still_open}")
    oldest = f"SELECT id, counter, level {still_open} ORDER BY id LIMIT ?"
    for number, counter, level in transaction.rows(oldest, max(0, count - OPEN_MAX + 1)):
        _close(transaction, number)
        transaction.emit(FollowupDropped(followup=str(number), counter=counter, level=level))


def _close(transaction: Transaction, number: int) -> None:
    transaction.write("UPDATE followup SET closed_at = ? WHERE id = ?", transaction.now.timestamp(), number)
    clear_alert(transaction, Alert.BAD_RATING, str(number))

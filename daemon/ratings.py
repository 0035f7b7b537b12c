"""Ratings: one a session, the first press counts, no rating is never a good one (G 六.4 and 好差评 practice)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from typing import Literal

from daemon.commands import Refusal
from daemon.events import RatingLapsed, RatingOpened, RatingRepeated, RatingSubmitted, RatingUnsolicited
from daemon.events.base import ERASED
from daemon.followups import BAD_LEVELS, open_followup
from daemon.refused import Refused
from daemon.store.database import Transaction

Reason = Literal["timed-out", "cancelled", "replaced"]

_OPEN = "SELECT id, ticket, item, opened_at FROM rating_session WHERE counter = ? AND state = 'open'"
_RATE = (
    "UPDATE rating_session SET state = 'rated', level = ? WHERE counter = ? AND state = 'open'"
    " RETURNING id, ticket, item, opened_at"
)
_RATED = "SELECT id FROM rating_session WHERE id = ? AND counter = ? AND state = 'rated'"


def open_session(transaction: Transaction, counter: str, ticket: str | None, item: str | None = None) -> str:
    """Open a rating session; one that is still open at this counter lapses. Returns the session's id.

    Raises Refused when the item, or without one the ticket, has had its rating (一次一评).
    """
    if is_rated(transaction, counter, ticket, item):
        what = "the item" if item is not None else f"ticket {ticket}"  # the answer is kept: it names no item
        raise Refused(Refusal.ALREADY_RATED, f"{what} was rated, or is being rated at another counter")
    close_session(transaction, counter, "replaced")
    session = transaction.insert(
        "INSERT INTO rating_session (counter, ticket, item, opened_at, state) VALUES (?, ?, ?, ?, 'open')",
        *(counter, ticket, item, transaction.now.timestamp()),
    )
    transaction.emit(RatingOpened(session=str(session), counter=counter, ticket=ticket, item=item))
    return str(session)


def is_rated(transaction: Transaction, counter: str, ticket: str | None, item: str | None = None) -> bool:
    """Whether the item, or without one the ticket, has its one rating, or may get it at a counter other than this."""
    which, values = ("ticket", [ticket]) if item is None else ("item", [item, _mark(transaction, item)])
    sql = (
        f"SELECT 1 FROM rating_session WHERE {which} IN (?, ?)"  # noqa: S608
        " AND (state = 'rated' OR state = 'open' AND counter != ?) LIMIT 1"
    )
    return transaction.row(sql, values[0], values[-1], counter) is not None


def close_session(transaction: Transaction, counter: str, reason: Reason, *, only: str | None = None) -> bool:
    """End the counter's open session without a rating; False when none is open, or not the one that `only` names."""
    found = transaction.row(_OPEN, counter)
    if found is None or only not in (None, str(found[0])):
        return False
    session, ticket, item, _ = found
    transaction.write("UPDATE rating_session SET state = 'lapsed' WHERE id = ?", session)
    about = {"session": str(session), "counter": counter, "ticket": ticket, "item": _told(item)}
    transaction.emit(RatingLapsed(**about, reason=reason))
    return True


def cancel_session(transaction: Transaction, counter: str) -> None:
    """As `close_session`, for a command: raises Refused when no session is open."""
    if not close_session(transaction, counter, "cancelled"):
        raise Refused(Refusal.NO_SESSION, f"no rating is open at counter {counter}")


def session_to_resume(transaction: Transaction, counter: str, timeout_s: float) -> str | None:
    """After a restart: the session that is open at `counter`. One whose time is over by now ends instead."""
    found = transaction.row(_OPEN, counter)
    if found is None:
        return None
    session, _, _, opened_at = found
    if 0 <= transaction.now.timestamp() - opened_at < timeout_s:
        return str(session)
    close_session(transaction, counter, "timed-out")
    return None


def close_unattended(transaction: Transaction, counters: Collection[str]) -> None:
    """End the sessions at all but `counters`: nobody can rate where there is no panel any more."""
    for (counter,) in transaction.rows("SELECT DISTINCT counter FROM rating_session WHERE state = 'open'"):
        if counter not in counters:
            close_session(transaction, counter, "cancelled")


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: a session opened by the wrong time, `since` to `until`, moves with it.

    Else the visitor would have taken years to rate, and what was rated would be forgotten as too old, and rated twice.
    """
    sql = "UPDATE rating_session SET opened_at = opened_at + ? WHERE opened_at BETWEEN ? AND ?"
    transaction.write(sql, by_s, since, until)


def erase_items(transaction: Transaction, *, ticket: str | None = None, item: str | None = None) -> int:
    """Forget the items that were handled with `ticket`, or the `item` itself; how many sessions named any.

    What was rated stays settled: a mark is left, made with a key that never leaves this database, by which the item is
    known again when somebody names it, and by nothing else.
    """
    which, value = ("ticket", ticket) if item is None else ("item", item)
    sql = f"SELECT id, item FROM rating_session WHERE {which} = ? AND item NOT LIKE ?"  # noqa: S608
    found = transaction.rows(sql, value, f"{_MARKED}%")
    for session, named in found:
        mark = _mark(transaction, named, make_key=True)
        transaction.write("UPDATE rating_session SET item = ? WHERE id = ?", mark, session)
    return len(found)


_MARKED = "#"
"""What a mark begins with, and no item can: `daemon.model.ID_PATTERN`."""

_KEY = "item-key"


def _mark(transaction: Transaction, item: str, *, make_key: bool = False) -> str | None:
    """What stands for `item` once it is erased; None when nothing was ever erased, unless a key is to be made."""
    key = transaction.meta(_KEY)
    if key is None and make_key:
        key = secrets.token_hex(32)
        transaction.set_meta(_KEY, key)
    if key is None:
        return None
    return _MARKED + hashlib.blake2b(item.encode(), key=bytes.fromhex(key), digest_size=16).hexdigest()


def _told(item: str | None) -> str | None:
    return ERASED if item is not None and item.startswith(_MARKED) else item


def submit(transaction: Transaction, counter: str, panel: str, level: int, *, session: str | None) -> bool:
    """A press that is no bounce. True when it is the rating of the counter's open session.

    `session`: the one whose time is not over; when it was rated already, a further press repeats its rating.
    """
    found = transaction.row(_RATE, level, counter)
    if found is not None:
        _rated(transaction, counter, level, *found)
        return True
    if session is not None and transaction.row(_RATED, session, counter) is not None:
        transaction.emit(RatingRepeated(session=session, counter=counter, level=level))
    else:
        transaction.emit(RatingUnsolicited(panel=panel, counter=counter, level=level))
    return False


def _rated(
    transaction: Transaction,
    counter: str,
    level: int,
    session: int,
    ticket: str | None,
    item: str | None,
    opened_at: float,
) -> None:
    after_s = round(max(0.0, transaction.now.timestamp() - opened_at), 3)
    followup = open_followup(transaction, counter, level) if level in BAD_LEVELS else None
    what = {"session": str(session), "counter": counter, "ticket": ticket, "item": _told(item)}
    transaction.emit(RatingSubmitted(**what, level=level, after_s=after_s, followup=followup))

"""Keeps the database bounded in days and bytes. What was never sent goes last, and an event says what went."""

from __future__ import annotations

from datetime import timedelta

from daemon.events import EventsDropped
from daemon.store.database import Transaction

DAY_S = 86_400.0

NUMBERING_DAYS = 400
"""A clock that is set back by less than this gives no number of a day again."""

REMEMBER_IDS_S = 30 * DAY_S
"""How long at most the id of a command with a deadline far ahead is remembered, before the days that all is kept."""

NOTICED_S = 3600.0
"""What is kept for days is as good an hour earlier or later: a clock that is set by less touches no row."""

MOVED_MAX = 20_000
"""Events whose times are moved with the clock: those of some days."""

CHUNK = 2_000
"""Rows taken away in one change, so that a press never waits long behind it."""

NEWS = f"event/{EventsDropped.NOUN}/{EventsDropped.VERB}"
"""The topic of what is never dropped: it says what was."""


def forget_old(transaction: Transaction, keep_days: int) -> int:
    """Take away up to a chunk of what is older than `keep_days` and settled; how many rows went."""
    before = transaction.now.timestamp() - keep_days * DAY_S
    numbered_before = (transaction.now - timedelta(days=NUMBERING_DAYS)).date().isoformat()
    transaction.write("DELETE FROM numbering WHERE day < ?", numbered_before)
    return sum(transaction.write(sql, before, CHUNK) for sql in _OLD)


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: what was sent, answered or ended by the wrong time, `since` to `until`, is as old as
    before. Else the last minutes of a kiosk that came up in 1970 would be forgotten at once, ids of commands too.

    Of events the latest alone: a press does not wait until hundreds of megabytes are written anew.
    """
    if abs(by_s) < NOTICED_S:
        return
    for table, column in _STAMPS:
        sql = f"UPDATE {table} SET {column} = {column} + ? WHERE {column} BETWEEN ? AND ?"  # noqa: S608
        transaction.write(sql, by_s, since, until)
    transaction.write(
        "UPDATE event SET sent_at = sent_at + ? WHERE sent_at BETWEEN ? AND ?"
        " AND sequence > (SELECT coalesce(max(sequence), 0) - ? FROM event)",
        *(by_s, since, until, MOVED_MAX),
    )


def make_room(transaction: Transaction, max_bytes: int) -> int:
    """Take away up to a chunk of rows while the database holds more than `max_bytes`; how many rows went.

    First the oldest events that were sent, then everything else that is settled, then what was never sent.
    """
    if transaction.used_bytes() <= max_bytes:
        return 0
    return transaction.write(_OLDEST_SENT, CHUNK) or forget_old(transaction, 0) or _drop_unsent(transaction)


def _drop_unsent(transaction: Transaction) -> int:
    oldest = "SELECT sequence FROM event WHERE topic != ? ORDER BY sequence LIMIT ?"
    sequences = [row[0] for row in transaction.rows(oldest, NEWS, CHUNK)]
    if not sequences:
        return 0
    transaction.write("DELETE FROM event WHERE sequence <= ? AND topic != ?", sequences[-1], NEWS)
    transaction.emit(EventsDropped(first_sequence=sequences[0], last_sequence=sequences[-1], count=len(sequences)))
    return len(sequences)


_OLDEST_SENT = """
    DELETE FROM event WHERE sequence IN (
        SELECT sequence FROM event WHERE sent_at IS NOT NULL ORDER BY sequence LIMIT ?
    )"""

_SETTLED = (
    ("event", "sequence", "sent_at"),
    (
        "command",
        "id",
        f"CASE WHEN reply IS NOT NULL THEN min(max(deadline, taken_at), taken_at + {REMEMBER_IDS_S}) END",
    ),
    ("ticket", "id", "ended_at"),
    ("print_job", "id", "CASE WHEN state NOT IN ('queued', 'printing') THEN deadline END"),
    ("rating_session", "id", "CASE WHEN state != 'open' THEN opened_at END"),
    ("followup", "id", "closed_at"),
    ("phone_call", "id", "CASE WHEN state != 'ringing' THEN began_at END"),
)
"""Table, its key, and since when a row is settled: NULL as long as it is not."""

_STAMPS = (
    ("command", "taken_at"),
    ("command", "answered_at"),
    ("ticket", "ended_at"),
    ("phone_call", "began_at"),
)
"""What says how old something is, and moves with the clock for no other reason; so does `event.sent_at`."""

_OLD = tuple(
    f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {since} < ? LIMIT ?)"  # noqa: S608
    for table, key, since in _SETTLED
)

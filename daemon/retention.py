"""Keeps the database bounded in days and bytes. What was never sent goes last, and an event says what went."""

from __future__ import annotations

from daemon.database import Transaction
from daemon.events import EventsDropped

DAY_S = 86_400.0
CHUNK = 2_000
"""Rows taken away in one change, so that a press never waits long behind it."""


def forget_old(transaction: Transaction, keep_days: int) -> int:
    """Take away up to a chunk of what is older than `keep_days` and settled; how many rows went."""
    before = transaction.now.timestamp() - keep_days * DAY_S
    return sum(transaction.write(sql, before, CHUNK) for sql in _OLD)


def make_room(transaction: Transaction, max_bytes: int) -> int:
    """Take away up to a chunk of events, oldest first, while the database holds more than `max_bytes`."""
    if transaction.used_bytes() <= max_bytes:
        return 0
    gone = transaction.write(_OLDEST_SENT, CHUNK)
    return gone or _drop_unsent(transaction)


def _drop_unsent(transaction: Transaction) -> int:
    sequences = [row[0] for row in transaction.rows("SELECT sequence FROM event ORDER BY sequence LIMIT ?", CHUNK)]
    if len(sequences) < 2:
        return 0  # what is left is the news of what was dropped
    transaction.write("DELETE FROM event WHERE sequence <= ?", sequences[-1])
    transaction.emit(EventsDropped(first_sequence=sequences[0], last_sequence=sequences[-1], count=len(sequences)))
    return len(sequences)


_OLDEST_SENT = """
    DELETE FROM event WHERE sequence IN (
        SELECT sequence FROM event WHERE sent_at IS NOT NULL ORDER BY sequence LIMIT ?
    )"""

_SETTLED = (
    ("event", "sequence", "sent_at"),
    ("command", "id", "CASE WHEN reply IS NOT NULL THEN max(deadline, taken_at) END"),
    ("ticket", "id", "ended_at"),
    ("print_job", "id", "CASE WHEN state NOT IN ('queued', 'printing') THEN deadline END"),
    ("rating_session", "id", "CASE WHEN state != 'open' THEN opened_at END"),
    ("phone_call", "id", "CASE WHEN state != 'ringing' THEN began_at END"),
)
"""Table, its key, and since when a row is settled: NULL as long as it is not."""

_OLD = tuple(
    f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {since} < ? LIMIT ?)"  # noqa: S608
    for table, key, since in _SETTLED
)

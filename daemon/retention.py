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
    if not sequences:
        return 0
    transaction.write("DELETE FROM event WHERE sequence <= ?", sequences[-1])
    transaction.emit(EventsDropped(first_sequence=sequences[0], last_sequence=sequences[-1], count=len(sequences)))
    return len(sequences)


_OLDEST_SENT = (
    "DELETE FROM event WHERE sequence IN"
    " (SELECT sequence FROM event WHERE sent_at IS NOT NULL ORDER BY sequence LIMIT ?)"
)

_OLD = (
    "DELETE FROM event WHERE sequence IN (SELECT sequence FROM event WHERE sent_at < ? ORDER BY sequence LIMIT ?)",
    "DELETE FROM command WHERE id IN"
    " (SELECT id FROM command WHERE reply IS NOT NULL AND max(deadline, taken_at) < ? LIMIT ?)",
    "DELETE FROM ticket WHERE id IN (SELECT id FROM ticket WHERE ended_at < ? LIMIT ?)",
    "DELETE FROM print_job WHERE id IN (SELECT id FROM print_job"
    " WHERE state NOT IN ('queued', 'printing') AND deadline < ? LIMIT ?)",
    "DELETE FROM rating_session WHERE id IN (SELECT id FROM rating_session"
    " WHERE state != 'open' AND opened_at < ? LIMIT ?)",
    "DELETE FROM phone_call WHERE id IN (SELECT id FROM phone_call WHERE state != 'ringing' AND began_at < ? LIMIT ?)",
)

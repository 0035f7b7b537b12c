"""Events as they stand in the store, read by sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from daemon.commands import Refusal
from daemon.commands.events import REPLAY_MAX, EventsReplay
from daemon.envelope import StoredEvent
from daemon.refused import Refused
from daemon.store.database import Transaction


class Span(NamedTuple):
    """Events without a gap, from the sequence `first` to `last`, both of them included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def span_of(transaction: Transaction, command: EventsReplay) -> Span:
    """The events that `command` asks for, all of which are kept; raises Refused."""
    newest = _newest(transaction)
    first, last = command.from_sequence, min(command.to_sequence, newest)
    if command.limit is not None:
        last = min(last, first + command.limit - 1)
    span = Span(first, last)
    if span.size <= 0:
        raise Refused(Refusal.RANGE_EMPTY, f"no event from {first} to {command.to_sequence}; the newest is {newest}")
    if span.size > REPLAY_MAX:
        raise Refused(Refusal.RANGE_TOO_LARGE, f"{span.size} events; at most {REPLAY_MAX} at a time")
    _expect_kept(transaction, span)
    return span


def _newest(transaction: Transaction) -> int:
    found = transaction.row("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    return int(found[0]) if found else 0


def _expect_kept(transaction: Transaction, span: Span) -> None:
    """Never a part for the whole: what is sent again closes a gap for certain, or is not begun."""
    ((kept, oldest),) = transaction.rows(
        "SELECT count(*), min(sequence) FROM event WHERE sequence BETWEEN ? AND ?", *span
    )
    if kept < span.size:
        since = f"; the oldest of the range that is kept is {oldest}" if kept else ""
        raise Refused(Refusal.EVENTS_GONE, f"{span.size - kept} of {span.size} events are not kept any more{since}")


def read_span(transaction: Transaction, span: Span) -> Sequence[StoredEvent] | None:
    """The events of `span` in order; None when they are not all kept any more."""
    sql = "SELECT sequence, topic, payload FROM event WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
    events = [StoredEvent(*row) for row in transaction.rows(sql, *span)]
    return events if len(events) == span.size else None

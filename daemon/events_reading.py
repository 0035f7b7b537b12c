"""Stored events found by what they are about, read from a database that a daemon may be writing to."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.store.database_file import open_to_read

BATCH = 1000
"""Rows read at a time. Each batch is a reading of its own: one that stays open keeps SQLite from emptying its log,
however long somebody looks at a page of the output.
"""

DEVICE_FIELDS = ("device", "printer", "display", "panel", "phone")
"""Where the data of events names a device."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; what is None or empty asks nothing. `kinds` are nouns or types: ticket, ticket.called.

    `since` is part of the time, `until` is not; both have an offset from UTC.
    """

    kinds: tuple[str, ...] = ()
    ticket: str | None = None
    counter: str | None = None
    device: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    first: int | None = None
    last: int | None = None
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """A stored event. `sent_at` is a unix time; None while no broker has acknowledged it. `refused`: a broker's no."""

    sequence: int
    payload: bytes
    event: dict[str, Any]
    sent_at: float | None
    refused: str | None

    @property
    def kind(self) -> str:
        """Such as ``ticket.called``."""
        return str(self.event["type"]).removeprefix("kioskd.")


def find(path: Path, wanted: Filter) -> Iterator[FoundEvent]:
    """The events in the database at `path`, in order; raises Fault. What is committed meanwhile may be among them."""
    after = (wanted.first or 1) - 1
    while rows := _read(path, after, wanted):
        after = rows[-1][0]
        for row in rows:
            found = _open(*row)
            if _fits(found, wanted):
                yield found


def find_latest(path: Path, wanted: Filter, count: int) -> Iterator[FoundEvent]:
    """The last `count` of them, in order."""
    return iter(deque(find(path, wanted), maxlen=count))


def _read(path: Path, after: int, wanted: Filter) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT sequence, payload, sent_at, refused FROM event"
        " WHERE sequence > ? AND sequence <= ? AND (sent_at IS NULL OR NOT ?) ORDER BY sequence LIMIT ?"
    )
    last = wanted.last if wanted.last is not None else 2**63 - 1
    with open_to_read(path) as reader:
        return reader.rows(sql, after, last, wanted.unsent, BATCH)


def _open(sequence: int, payload: bytes, sent_at: float | None, refused: str | None) -> FoundEvent:
    return FoundEvent(sequence, payload, json.loads(payload), sent_at, refused)


def _fits(found: FoundEvent, wanted: Filter) -> bool:
    data = found.event["data"]
    return (
        (not wanted.kinds or bool({found.kind, found.kind.partition(".")[0]} & set(wanted.kinds)))
        and wanted.ticket in (None, data.get("ticket"))
        and wanted.counter in (None, data.get("counter"))
        and (wanted.device is None or wanted.device in map(data.get, DEVICE_FIELDS))
        and _in_time(datetime.fromisoformat(found.event["time"]), wanted)
    )


def _in_time(time: datetime, wanted: Filter) -> bool:
    return (wanted.since is None or time >= wanted.since) and (wanted.until is None or time < wanted.until)

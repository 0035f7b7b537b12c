"""The open database under the store: its tables brought up to date, and one change at a time. For one thread."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from daemon.clock import Clock
from daemon.envelope import StoredEvent, seal
from daemon.events import Event
from daemon.store.schema import MIGRATIONS, VERSION

PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {4 << 20}",
    "secure_delete = ON",  # what is erased on request is not to be found in the file
    "cache_size = -1024",  # KiB: a kiosk has little memory and few rows
)


class Fault(Exception):
    """SQLite could not do it; nothing of the transaction was stored."""


class Unavailable(Fault):
    """No transaction could even begin: nothing that was to be done in it is to blame."""


def result_code(error: BaseException | None) -> int:
    """SQLite's primary result code; 0 for what is no error of SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _faults() -> Iterator[None]:
    """What the disk does wrong is a Fault; what a statement does wrong is a bug, and stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        if result_code(error) == sqlite3.SQLITE_ERROR:
            raise  # no such table, a syntax error
        raise Fault(str(error)) from error


class Transaction:
    """What a change may do: read and write rows, and emit events that are stored with them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.events: list[StoredEvent] = []
        self._undone = False

    @property
    def now(self) -> datetime:
        """The time of day of this change."""
        return self._connection.clock.now()

    @property
    def monotonic_s(self) -> float:
        """Seconds that never jump, and mean nothing after a restart of the machine."""
        return self._connection.clock.monotonic_s()

    @property
    def undone(self) -> bool:
        return self._undone

    def undo(self) -> None:
        """Take back everything this change did."""
        self._undone = True
        self.events = []

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with _faults():
            return self._connection.raw.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        with _faults():
            found: tuple[Any, ...] | None = self._connection.raw.execute(sql, values).fetchone()
        return found

    def write(self, sql: str, *values: Any) -> int:
        """Run one statement; the number of rows it changed."""
        with _faults():
            return self._connection.raw.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Insert one row; its row id."""
        with _faults():
            return self._connection.raw.execute(sql, values).lastrowid or 0

    def emit(self, event: Event, *, at: datetime | None = None) -> None:
        """Store `event` with the next sequence number. `at`: when it happened, if not now.

        What reacts to it does so first: its own events come before this one.
        """
        for react in self._connection.reactions:
            react(self, event)
        with _faults():
            stored = self._connection.store_event(event, at or self.now)
        self.events.append(stored)

    def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        """Up to `limit` unacknowledged events above sequence `after`, in order."""
        sql = "SELECT sequence, topic, payload FROM event WHERE sent_at IS NULL AND sequence > ? ORDER BY 1 LIMIT ?"
        return [StoredEvent(*row) for row in self.rows(sql, after, limit)]

    def note_sent(self, sequences: Sequence[int]) -> None:
        """A broker has acknowledged these."""
        sent_at = self.now.timestamp()
        sql = "UPDATE event SET sent_at = ?, refused = NULL WHERE sequence = ?"
        with _faults():
            self._connection.raw.executemany(sql, [(sent_at, sequence) for sequence in sequences])

    def note_refused(self, sequence: int, reason: str) -> None:
        """A broker refused this one."""
        self.write("UPDATE event SET refused = ? WHERE sequence = ?", reason, sequence)

    def empty_log(self) -> None:
        """Once this is committed, move the write-ahead log into the file and empty it, if nobody reads from it."""
        self._connection.empties_log = True

    @property
    def log_emptied(self) -> bool:
        """Whether the last `empty_log` was done."""
        return self._connection.log_emptied

    def used_bytes(self) -> int:
        """The size of what the database holds, without the room it keeps for reuse."""
        rows = [self.row(f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size")]
        pages, free, page_bytes = (int(row[0]) if row else 0 for row in rows)
        return (pages - free) * page_bytes

    def meta(self, key: str) -> str | None:
        """A value kept about the database itself."""
        found = self.row("SELECT value FROM meta WHERE key = ?", key)
        return found[0] if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value about the database itself."""
        self.write("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)


Reaction = Callable[[Transaction, Event], None]
"""What is done about every event, in its transaction, without the rules that emit it knowing."""


Last = Callable[[Transaction], None]
"""What is done last in a transaction: not in one that changes nothing, while the disk takes nothing."""


class First(Protocol):
    """What is done first in a transaction, before any change."""

    def is_due(self, clock: Clock, /) -> bool:
        """Whether there may be anything to do: most transactions need not wait for it."""
        ...

    def __call__(self, transaction: Transaction, /) -> Last | None:
        """Do it; what is to be done last, if anything is."""
        ...


class Connection:
    """An open database, inside a transaction. `after` is the sequence number that a new database goes on from."""

    def __init__(
        self,
        raw: sqlite3.Connection,
        *,
        source: str,
        clock: Clock,
        after: int = 0,
        reactions: Sequence[Reaction] = (),
    ) -> None:
        self.raw = raw
        self.clock = clock
        self.reactions = reactions
        self.empties_log = False
        self.log_emptied = False
        self._source = source
        version = self._check_version()  # before anything of it is changed
        for pragma in PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")
        self._migrate(version)
        self._epoch = self._read_epoch()
        found = raw.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        self.sequence: int = found[0] if found else after

    def _check_version(self) -> int:
        version = int(self.raw.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            known = f"this kioskd knows up to {VERSION}: install a newer kioskd"
            raise Unavailable(f"the database is of version {version}, {known}")
        return version

    def _migrate(self, version: int) -> None:
        for number in range(version, VERSION):
            self.raw.executescript(f"BEGIN; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")

    def _read_epoch(self) -> str:
        found = self.raw.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if found:
            return str(found[0])
        epoch = secrets.token_hex(4)
        self.raw.execute("INSERT INTO meta VALUES ('epoch', ?)", (epoch,))
        return epoch

    @contextmanager
    def savepoint(self) -> Iterator[Transaction]:
        """One change: all of it, or nothing when it was undone."""
        sequence = self.sequence
        transaction = Transaction(self)
        self.raw.execute("SAVEPOINT change")
        yield transaction
        if transaction.undone:
            self.sequence = sequence
            self.raw.execute("ROLLBACK TO change")
        self.raw.execute("RELEASE change")

    def store_event(self, event: Event, at: datetime) -> StoredEvent:
        """Give `event` the next sequence number and store it."""
        stored = seal(event, sequence=self.sequence + 1, epoch=self._epoch, source=self._source, time=at)
        self.raw.execute(
            "INSERT INTO event (sequence, topic, payload) VALUES (?, ?, ?)",
            (stored.sequence, stored.topic, stored.payload),
        )
        self.sequence = stored.sequence
        return stored

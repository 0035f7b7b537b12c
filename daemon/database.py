"""The database under the store: opening, migrating, and one transaction at a time. Used in the writer thread only."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.clock import Clock
from daemon.envelope import StoredEvent, seal
from daemon.events import Event, StoreReplaced
from daemon.schema import MIGRATIONS, VERSION

log = logging.getLogger(__name__)

REOPEN_S = 2.0
"""How long a database that could not be opened is left alone."""

JOURNAL_LIMIT_BYTES = 4 << 20


class Fault(Exception):
    """SQLite could not do it; nothing of the transaction was stored."""


@contextmanager
def _faults() -> Iterator[None]:
    """What the disk does wrong is a Fault; what a statement does wrong is a bug, and stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
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
        """Store `event` with the next sequence number. `at`: when it happened, if not now."""
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


class Connection:
    """An open database, inside a transaction."""

    def __init__(self, raw: sqlite3.Connection, *, source: str, clock: Clock) -> None:
        self.raw = raw
        self.clock = clock
        self._source = source
        self._migrate()
        self._epoch = self._read_epoch()
        found = raw.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        self.sequence: int = found[0] if found else 0

    def _migrate(self) -> None:
        version = self.raw.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise Fault(
                f"the database is of version {version}, this kioskd knows up to {VERSION}: install a newer kioskd"
            )
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


class Database:
    """The file. Opened when first needed, and again after it could not be."""

    def __init__(self, path: Path, *, source: str, clock: Clock) -> None:
        self._path = path
        self._source = source
        self._clock = clock
        self._open: Connection | None = None
        self._failed_at_s = float("-inf")
        self._failure = ""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction over all that is done inside; Fault when it could not be stored."""
        connection = self._connect()
        before = connection.sequence
        try:
            connection.raw.execute("BEGIN")
            yield connection
            connection.raw.execute("COMMIT")
        except (sqlite3.Error, Fault) as error:
            connection.sequence = before
            self._roll_back(connection)
            raise Fault(f"{self._path}: {error}") from error

    def _roll_back(self, connection: Connection) -> None:
        # SQLite has often rolled back by itself; what cannot even be rolled back is closed and opened anew
        try:
            if connection.raw.in_transaction:
                connection.raw.execute("ROLLBACK")
        except sqlite3.Error:
            self._open = None
            connection.raw.close()

    def close(self) -> None:
        """Mark the end as clean and close. A disk that fails now makes the next start an unclean one."""
        if self._open is None:
            return
        try:
            self._open.raw.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '1')")
        except sqlite3.Error as error:
            log.warning("%s: the end could not be marked as clean: %s", self._path, error)
        self._open.raw.close()
        self._open = None

    def _connect(self) -> Connection:
        if self._open is not None:
            return self._open
        if self._clock.monotonic_s() < self._failed_at_s + REOPEN_S:
            raise Fault(self._failure)
        try:
            self._open = self._open_or_replace()
        except (sqlite3.Error, OSError) as error:
            self._failed_at_s = self._clock.monotonic_s()
            self._failure = f"{self._path}: {error}"
            raise Fault(self._failure) from error
        return self._open

    def _open_or_replace(self) -> Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open_file()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            return self._replace(error)

    def _open_file(self) -> Connection:
        raw = sqlite3.connect(self._path, isolation_level=None, cached_statements=256, timeout=2.0)
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA synchronous = FULL")
            raw.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}")
            raw.execute("PRAGMA cache_size = -1024")  # KiB: a kiosk has little memory and few rows
            return Connection(raw, source=self._source, clock=self._clock)
        except BaseException:
            raw.close()
            raise

    def _replace(self, error: sqlite3.DatabaseError) -> Connection:
        """A damaged file is put aside, whole, and a new one begun: its epoch tells subscribers."""
        aside = self._path.with_name(f"{self._path.name}.damaged-{secrets.token_hex(4)}")
        log.error("%s is damaged (%s): kept as %s, beginning a new one", self._path, error, aside)
        self._path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        connection = self._open_file()
        with connection.savepoint() as transaction:
            transaction.emit(StoreReplaced(kept_as=str(aside), reason=str(error)))
        return connection

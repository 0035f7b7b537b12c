"""The database's file: held by one process, opened and opened again, put aside when it is damaged."""

from __future__ import annotations

import fcntl
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from daemon.clock import Clock
from daemon.envelope import StoredEvent
from daemon.events import StoreReplaced
from daemon.store.database import Connection, Fault, First, Last, Reaction, Unavailable, result_code
from daemon.store.schema import VERSION

log = logging.getLogger(__name__)

REOPEN_S = 2.0
"""How long a database that could not be opened is left alone."""

BUSY_S = 2.0
"""How long another process may hold SQLite's own lock, such as an administrator's `sqlite3`."""

DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

LOST = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""After these the file is opened anew: what was opened read-only stays so, and after a failed write nobody knows what
the kernel still holds.
"""


class Database:
    """The file, for this process alone. Opened when first needed, and again after it could not be.

    A file that proves damaged, at its opening or later, is put aside whole and a new one begun: its epoch tells
    subscribers. Begun while kioskd runs, it goes on from the last sequence number, as the events of the old one may
    still be on their way.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        clock: Clock,
        reactions: Sequence[Reaction] = (),
        first: First | None = None,
    ) -> None:
        self._path = path
        self._source = source
        self._clock = clock
        self._reactions = reactions
        self._first = first
        self._lock: TextIOWrapper | None = None
        self._open: Connection | None = None
        self._failed_at_s = float("-inf")
        self._failure = ""
        self._sequence = 0
        self._replaced: StoreReplaced | None = None
        self._news: list[StoredEvent] = []
        self._fails = False
        self.changed = False
        """Whether the last transaction changed anything."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction over all that is done inside; Fault when it could not be stored."""
        connection = self._connect()
        self._sequence, changes = connection.sequence, connection.raw.total_changes
        try:
            _begin(connection)
            news, last = self._do_first(connection)
            yield connection
            changed = connection.raw.total_changes != changes
            if last is not None and (changed or not self._fails):  # a full disk can still be read
                with connection.savepoint() as transaction:
                    last(transaction)
            connection.raw.execute("COMMIT")
        except (sqlite3.Error, Fault) as error:
            self._fails = True
            connection.sequence = self._sequence
            self._recover(connection, error)
            kind = Unavailable if isinstance(error, Unavailable) else Fault
            raise kind(f"{self._path}: {error}") from error
        self._news += news
        self.changed = connection.raw.total_changes != changes
        self._fails = self._fails and not self.changed
        if connection.empties_log:
            connection.empties_log = False
            connection.log_emptied = _empty_log(connection)

    def take_news(self) -> list[StoredEvent]:
        """The events stored since the last call that belong to no change: what befell the file, and what came first."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Mark the end as clean and close. A disk that fails now makes the next start an unclean one."""
        if self._open is not None:
            try:
                self._open.raw.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '1')")
            except sqlite3.Error as error:
                log.warning("%s: the end could not be marked as clean: %s", self._path, error)
            self._open.raw.close()
            self._open = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _do_first(self, connection: Connection) -> tuple[list[StoredEvent], Last | None]:
        last = None
        if self._first is None or not self._first.is_due(self._clock):
            return [], last
        with connection.savepoint() as transaction:
            try:
                last = self._first(transaction)
            except Fault:
                raise
            except Exception:  # a bug: it must not keep every change from being made, for ever
                transaction.undo()
                log.exception("%s: what comes first was not done", self._path)
        return transaction.events, last

    def _connect(self) -> Connection:
        if self._open is not None:
            return self._open
        if self._clock.monotonic_s() < self._failed_at_s + REOPEN_S:
            raise Unavailable(self._failure)
        try:
            self._open = self._open_or_replace()
        except (sqlite3.Error, OSError, Fault) as error:
            self._failed_at_s = self._clock.monotonic_s()
            self._failure = f"{self._path}: {error}"
            raise Unavailable(self._failure) from error
        return self._open

    def _open_or_replace(self) -> Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = hold(self._path)
        try:
            return self._open_file()
        except sqlite3.DatabaseError as error:
            if result_code(error) not in DAMAGED:
                raise
        return self._open_file()

    def _open_file(self) -> Connection:
        raw = sqlite3.connect(self._path, isolation_level=None, cached_statements=256, timeout=BUSY_S)
        try:
            connection = Connection(
                raw, source=self._source, clock=self._clock, after=self._sequence, reactions=self._reactions
            )
            self._tell_of_replacement(connection)
        except BaseException as error:
            self._close_after(error, raw)
            raise
        return connection

    def _recover(self, connection: Connection, error: sqlite3.Error | Fault) -> None:
        cause = error if isinstance(error, sqlite3.Error) else error.__cause__
        if result_code(cause) not in DAMAGED + LOST and _rolled_back(connection):
            return
        self._open = None
        self._close_after(cause, connection.raw)

    def _close_after(self, error: BaseException | None, raw: sqlite3.Connection) -> None:
        # a damaged file is put aside before: closing would move its log into it, and delete that
        if result_code(error) in DAMAGED:
            try:
                aside = put_aside(self._path)
            except OSError as failure:
                log.error("%s is damaged (%s), and cannot be put aside: %s", self._path, error, failure)
            else:
                log.error("%s is damaged (%s): kept as %s, beginning a new one", self._path, error, aside)
                self._replaced = StoreReplaced(kept_as=str(aside), reason=str(error))
        raw.close()

    def _tell_of_replacement(self, connection: Connection) -> None:
        if self._replaced is None:
            return
        with connection.savepoint() as transaction:
            transaction.set_meta("clean", "0")  # nobody knows how the run before this one ended
            transaction.emit(self._replaced)
        self._news += transaction.events
        self._replaced = None


class Reader:
    """A database as it stood at one moment, for looking only."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._raw.execute(sql, values).fetchall()


@contextmanager
def open_to_read(path: Path) -> Iterator[Reader]:
    """The database at `path`, which a daemon may be using at the same time; Fault when it cannot be read."""
    try:
        raw = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S)
        try:
            raw.execute("BEGIN")
            version = int(raw.execute("PRAGMA user_version").fetchone()[0])
            if version != VERSION:
                raise Fault(f"{path}: the database is of version {version}, this kioskd's are of version {VERSION}")
            yield Reader(raw)
        finally:
            raw.close()
    except sqlite3.Error as error:
        raise Fault(f"{path}: {error}") from error


def _rolled_back(connection: Connection) -> bool:
    try:
        if connection.raw.in_transaction:  # SQLite has often rolled back by itself
            connection.raw.execute("ROLLBACK")
    except sqlite3.Error:
        return False
    return True


def _empty_log(connection: Connection) -> bool:
    """Whether the write-ahead log holds nothing any more; not, while another process reads from it."""
    connection.raw.execute("PRAGMA busy_timeout = 0")  # whoever reads is not waited for
    try:
        busy, _, _ = connection.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        log.warning("the write-ahead log cannot be emptied: %s", error)
        return False
    finally:
        connection.raw.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_S)}")
    return not busy


def _begin(connection: Connection) -> None:
    try:
        # immediate: a lock that another process holds shows here, and not as the fault of one change
        connection.raw.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise Unavailable(str(error)) from error


def hold(path: Path) -> TextIOWrapper:
    """Hold `path` for this process until what is returned is closed; raises OSError when another process holds it.

    Two daemons on one database would give the same numbers and carry out the same commands. The lock is on a file
    beside it: SQLite loses its own locks when the process closes any other descriptor of the database.
    """
    lock = path.with_name(f"{path.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise BlockingIOError(error.errno, "another kioskd uses this database") from error
    return lock


_ASIDE = ".damaged-"


def delete_put_aside(path: Path, deleted: Callable[[Path], None]) -> None:
    """Delete whatever was put aside of the database at `path`, telling of each file. Raises OSError at the first that
    cannot be.
    """
    for file in sorted(path.parent.iterdir()):
        if file.name.startswith(path.name + _ASIDE):
            file.unlink()
            deleted(file)


def put_aside(path: Path) -> Path:
    """Rename a damaged database, with the log of what was not yet moved into it; its new path."""
    aside = path.with_name(f"{path.name}{_ASIDE}{secrets.token_hex(4)}")
    path.rename(aside)
    write_ahead_log = path.with_name(f"{path.name}-wal")
    if write_ahead_log.exists():
        write_ahead_log.rename(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return aside

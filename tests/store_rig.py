"""What tests of the store and of the rules in it need: a clock that is held still, and a real store that can fail."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from daemon.envelope import StoredEvent
from daemon.events import TicketWaiting
from daemon.refused import Refused
from daemon.slips.order import TICKET, SlipOrder
from daemon.store.database import First, Reaction, Transaction
from daemon.store.database_file import Database
from daemon.store.store import Store

T = TypeVar("T")

SOURCE = "/kioskd/demo/k1"
MORNING = "2026-11-21T08:30:00+08:00"
PATIENCE_S = 10.0


class HeldClock:
    """The time of day and the steady time, both moved by the test alone."""

    def __init__(self, now: str = MORNING) -> None:
        self._now = datetime.fromisoformat(now)
        self._steady_s = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._steady_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._steady_s += seconds

    def set(self, now: str) -> None:
        """Somebody sets the clock."""
        self._now = datetime.fromisoformat(now)


class Events:
    """Events as they were stored, opened."""

    def __init__(self) -> None:
        self.stored: list[StoredEvent] = []

    def add(self, events: Sequence[StoredEvent]) -> None:
        self.stored.extend(events)

    @property
    def sequences(self) -> list[int]:
        return [event.sequence for event in self.stored]

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(event.payload) for event in self.stored]

    @property
    def names(self) -> list[str]:
        """``ticket.issued`` and so on, in order."""
        return [payload["type"].removeprefix("kioskd.") for payload in self.payloads]

    def data(self, name: str) -> list[dict[str, Any]]:
        """The data of every event of one name, in order."""
        return [event["data"] for event in self.payloads if event["type"] == f"kioskd.{name}"]


class OpenStore:
    """A real store, and what it told."""

    def __init__(
        self, path: Path, clock: HeldClock, reactions: Sequence[Reaction] = (), first: First | None = None
    ) -> None:
        self.path = path
        self.clock = clock
        self.events = Events()
        self.health: list[str | None] = []
        self.store = Store(
            path,
            source=SOURCE,
            clock=clock,
            on_committed=self.events.add,
            on_health=self.health.append,
            reactions=reactions,
            first=first,
        )


@asynccontextmanager
async def open_store(
    path: Path, clock: HeldClock | None = None, reactions: Sequence[Reaction] = (), first: First | None = None
) -> AsyncIterator[OpenStore]:
    """A running store on `path`, closed in order at the end."""
    opened = OpenStore(path, clock or HeldClock(), reactions, first)
    opened.store.open()
    try:
        yield opened
    finally:
        await opened.store.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the database's lock: nothing can be stored. Set `database_file.BUSY_S` low before."""
    with other_connection(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond `size`: EFBIG, which SQLite reports as an I/O error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def other_connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


class Ledger:
    """A database without the writer's thread: one change after the other, with what it emitted."""

    def __init__(
        self,
        path: Path,
        clock: HeldClock | None = None,
        reactions: Sequence[Reaction] = (),
        first: First | None = None,
    ) -> None:
        self.clock = clock or HeldClock()
        self.events = Events()
        self._path = path
        self._reactions = reactions
        self._first = first
        self.database = self._open()

    def _open(self) -> Database:
        return Database(self._path, source=SOURCE, clock=self.clock, reactions=self._reactions, first=self._first)

    def do(self, run: Callable[[Transaction], T]) -> T:
        """Run one change; one that is refused leaves nothing behind."""
        outcome: T | Refused
        with self.database.transaction() as connection, connection.savepoint() as transaction:
            try:
                outcome = run(transaction)
            except Refused as error:
                transaction.undo()
                outcome = error
        self.events.add(self.database.take_news())
        if isinstance(outcome, Refused):
            raise outcome
        self.events.add(transaction.events)
        return outcome

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.do(lambda change: change.rows(sql, *values))

    def restart(self, first: First | None = None) -> None:
        """End, and open the same file again; `first`: that which is done first from now on, if it is another."""
        self.database.close()
        self._first = first or self._first
        self.database = self._open()


@contextmanager
def open_ledger(
    path: Path, clock: HeldClock | None = None, reactions: Sequence[Reaction] = (), first: First | None = None
) -> Iterator[Ledger]:
    """A ledger on `path`, closed at the end."""
    ledger = Ledger(path, clock, reactions, first)
    try:
        yield ledger
    finally:
        ledger.database.close()


def note(number: int, filling: str = "") -> Callable[[Transaction], int]:
    """A change with a row of its own and an event of its own."""

    def change(transaction: Transaction) -> int:
        transaction.set_meta(f"note-{number}", f"{number}{filling}")
        transaction.emit(TicketWaiting(ticket=f"t-{number}", number=str(number), service="a"))
        return number

    return change


def notes(transaction: Transaction) -> list[int]:
    """The numbers of the notes that are stored."""
    rows = transaction.rows("SELECT substr(key, 6) FROM meta WHERE key LIKE 'note-%'")
    return sorted(int(row[0]) for row in rows)


def ticket_order(number: str) -> SlipOrder:
    """A ticket to be printed."""
    data = {"number": number, "service": "综合业务", "ahead": 0, "issued_at": MORNING}
    return SlipOrder(template=TICKET, language="zh-CN", data=data)


async def until(condition: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """The first true value of `condition`; fails naming `what` when none comes in time."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}"
        await asyncio.sleep(0.002)
    return value

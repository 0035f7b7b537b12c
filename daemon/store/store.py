"""The store: one SQLite file, one writer thread, group commit. The only module that talks to SQLite.

Theory of operation. Whoever changes something passes a function to `transact`. The writer thread takes all
functions that are waiting, runs each inside a savepoint of one transaction, and commits once: with
``synchronous=FULL`` in WAL mode a commit is one fsync, shared by the group. Only then are the callers' futures
settled and the new events handed to the publisher, both in the event loop and in the order of the sequence. A
function that raises is undone alone. When the disk fails, nobody in the group is told that anything was stored.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from daemon.clock import Clock
from daemon.envelope import StoredEvent
from daemon.store.database import Connection, Fault, First, Reaction, Transaction, Unavailable
from daemon.store.database_file import Database

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP_MAX = 500
"""Changes in one commit: more would keep the first of them waiting too long."""

NOTE_ACKNOWLEDGED_S = 0.2
"""How long acknowledgements may stay unwritten. A crash in between sends those events again, with their ids."""

KEEP_RETRY_S = 1.0

PROBE_S = 1.0
"""How often a failing disk is tried, so that it is known to work again before somebody needs it."""

PROBE_BYTES = 65_536
"""What a disk must take to be called working: room for a single row comes and goes."""

QUEUE_MAX = 20_000
"""Changes that may wait while the disk stalls; beyond it callers are refused at once, and memory stays bounded."""


class StoreError(Exception):
    """Nothing of this change was stored: the disk is full, read-only, damaged or too slow."""


class StoreBusy(StoreError):
    """The disk stalls, and too much waits for it already."""


@dataclass(slots=True)
class _Job:
    """A function for the writer thread, and the future that waits for it in the event loop."""

    run: Callable[[Transaction], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    events: list[StoredEvent] = field(default_factory=list)


class Store:
    """The one place where anything is kept. Make it in the event loop; `open` before use, `close` at the end.

    `on_committed` gets new events in order, in the event loop, right after the commit that holds them.
    `on_health` is told, in the event loop, when storing begins to fail (with the cause) and when it works again,
    which only a change on the disk can prove. `reactions` see every event in its transaction, before it is stored;
    `first` is called at the beginning of every transaction.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        clock: Clock,
        on_committed: Callable[[Sequence[StoredEvent]], None],
        on_health: Callable[[str | None], None],
        reactions: Sequence[Reaction] = (),
        first: First | None = None,
    ) -> None:
        self._database = Database(path, source=source, clock=clock, reactions=reactions, first=first)
        self._on_committed = on_committed
        self._on_health = on_health
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._acknowledged: list[int] = []
        self._noting: asyncio.TimerHandle | None = None
        self._probing: asyncio.TimerHandle | None = None
        self._failure: str | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)

    def open(self) -> None:
        """Start the writer. A database that cannot be opened is tried again at every change."""
        self._thread.start()

    @property
    def failing(self) -> bool:
        """Whether the last change that was to be stored could not be."""
        return self._failure is not None

    async def close(self) -> None:
        """Store what is waiting, mark the end as clean, and stop the writer."""
        self._note()
        if self._probing is not None:
            self._probing.cancel()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def transact(self, run: Callable[[Transaction], T]) -> T:
        """Run `run` in a transaction and return its result once it is on the disk.

        `run` is called in the writer thread, may be called twice, and touches nothing but its transaction.
        What it raises is raised here, and its changes are undone. Raises StoreError when nothing can be stored.
        """
        return await self.begin(run)

    def begin(self, run: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """As `transact`, under way as soon as it is called: for what must not wait until a task has its turn."""
        done: asyncio.Future[T] = self._loop.create_future()
        if not self._put(_Job(run, done)):
            done.set_exception(StoreBusy(f"{QUEUE_MAX} changes are waiting for the disk"))
        return done

    async def keep(self, run: Callable[[Transaction], T]) -> T:
        """As `transact`, however long the disk takes: for what has happened already and cannot be taken back."""
        while True:
            try:
                return await self.transact(run)
            except StoreError as error:
                log.warning("waiting for the store: %s", error)
                await asyncio.sleep(KEEP_RETRY_S)

    async def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        """Up to `limit` events above sequence `after` that no broker has acknowledged, in order."""
        self._note()  # what a broker has by now is not unsent
        return await self.transact(lambda transaction: transaction.unsent(after, limit))

    def acknowledged(self, sequences: Sequence[int]) -> None:
        """A broker has these events: written down with the next change, or soon."""
        self._acknowledged.extend(sequences)
        if self._noting is None:
            self._noting = self._loop.call_later(NOTE_ACKNOWLEDGED_S, self._note)

    def refused(self, sequence: int, reason: str) -> None:
        """A broker refused this event: kept as unsent, with the reason."""
        self.post(lambda transaction: transaction.note_refused(sequence, reason))

    def _note(self) -> None:
        if self._noting is not None:
            self._noting.cancel()
            self._noting = None
        sequences, self._acknowledged = self._acknowledged, []
        if sequences:
            self.post(lambda transaction: transaction.note_sent(sequences))

    def post(self, run: Callable[[Transaction], object]) -> None:
        """As `transact`, for what nobody waits for. In order with everything else; when it fails, the log says so."""
        done: asyncio.Future[object] = self._loop.create_future()
        done.add_done_callback(_report)
        if not self._put(_Job(run, done)):
            log.error("not stored: %d changes are waiting for the disk", QUEUE_MAX)

    def _put(self, job: _Job) -> bool:
        if self._jobs.qsize() >= QUEUE_MAX:
            return False
        self._jobs.put(job)
        return True

    # the writer thread

    def _write(self) -> None:
        while not self._ending:
            group = self._take_group()
            if group:
                self._commit(group)
        self._database.close()

    def _take_group(self) -> list[_Job]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP_MAX or self._jobs.empty():
                return group
            job = self._jobs.get()
        self._ending = True
        return group

    def _commit(self, group: list[_Job]) -> None:
        try:
            self._run(group)
        except Unavailable as fault:
            self._fail(group, str(fault))
        except Fault as fault:
            if len(group) == 1:
                self._fail(group, str(fault))
                return
            for job in group:  # one of them may be the cause: each gets its own chance
                self._commit([job])
        else:
            self._loop.call_soon_threadsafe(self._settle, group, self._database.take_news(), self._database.changed)

    def _fail(self, group: list[_Job], failure: str) -> None:
        for job in group:
            job.error, job.events = StoreError(failure), []
        self._loop.call_soon_threadsafe(self._settle, group, self._database.take_news(), True, failure)

    def _run(self, group: list[_Job]) -> None:
        with self._database.transaction() as connection:
            for job in group:
                self._run_one(connection, job)

    def _run_one(self, connection: Connection, job: _Job) -> None:
        job.error, job.events = None, []
        with connection.savepoint() as transaction:
            try:
                job.result = job.run(transaction)
                job.events = transaction.events
            except Fault:
                raise
            except Exception as error:  # noqa: BLE001 (raised again where the change was asked for)
                transaction.undo()
                job.error = error

    # back in the event loop

    def _settle(
        self, group: list[_Job], news: list[StoredEvent], tells_health: bool, failure: str | None = None
    ) -> None:
        if tells_health:
            self._judge(failure)
        for job in group:
            if job.done.done():
                continue  # whoever asked has gone; what was stored stays
            if job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.result)
        # before any of those who asked goes on: a result only wakes its task
        events = [*news, *(event for job in group for event in job.events)]
        if events:
            self._on_committed(events)

    def _judge(self, failure: str | None) -> None:
        if failure is not None and self._probing is None and not self._ending:
            self._probing = self._loop.call_later(PROBE_S, self._probe)
        if failure != self._failure:
            self._failure = failure
            self._on_health(failure)

    def _probe(self) -> None:
        self._probing = None
        if self.failing:
            done: asyncio.Future[None] = self._loop.create_future()
            done.add_done_callback(asyncio.Future.exception)  # taken note of: `_judge` has said it already
            self._put(_Job(lambda change: change.set_meta("probe", "." * PROBE_BYTES), done))


def _report(done: asyncio.Future[object]) -> None:
    error = None if done.cancelled() else done.exception()
    if isinstance(error, StoreError):
        log.error("not stored: %s", error)
    elif error is not None:
        raise error

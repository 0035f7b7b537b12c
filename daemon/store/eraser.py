"""``events/erase``: what could identify a person is taken out of the store, and the rest stays as it is.

Theory of operation. The events of a ticket, slip, call or item keep their places in the sequence; the fields of theirs
that may hold something personal are overwritten with a mark. Its slips are deleted. SQLite overwrites what it frees
(`secure_delete`), and its log, which still holds the pages as they were, is emptied at the end: only then is the
command `done`. All this goes in small changes, so that no press waits long behind it. Whoever is sending an event and
has read it before is told of what stands there now.

Databases that were put aside as damaged may hold the same; what can be read of them depends on the damage, so they
are deleted. Retained topics hold nothing of it: counters, queues, alerts and figures are about numbers, and what a
device says of itself names nobody.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from daemon import ratings
from daemon.blocking import call_in_thread
from daemon.clock import Clock
from daemon.commands import EventsErase, Refusal, Reply, Request, Status
from daemon.envelope import StoredEvent
from daemon.events import EventsErased
from daemon.events.base import ERASED, PERSONAL
from daemon.hall.effects import Effect, Handlers
from daemon.refused import Refused
from daemon.store.database import Transaction
from daemon.store.database_file import delete_put_aside
from daemon.store.store import Store
from daemon.texts import word
from daemon.turns import Turns

log = logging.getLogger(__name__)

CHUNK = 2_000
"""Events looked through in one change."""

LOG_AGAIN_S = 0.2
"""How soon a log that somebody reads is tried again."""

DELETE_S = 30.0
"""How long the disk may take to delete what was put aside."""


@dataclass(frozen=True, slots=True)
class _Erasure:
    """What is to be erased, and for whom. `field` names it in the data of events: ticket, slip, call or item."""

    command: str
    deadline: datetime
    field: str
    value: str

    @property
    def named(self) -> dict[str, str]:
        """For events and replies, which are kept: an item may be personal itself."""
        return {self.field: ERASED if self.field in PERSONAL else self.value}


class Eraser:
    """Carries out the erasures, one after the other. `path`: the store's. `settled` passes a command's last reply on.

    `blanked` is told of events as they stand in the store from now on.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        clock: Clock,
        settled: Callable[[Reply], None],
        blanked: Callable[[Sequence[StoredEvent]], None],
    ) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._blanked = blanked
        self._turns: Turns[_Erasure] = Turns(store, clock, settled)

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {EventsErase: self._erase}

    def _erase(self, transaction: Transaction, command: EventsErase, request: Request) -> Effect:
        given = command.model_dump(exclude_none=True)
        if len(given) != 1:
            raise Refused(Refusal.INVALID, "expected one of ticket, slip, call and item")
        ((field, value),) = given.items()
        if _in_print(transaction, field, value):
            raise Refused(Refusal.IN_PRINT, f"a slip of {field} {value} is on its way: wait for what becomes of it")
        erasure = _Erasure(request.id, request.deadline, field, value)
        return Effect(erasure.named, final=False, after=lambda: self._turns.take(erasure))

    async def run(self) -> NoReturn:
        """Erase for ever; only a bug or a cancellation gets out."""
        while True:
            erasure = await self._turns.next()
            await self._turns.answer(await self._carry_out(erasure))

    async def _carry_out(self, erasure: _Erasure) -> Reply:
        # rows first: an event that comes meanwhile is made of them. Copies last: what damages the database makes one
        rows = await self._store.keep(lambda change: _erase_rows(change, erasure.field, erasure.value))
        events = await self._blank(erasure)
        copies, failure = await self._delete_put_aside()
        await self._store.keep(lambda change: _tell(change, erasure, events, rows, copies))
        data = {**erasure.named, "events": events, "rows": rows, "copies": copies}
        reply = partial(Reply, id=erasure.command, data=data)
        if not await self._log_emptied(erasure.deadline):
            detail = "somebody reads the database: its log still holds what was erased, and is overwritten later"
            return reply(status=Status.UNCONFIRMED, reason=Refusal.BUSY, detail=detail)
        if failure is not None:
            detail = f"what was put aside as damaged may hold it too, and cannot be deleted: {failure}"
            return reply(status=Status.UNCONFIRMED, reason=Refusal.STORE_FAILED, detail=detail)
        return reply(status=Status.DONE, detail=word("beyond-reach", "en"))

    async def _delete_put_aside(self) -> tuple[int, str | None]:
        """How many databases were deleted, and why not all."""
        deleted: list[Path] = []
        failure = None
        delete = partial(delete_put_aside, self._path, deleted.append)
        try:
            await call_in_thread(delete, within_s=DELETE_S, too_late=lambda: None)
        except (OSError, TimeoutError) as error:
            failure = str(error) or f"the disk takes more than {DELETE_S:g} s"
        for file in deleted:
            log.warning("%s: deleted, as it may hold something personal that was to be erased", file)
        return sum(not file.name.endswith("-wal") for file in deleted), failure

    async def _blank(self, erasure: _Erasure) -> int:
        """Blank the personal fields of every stored event that is about it; how many events had any."""
        seen: int | None = 0
        count = 0
        while seen is not None:
            seen, blanked = await self._store.keep(partial(_blank_chunk, erasure, seen))
            self._blanked(blanked)
            count += len(blanked)
        return count

    async def _log_emptied(self, deadline: datetime) -> bool:
        while True:
            await self._store.keep(lambda change: change.empty_log())
            if await self._store.keep(lambda change: change.log_emptied):
                return True
            if deadline < self._clock.now():
                return False
            await asyncio.sleep(LOG_AGAIN_S)


_SLIPS = {"ticket": "ticket", "slip": "slip_id"}
"""The column by which the slips of each are found; a call has none."""


def _in_print(transaction: Transaction, field: str, value: str) -> bool:
    if field not in _SLIPS:
        return False
    sql = f"SELECT 1 FROM print_job WHERE {_SLIPS[field]} = ? AND state IN ('queued', 'printing')"  # noqa: S608
    return transaction.row(sql, value) is not None


def _blank_chunk(erasure: _Erasure, after: int, transaction: Transaction) -> tuple[int | None, Sequence[StoredEvent]]:
    """Look through the events above sequence `after`; the last one seen, None at the end, and what was blanked."""
    last = transaction.row(
        "SELECT max(sequence) FROM (SELECT sequence FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?)",
        *(after, CHUNK),
    )
    seen = last[0] if last else None
    if seen is None:
        return None, ()
    needle = f'"{erasure.field}":{json.dumps(erasure.value)}'.encode()
    sql = "SELECT sequence, topic, payload FROM event WHERE sequence > ? AND sequence <= ? AND instr(payload, ?)"
    found = [StoredEvent(*row) for row in transaction.rows(sql, after, seen, needle)]
    return seen, [blanked for event in found if (blanked := _blank_event(transaction, erasure, event)) is not None]


def _blank_event(transaction: Transaction, erasure: _Erasure, stored: StoredEvent) -> StoredEvent | None:
    """The event as it stands in the store now; None when there was nothing to blank."""
    event = json.loads(stored.payload)
    data: dict[str, Any] = event["data"]
    held = [name for name in PERSONAL if data.get(name) not in (None, "", ERASED)]
    if data.get(erasure.field) != erasure.value or not held:
        return None
    data.update(dict.fromkeys(held, ERASED))
    blanked = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    transaction.write("UPDATE event SET payload = ? WHERE sequence = ?", blanked, stored.sequence)
    return StoredEvent(stored.sequence, stored.topic, blanked)


def _tell(transaction: Transaction, erasure: _Erasure, events: int, rows: int, copies: int) -> None:
    ((field, value),) = erasure.named.items()
    transaction.emit(EventsErased(about=f"{field} {value}", events=events, rows=rows, copies=copies))


def _erase_rows(transaction: Transaction, field: str, value: str) -> int:
    """What the store holds of it beside its events; how many rows of it there were."""
    rows = 0
    if field in _SLIPS:
        sql = f"DELETE FROM print_job WHERE {_SLIPS[field]} = ? AND state NOT IN ('queued', 'printing')"  # noqa: S608
        rows += transaction.write(sql, value)
    if field == "call":
        rows += transaction.write("UPDATE phone_call SET caller = NULL WHERE id = ? AND caller IS NOT NULL", value)
    if field == "ticket":
        rows += ratings.erase_items(transaction, ticket=value)
    if field == "item":
        rows += ratings.erase_items(transaction, item=value)
    return rows

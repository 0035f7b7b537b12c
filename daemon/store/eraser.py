"""``events/erase``: what could identify a person is taken out of the store, and the rest stays as it is.

Theory of operation. The events of one ticket, slip or call keep their places in the sequence; the fields of theirs
that may hold something personal are overwritten with a mark. Its slips are deleted. SQLite overwrites what it frees
(`secure_delete`), and its log, which still holds the pages as they were, is emptied at the end: only then is the
command `done`. All this goes in small changes, so that no press waits long behind it. A replay that is under way and
has read an event before is told of what stands there now.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from daemon.clock import Clock
from daemon.commands import EventsErase, Refusal, Reply, Request, Status
from daemon.envelope import StoredEvent
from daemon.events import EventsErased
from daemon.events.base import PERSONAL
from daemon.hall.effects import Effect, Handlers
from daemon.refused import Refused
from daemon.store.database import Transaction
from daemon.store.store import Store
from daemon.turns import Turns

ERASED = "[erased]"
"""Stands where something was."""

CHUNK = 2_000
"""Events looked through in one change."""

LOG_AGAIN_S = 0.2
"""How soon a log that somebody reads is tried again."""


@dataclass(frozen=True, slots=True)
class _Erasure:
    """What is to be erased, and for whom. `field` names it in the data of events: ticket, slip or call."""

    command: str
    deadline: datetime
    field: str
    value: str


class Eraser:
    """Carries out the erasures, one after the other. `settled` passes a command's last reply on.

    `blanked` is told of events as they stand in the store from now on.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settled: Callable[[Reply], None],
        blanked: Callable[[Sequence[StoredEvent]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._blanked = blanked
        self._turns: Turns[_Erasure] = Turns(store, clock, settled)

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {EventsErase: self._erase}

    def _erase(self, transaction: Transaction, command: EventsErase, request: Request) -> Effect:
        given = command.model_dump(exclude_none=True)
        if len(given) != 1:
            raise Refused(Refusal.INVALID, "expected one of ticket, slip and call")
        ((field, value),) = given.items()
        if _in_print(transaction, field, value):
            raise Refused(Refusal.IN_PRINT, f"a slip of {field} {value} is on its way: wait for what becomes of it")
        erasure = _Erasure(request.id, request.deadline, field, value)
        return Effect(given, final=False, after=lambda: self._turns.take(erasure))

    async def run(self) -> NoReturn:
        """Erase for ever; only a bug or a cancellation gets out."""
        while True:
            erasure = await self._turns.next()
            await self._turns.answer(await self._carry_out(erasure))

    async def _carry_out(self, erasure: _Erasure) -> Reply:
        events = await self._blank(erasure)
        rows = await self._store.keep(lambda change: _finish(change, erasure, events))
        data = {erasure.field: erasure.value, "events": events, "rows": rows}
        if await self._log_emptied(erasure.deadline):
            return Reply(id=erasure.command, status=Status.DONE, data=data)
        detail = "somebody reads the database: its log still holds what was erased, and is overwritten later"
        return Reply(id=erasure.command, status=Status.UNCONFIRMED, reason=Refusal.BUSY, detail=detail, data=data)

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


_ROWS = {
    "ticket": (
        "DELETE FROM print_job WHERE ticket = ? AND state NOT IN ('queued', 'printing')",
        "UPDATE rating_session SET item = NULL WHERE ticket = ? AND item IS NOT NULL",
    ),
    "slip": ("DELETE FROM print_job WHERE slip_id = ? AND state NOT IN ('queued', 'printing')",),
    "call": ("UPDATE phone_call SET caller = NULL WHERE id = ? AND caller IS NOT NULL",),
}
"""What the store holds of each beside its events."""


def _finish(transaction: Transaction, erasure: _Erasure, events: int) -> int:
    rows = sum(transaction.write(sql, erasure.value) for sql in _ROWS[erasure.field])
    transaction.emit(EventsErased(about=f"{erasure.field} {erasure.value}", events=events, rows=rows))
    return rows

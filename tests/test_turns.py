"""Commands that wait for their turn: what they are answered is in the store before anybody hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.commands import Reply
from daemon.store import database_file
from daemon.store.journal import take_command
from daemon.turns import WAITING_MAX, Turns
from tests.store_rig import OpenStore, locked, open_store, other_connection, until


@dataclass(frozen=True)
class Asked:
    command: str
    deadline: datetime


class Rig:
    """Turns over a real store; of each reply it is noted what the database said of it when it was told."""

    def __init__(self, opened: OpenStore) -> None:
        self.opened = opened
        self.told: list[tuple[Reply, str | None]] = []
        self.turns: Turns[Asked] = Turns(opened.store, opened.clock, self._settled)

    def _settled(self, reply: Reply) -> None:
        with other_connection(self.opened.path) as connection:
            ((stored,),) = connection.execute("SELECT reply FROM command WHERE id = ?", (reply.id,)).fetchall()
        self.told.append((reply, stored))

    async def ask(self, command: str, within_s: float = 30.0) -> None:
        asked = Asked(command, self.opened.clock.now() + timedelta(seconds=within_s))
        await self.opened.store.transact(lambda change: take_command(change, command, "f", asked.deadline))
        self.turns.take(asked)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(tmp_path / "kioskd.db") as opened:
        yield Rig(opened)


async def test_one_too_many_is_refused_and_that_is_stored_before_it_is_told(rig: Rig) -> None:
    for number in range(WAITING_MAX + 1):
        await rig.ask(f"c{number}")
    await until(lambda: rig.told, "the refusal")
    ((reply, stored),) = rig.told
    assert (reply.id, reply.status, reply.reason) == (f"c{WAITING_MAX}", "rejected", "busy")
    assert stored == reply.model_dump_json()


async def test_one_that_is_too_late_is_not_begun_and_that_is_stored_before_it_is_told(rig: Rig) -> None:
    await rig.ask("late", within_s=1.0)
    rig.opened.clock.advance(2.0)
    await rig.ask("next")
    with locked(rig.opened.path):
        assert (await rig.turns.next()).command == "next", "a disk that stalls holds up no turn"
        await until(lambda: rig.opened.store.failing, "the failure")
        assert rig.told == [], "nothing is told that is not stored"
    await until(lambda: rig.told, "the refusal")
    ((reply, stored),) = rig.told
    assert (reply.id, reply.status, reply.reason) == ("late", "expired", "expired")
    assert stored == reply.model_dump_json()

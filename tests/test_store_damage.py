"""Damaged, foreign and vanished databases: kept whole, replaced by a new one, and said so."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from daemon.store.schema import VERSION
from daemon.store.store import StoreError
from tests.store_rig import HeldClock, OpenStore, note, notes, open_store, other_connection

FILLING = " " + "x" * 3000


def content(path: str | Path) -> bytes:
    return Path(path).read_bytes()


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def epoch(rig: OpenStore) -> set[str]:
    return {event["id"].partition("-")[0] for event in rig.events.payloads}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kioskd.db"


async def fill(path: Path, count: int = 300) -> OpenStore:
    async with open_store(path) as rig:
        await asyncio.gather(*(rig.store.transact(note(number, FILLING)) for number in range(count)))
    return rig


def scribble(path: Path, start: int, end: int) -> bytes:
    """Random bytes over a part of the file; the whole of it as it is then."""
    chance = random.Random(20261121)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(chance.randbytes(end - start))
    return path.read_bytes()


@pytest.mark.parametrize("header", [(0, 100), (16, 40), (100, 300)])
async def test_a_file_damaged_at_its_head_is_put_aside_whole_and_a_new_one_begun(
    path: Path, header: tuple[int, int]
) -> None:
    before = await fill(path)
    damaged = scribble(path, *header)
    async with open_store(path) as rig:
        assert await rig.store.transact(note(1000)) == 1000
        assert await rig.store.transact(notes) == [1000]
    assert rig.events.names == ["store.replaced", "ticket.waiting"]
    assert rig.events.sequences == [1, 2]
    assert not epoch(rig) & epoch(before)
    assert content(rig.events.data("store.replaced")[0]["kept_as"]) == damaged
    async with open_store(path) as again:
        assert await again.store.transact(lambda change: change.meta("clean")) == "1"
        await again.store.transact(note(1001))
    assert epoch(again) == epoch(rig)


async def test_a_file_found_damaged_while_kioskd_runs_is_replaced_under_it(path: Path) -> None:
    """The sequence goes on, as acknowledgements of the old events may still come; only the epoch is a new one."""
    async with open_store(path) as rig:
        await asyncio.gather(*(rig.store.transact(note(number, FILLING)) for number in range(900)))
        with other_connection(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damaged = scribble(path, 8 * 4096, len(content(path)))
        with pytest.raises(StoreError, match="malformed"):
            await rig.store.unsent(0, 10_000)
        assert await rig.store.transact(note(1000)) == 1000
        rig.store.acknowledged([1, 2, 3, 901])
        assert [event.sequence for event in await rig.store.unsent(0, 100)] == [902]
        assert await rig.store.transact(lambda change: change.meta("clean")) == "0", "a crash now is no clean end"
    assert rig.events.names[900:] == ["store.replaced", "ticket.waiting"]
    assert rig.events.sequences == list(range(1, 903))
    assert len(epoch(rig)) == 2
    assert content(rig.events.data("store.replaced")[0]["kept_as"]) == damaged
    assert rig.health in ([], [rig.health[0], None])


async def test_what_was_not_yet_moved_into_a_damaged_file_is_kept_beside_it(tmp_path: Path) -> None:
    path, crashed = tmp_path / "kioskd.db", tmp_path / "crashed.db"
    async with open_store(path) as rig:
        await rig.store.transact(lambda change: change.set_meta("clean", "0"))
        with other_connection(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await rig.store.transact(lambda change: change.set_meta("clean", "1"))  # in place: the head stays as it is
        shutil.copy(path, crashed)
        shutil.copy(f"{path}-wal", f"{crashed}-wal")
    log = content(f"{crashed}-wal")
    scribble(crashed, 0, 100)
    async with open_store(crashed) as rig:
        await rig.store.transact(note(2))
    kept = rig.events.data("store.replaced")[0]["kept_as"]
    assert content(f"{kept}-wal") == log


async def test_a_database_of_a_newer_kioskd_is_refused_and_not_touched(path: Path) -> None:
    await fill(path, 5)
    with other_connection(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = content(path)
    clock = HeldClock()
    async with open_store(path, clock) as rig:
        for _ in range(2):
            with pytest.raises(StoreError, match=f"version {VERSION + 1}, this kioskd knows up to {VERSION}"):
                await rig.store.transact(note(6))
            clock.advance(60)
        assert len(rig.health) == 1
    assert content(path) == before
    assert files(path) == ["kioskd.db", "kioskd.db.lock"]


async def test_a_file_that_is_no_longer_there_does_not_stop_what_runs(path: Path) -> None:
    async with open_store(path) as rig:
        await rig.store.transact(note(1))
        for file in files(path):
            path.with_name(file).unlink()
        # the file is open: it lives until the end, as every Unix program's does
        assert await rig.store.transact(note(2)) == 2
    async with open_store(path) as rig:
        assert await rig.store.transact(notes) == []

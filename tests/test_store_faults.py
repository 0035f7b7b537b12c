"""A full, read-only, broken or foreign disk: nothing is confirmed that was not stored, nothing is lost that was."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.clock import Clock
from daemon.store import database_file
from daemon.store.database import Transaction
from daemon.store.store import StoreError
from tests.store_rig import (
    HeldClock,
    OpenStore,
    files_at_most,
    locked,
    note,
    notes,
    open_store,
    other_connection,
    until,
)

PROJECT = Path(__file__).parent.parent
FILLING = " " + "x" * 3000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kioskd.db"


@contextmanager
def pages_at_most(rig: OpenStore, pages: int) -> Iterator[None]:
    """SQLite finds no room for another page: SQLITE_FULL, as with ENOSPC."""

    def limit(count: int) -> None:
        rig.store.post(lambda change: change._connection.raw.execute(f"PRAGMA max_page_count = {count}"))

    limit(pages)
    yield
    limit(1 << 30)


@contextmanager
def full_disk(rig: OpenStore, how: str) -> Iterator[None]:
    with files_at_most(200_000) if how == "EFBIG" else pages_at_most(rig, 60):
        yield


@pytest.mark.parametrize("how", ["EFBIG", "SQLITE_FULL"])
async def test_a_full_disk_loses_nothing_confirms_nothing_and_is_used_again_when_there_is_room(
    path: Path, how: str
) -> None:
    async with open_store(path) as rig:
        confirmed = list(await asyncio.gather(*(rig.store.transact(note(number, FILLING)) for number in range(10))))
        refused = []
        with full_disk(rig, how):
            for number in range(10, 200):
                try:
                    confirmed.append(await rig.store.transact(note(number, FILLING)))
                except StoreError:
                    refused.append(number)
            assert len(refused) > 100
            assert rig.store.failing
            told = len(rig.health)
            together = [rig.store.transact(note(number, FILLING)) for number in range(200, 220)]
            outcomes = await asyncio.gather(*together, return_exceptions=True)
            assert all(isinstance(outcome, StoreError) for outcome in outcomes)
            assert await rig.store.transact(notes) == confirmed, "what was stored is read"
            assert [event["data"]["number"] for event in rig.events.payloads] == list(map(str, confirmed))
            assert rig.health[told:] == [], "said once, though reading goes on"
            assert rig.health[-1]
        await until(lambda: rig.health[told:] == [None], "the store to find out by itself that there is room again")
        confirmed.append(await rig.store.transact(note(500, FILLING)))
    assert rig.events.sequences == list(range(1, len(confirmed) + 1)), "no gap where something failed"
    async with open_store(path) as rig:
        assert await rig.store.transact(notes) == confirmed
        assert len(await rig.store.unsent(0, 1000)) == len(confirmed)


async def test_a_bug_in_what_comes_first_keeps_no_change_from_being_made(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty:
        def is_due(self, _: Clock) -> bool:
            return True

        def __call__(self, change: Transaction) -> None:
            change.set_meta("half", "done")
            note(99)(change)
            message = "a bug"
            raise ZeroDivisionError(message)

    async with open_store(path, first=Faulty()) as rig:
        assert [await rig.store.transact(note(number)) for number in (1, 2)] == [1, 2]
        assert await rig.store.transact(lambda change: change.meta("half")) is None
    assert rig.events.sequences == [1, 2]
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_what_happened_already_is_stored_when_the_disk_lets_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(path) as rig:
        await rig.store.transact(note(1))
        with locked(path):
            kept = asyncio.create_task(rig.store.keep(note(2)))
            with pytest.raises(StoreError, match="locked"):
                await rig.store.transact(note(3))
            assert rig.health == [f"{path}: database is locked"]
        assert await kept == 2
        assert await rig.store.transact(notes) == [1, 2]
    assert rig.events.sequences == [1, 2]


async def test_a_lock_that_another_process_holds_costs_its_time_once_and_not_for_each_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "BUSY_S", 0.2)
    loop = asyncio.get_running_loop()
    async with open_store(path) as rig:
        await rig.store.transact(note(0))
        with locked(path):
            began_s = loop.time()
            together = [rig.store.transact(note(number)) for number in range(100)]
            outcomes = await asyncio.gather(*together, return_exceptions=True)
            assert loop.time() - began_s < 2.0
        assert all(isinstance(outcome, StoreError) for outcome in outcomes)


async def test_a_place_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the directory should be")
    path, clock = tmp_path / "var" / "kioskd.db", HeldClock()
    async with open_store(path, clock) as rig:
        for _ in range(3):
            with pytest.raises(StoreError, match="var"):
                await rig.store.transact(note(1))
        assert len(rig.health) == 1
        (tmp_path / "var").unlink()
        with pytest.raises(StoreError):
            await rig.store.transact(note(1))  # it is left alone for a while
        clock.advance(database_file.REOPEN_S)
        assert await rig.store.transact(note(1)) == 1
        assert rig.health[1:] == [None]


READ_ONLY = """
import asyncio, sys
from pathlib import Path
from tests.store_rig import note, open_store, until
from daemon.store.store import StoreError

async def main():
    async with open_store(Path(sys.argv[1])) as rig:
        try:
            await rig.store.transact(note(2))
        except StoreError as error:
            print(error, flush=True)
        assert len(rig.health) == 1
        await asyncio.to_thread(sys.stdin.readline)
        rig.clock.advance(10)
        await until(lambda: rig.health[1:] == [None], "the store to find out that it may write again")
        print(await rig.store.transact(note(3)), flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("what", ["file", "directory"])
async def test_a_read_only_store_is_used_again_when_it_may_be_written(path: Path, what: str) -> None:
    async with open_store(path) as rig:
        await rig.store.transact(note(1))
    forbidden = path if what == "file" else path.parent
    forbidden.chmod(0o400 if what == "file" else 0o500)
    # root may write anywhere: the process is run without that power
    powerless = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        *(*powerless, sys.executable, "-c", READ_ONLY, str(path)),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = (await process.stdout.readline()).decode()
    assert "readonly database" in told or "Permission denied" in told or "unable to open" in told
    for forbidden in (path.parent, *path.parent.iterdir()):  # SQLite gave its other files the same rights
        forbidden.chmod(0o700)
    process.stdin.write(b"\n")
    assert (await process.stdout.readline()).decode() == "3\n"
    assert await process.wait() == 0
    async with open_store(path) as rig:
        assert await rig.store.transact(notes) == [1, 3]


def test_sqlite_says_what_these_tests_believe(tmp_path: Path) -> None:
    """EFBIG reaches SQLite as an I/O error, and a page limit as a full disk."""
    with other_connection(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        assert full.value.sqlite_errorname == "SQLITE_FULL"
    with other_connection(tmp_path / "b.db") as connection, files_at_most(20_000):
        connection.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError) as refused:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        assert refused.value.sqlite_errorname.startswith("SQLITE_IOERR")

"""The store: changes and their events in one transaction, many changes in one commit, and one order for everything."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from daemon.commands import Refusal
from daemon.events import TicketWaiting
from daemon.refused import Refused
from daemon.store import store as store_module
from daemon.store.database import Transaction
from daemon.store.retention import make_room
from daemon.store.store import StoreBusy
from tests.store_rig import HeldClock, note, notes, open_store, other_connection, until

PROJECT = Path(__file__).parent.parent


def waiting(number: int) -> TicketWaiting:
    return TicketWaiting(ticket=f"t-{number}", number=str(number), service="a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kioskd.db"


async def test_one_order_for_changes_sequences_and_what_the_publisher_hears(path: Path) -> None:
    settled: list[int] = []
    async with open_store(path) as rig:

        async def produce(producer: int) -> None:
            for count in range(40):
                done = await rig.store.transact(note(producer * 100 + count))
                assert f"t-{done}" in {event["data"]["ticket"] for event in rig.events.payloads}, (
                    "told before the commit"
                )
                settled.append(done)

        await asyncio.gather(*(produce(producer) for producer in range(10)))
        stored = await rig.store.transact(lambda change: change.rows("SELECT sequence, payload FROM event ORDER BY 1"))
    assert rig.events.sequences == list(range(1, 401))
    assert [(event.sequence, event.payload) for event in rig.events.stored] == stored
    numbers = [int(event["data"]["number"]) for event in rig.events.payloads]
    assert numbers == settled, "whoever changed something went on in the order of the sequence"
    for producer in range(10):
        own = [number for number in numbers if number // 100 == producer]
        assert own == sorted(own), "one producer's changes are in its own order"
    assert rig.health == []


async def test_changes_that_wait_share_one_commit(path: Path) -> None:
    commits: list[str] = []
    async with open_store(path) as rig:
        await rig.store.transact(
            lambda change: change._connection.raw.set_trace_callback(
                lambda sql: commits.append(sql) if sql == "COMMIT" else None
            )
        )
        await asyncio.gather(*(rig.store.transact(note(number)) for number in range(300)))
    assert len(rig.events.stored) == 300
    assert len(commits) < 10


async def test_a_change_that_fails_is_undone_alone_with_its_sequence_numbers(path: Path) -> None:
    def refused(transaction: Transaction) -> None:
        transaction.set_meta("note-99", "99")
        transaction.emit(waiting(99))
        transaction.emit(waiting(100))
        raise Refused(Refusal.NO_TICKET, "after it had changed something")

    def buggy(transaction: Transaction) -> None:
        transaction.emit(waiting(101))
        transaction.write("INSERT INTO no_such_table VALUES (1)")

    def twice(transaction: Transaction) -> None:
        transaction.emit(waiting(102))
        transaction.write("INSERT INTO meta VALUES ('note-1', 'again')")

    async with open_store(path) as rig:
        changes = [note(1), refused, note(2), buggy, note(3), twice, note(4)]
        results = await asyncio.gather(*(rig.store.transact(change) for change in changes), return_exceptions=True)
        assert results[0::2] == [1, 2, 3, 4]
        assert isinstance(results[1], Refused)
        assert isinstance(results[3], sqlite3.OperationalError), "a wrong statement is a bug, not the disk's fault"
        assert isinstance(results[5], sqlite3.IntegrityError)
        assert await rig.store.transact(notes) == [1, 2, 3, 4]
    assert rig.events.sequences == [1, 2, 3, 4]
    assert [event["data"]["number"] for event in rig.events.payloads] == ["1", "2", "3", "4"]
    assert rig.health == []


async def test_nobody_sees_a_state_without_its_event(path: Path) -> None:
    async with open_store(path) as rig:
        await rig.store.transact(note(0))

        def compare(connection: sqlite3.Connection) -> tuple[int, int]:
            sql = "SELECT (SELECT count(*) FROM meta WHERE key LIKE 'note-%'), (SELECT count(*) FROM event)"
            found: tuple[int, int] = connection.execute(sql).fetchone()
            return found

        with other_connection(path) as connection:
            work = asyncio.gather(*(rig.store.transact(note(number)) for number in range(1, 400)))
            seen = set()
            while not work.done():
                states, events = compare(connection)
                assert states == events
                seen.add(states)
                await asyncio.sleep(0)
            assert compare(connection) == (400, 400)
            assert len(seen) > 1, "it was looked at while it changed"


async def test_a_caller_that_is_cancelled_leaves_the_change_stored_and_the_others_alone(path: Path) -> None:
    async with open_store(path) as rig:
        tasks = [asyncio.create_task(rig.store.transact(note(number))) for number in range(20)]
        await asyncio.sleep(0)  # all of them are in the queue
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, False] * 10
        assert await rig.store.transact(notes) == list(range(20))
    assert rig.events.sequences == list(range(1, 21))


async def test_closing_stores_what_waits(path: Path) -> None:
    async with open_store(path) as rig:
        for number in range(1500):
            rig.store.post(note(number))
        rig.store.acknowledged([1, 2])
    async with open_store(path) as rig:
        assert len(await rig.store.transact(notes)) == 1500
        assert (await rig.store.unsent(0, 1))[0].sequence == 3


async def test_what_waits_is_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_module, "QUEUE_MAX", 5)
    entered, release = threading.Event(), threading.Event()

    def stall(_: Transaction) -> None:
        entered.set()
        release.wait()

    async with open_store(path) as rig:
        stalled = asyncio.create_task(rig.store.transact(stall))
        await until(entered.is_set, "the writer to stall")
        others = [asyncio.create_task(rig.store.transact(note(number))) for number in range(8)]
        await asyncio.sleep(0)
        rig.store.post(note(9))
        release.set()
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        await stalled
        assert outcomes[:5] == [0, 1, 2, 3, 4]
        assert [type(outcome) for outcome in outcomes[5:]] == [StoreBusy] * 3
        assert await rig.store.transact(notes) == [0, 1, 2, 3, 4]
    assert "changes are waiting for the disk" in caplog.text


async def test_unsent_acknowledged_and_refused(path: Path) -> None:
    async with open_store(path) as rig:
        await asyncio.gather(*(rig.store.transact(note(number)) for number in range(10)))
        rig.store.acknowledged([1, 2, 4])
        rig.store.refused(5, "not authorised")
        assert [event.sequence for event in await rig.store.unsent(0, 4)] == [3, 5, 6, 7]
        assert await rig.store.unsent(3, 2) == rig.events.stored[4:6], "the same bytes as at the commit"
        assert await rig.store.unsent(10, 5) == []
        rig.store.acknowledged([5])
    async with open_store(path) as rig:
        assert [event.sequence for event in await rig.store.unsent(0, 99)] == [3, 6, 7, 8, 9, 10]
        kept = await rig.store.transact(lambda change: change.row("SELECT refused FROM event WHERE sequence = 5"))
        assert kept == (None,), "accepted later"


async def test_the_sequence_goes_on_after_everything_was_pruned_and_the_epoch_stays(path: Path) -> None:
    async with open_store(path) as first:
        await asyncio.gather(*(first.store.transact(note(number)) for number in range(5)))
        first.store.acknowledged(first.events.sequences)
    async with open_store(path) as second:
        assert await second.store.transact(lambda change: make_room(change, 0)) == 5
        assert await second.store.transact(lambda change: change.rows("SELECT * FROM event")) == []
    async with open_store(path) as third:
        await third.store.transact(note(5))
    assert third.events.sequences == [6]
    ids = [event["id"] for event in first.events.payloads + third.events.payloads]
    assert len({found.partition("-")[0] for found in ids}) == 1
    assert [found.partition("-")[2] for found in ids] == ["1", "2", "3", "4", "5", "6"]
    path.unlink()  # noqa: ASYNC240
    async with open_store(path) as fourth:
        await fourth.store.transact(note(0))
    assert fourth.events.sequences == [1]
    assert fourth.events.payloads[0]["id"].partition("-")[0] not in {found.partition("-")[0] for found in ids}


async def test_the_end_is_marked_as_clean_only_when_it_was(path: Path) -> None:
    async with open_store(path) as rig:
        assert await rig.store.transact(lambda change: change.meta("clean")) is None
        await rig.store.transact(lambda change: change.set_meta("clean", "0"))
        with other_connection(path) as connection:
            assert connection.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone() == ("0",)
    with other_connection(path) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone() == ("1",)


SECOND = """
import asyncio, sys
from pathlib import Path
from daemon.store.store import StoreError
from tests.store_rig import note, open_store

async def main():
    async with open_store(Path(sys.argv[1])) as rig:
        try:
            print(await rig.store.transact(note(2)))
        except StoreError as error:
            print(error)

asyncio.run(main())
"""


async def test_a_second_daemon_on_the_same_store_is_told_so_and_takes_over_when_the_first_ends(path: Path) -> None:
    async def second() -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SECOND, str(path)), cwd=PROJECT, stdout=subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode()

    clock = HeldClock()
    async with open_store(path, clock) as rig:
        await rig.store.transact(note(1))
        assert "another kioskd uses this database" in await second()
        assert await rig.store.transact(notes) == [1]
        await rig.store.transact(note(3))
    assert await second() == "2\n"
    async with open_store(path, clock) as rig:
        assert await rig.store.transact(notes) == [1, 2, 3]
        rows = await rig.store.transact(lambda change: change.rows("SELECT payload FROM event ORDER BY sequence"))
        assert [json.loads(payload)["data"]["number"] for (payload,) in rows] == ["1", "3", "2"]


async def test_what_nobody_waits_for_is_stored_in_its_place(path: Path) -> None:
    async with open_store(path) as rig:
        rig.store.post(note(1))
        await rig.store.transact(note(2))
        rig.store.post(note(3))
        assert await rig.store.keep(notes) == [1, 2, 3]
    assert [event["data"]["number"] for event in rig.events.payloads] == ["1", "2", "3"]

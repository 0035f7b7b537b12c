"""The watchdog's beat, the clock's jumps, and the house kept in order, over a real store and a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import ratings, tickets, upkeep
from daemon.clock_jumps import ClockJumps
from daemon.notify import Notifier
from daemon.settings import Service, Settings, Storage
from daemon.store import database_file
from daemon.store import store as store_module
from daemon.store.database import Transaction
from daemon.upkeep import feed_watchdog, keep_house, watch_clock
from tests.store_rig import OpenStore, locked, note, open_store, until

BEAT = b"WATCHDOG=1"
WATCHDOG_S = 0.3
SERVICE = Service(name="综合业务", printer="printer-1", prefix="A")


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenStore]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(tmp_path / "kioskd.db", first=ClockJumps("this start")) as opened:
        yield opened


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


@pytest.fixture
def notifier(tmp_path: Path, manager: socket.socket) -> Notifier:
    limit_us = str(round(WATCHDOG_S * 1_000_000))
    return Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": limit_us})


def beats(manager: socket.socket) -> int:
    """The beats that came since the last call."""
    count = 0
    while True:
        try:
            assert manager.recv(100) == BEAT
        except BlockingIOError:
            return count
        count += 1


async def silence(manager: socket.socket) -> bool:
    """Whether no beat comes for twice as long as systemd would wait."""
    beats(manager)
    await asyncio.sleep(2 * WATCHDOG_S)
    return beats(manager) == 0


async def test_it_beats_while_the_store_answers_and_the_devices_move(
    rig: OpenStore, notifier: Notifier, manager: socket.socket
) -> None:
    alive = True
    async with running(feed_watchdog(notifier, rig.store, lambda: alive)):
        await until(lambda: beats(manager), "a beat")
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        for _ in range(5):
            await until(lambda: beats(manager), "a beat")
            assert loop.time() - last_s < WATCHDOG_S
            last_s = loop.time()
        alive = False
        assert await silence(manager)
        alive = True
        await until(lambda: beats(manager), "a beat")


async def test_a_store_that_does_not_answer_stops_the_beat_and_one_that_fails_does_not(
    rig: OpenStore, notifier: Notifier, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "STORE_ANSWERS_S", 0.02)
    monkeypatch.setattr(database_file, "BUSY_S", 0.0)
    release = threading.Event()
    await rig.store.transact(note(1))
    async with running(feed_watchdog(notifier, rig.store, lambda: True)):
        with locked(rig.path):
            await until(lambda: rig.store.failing, "the failure")
            beats(manager)
            await until(lambda: beats(manager), "a beat: a full disk is no reason for a restart")
        rig.store.post(lambda _: release.wait())
        assert await silence(manager)
        release.set()
        await until(lambda: beats(manager), "a beat")


async def test_a_store_with_too_much_waiting_does_not_count_as_answering(
    tmp_path: Path, notifier: Notifier, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "QUEUE_MAX", 2)
    release, stalled = threading.Event(), threading.Event()

    def stall(_: Transaction) -> None:
        stalled.set()
        release.wait()

    async with open_store(tmp_path / "other.db") as rig:
        rig.store.post(stall)
        await until(stalled.is_set, "the stall")
        rig.store.post(note(1))
        rig.store.post(note(2))
        async with running(feed_watchdog(notifier, rig.store, lambda: True)):
            assert await silence(manager)
        release.set()


async def test_nobody_watching_needs_no_beat(rig: OpenStore) -> None:
    await feed_watchdog(Notifier({}), rig.store, lambda: True)


async def test_a_jump_of_the_clock_is_an_event_and_its_drift_is_not(
    rig: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_S", 0.005)
    clock = rig.clock
    clock.set("1970-01-01T08:00:00+08:00")
    taken, _ = await rig.store.transact(lambda change: tickets.take(change, "a", SERVICE))
    await rig.store.transact(lambda change: tickets.let_wait(change, taken.id))
    await rig.store.transact(lambda change: ratings.open_session(change, "1", taken.id))
    await rig.store.transact(lambda change: ratings.submit(change, "1", "panel-1", 1, session=None))
    async with running(watch_clock(clock, rig.store)):
        await asyncio.sleep(0.02)
        clock.advance(3600)
        clock._steady_s += 1.9
        await asyncio.sleep(0.02)
        assert rig.events.data("clock.jumped") == []
        clock.set("2026-11-21T08:30:00+08:00")
        jumped = (await until(lambda: rig.events.data("clock.jumped"), "the event"))[0]
        assert jumped["before"].startswith("1970-01-01T09:00")
        assert jumped["after"] == "2026-11-21T08:30:00+08:00"
        assert jumped["by_s"] == pytest.approx(1_795_217_400)
        figures = await rig.store.transact(lambda change: tickets.figures(change, "a"))
        assert (figures.waiting, round(figures.longest_wait_s or 0)) == (1, 3600)
        sql = "SELECT opened_at FROM rating_session UNION ALL SELECT opened_at FROM followup"
        opened = await rig.store.transact(lambda change: change.rows(sql))
        assert [round(clock.now().timestamp() - at) for (at,) in opened] == [3600, 3600]
        clock.set("2026-11-21T08:20:00+08:00")
        await until(lambda: len(rig.events.data("clock.jumped")) == 2, "the second event")
        assert rig.events.data("clock.jumped")[1]["by_s"] == -600.0
        figures = await rig.store.transact(lambda change: tickets.figures(change, "a"))
        assert round(figures.longest_wait_s or 0) == 3600, "the same again: nobody waited longer for it"


async def test_who_took_a_number_before_the_clock_was_set_is_not_sent_home_by_a_restart(
    rig: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kiosk without a clock battery: numbers in two runs, and then the time of day is there."""
    monkeypatch.setattr(upkeep, "LOOK_S", 0.005)
    clock = rig.clock
    clock.set("1970-01-01T08:00:00+08:00")

    async def come() -> str:
        ticket, _ = await rig.store.transact(lambda change: tickets.take(change, "a", SERVICE))
        await rig.store.transact(lambda change: tickets.let_wait(change, ticket.id))
        return ticket.number

    numbers = [await come()]
    clock.advance(600)
    async with running(watch_clock(clock, rig.store)):  # this run began after the first number
        numbers.append(await come())
        await asyncio.sleep(0.02)
        clock.set("2026-11-21T08:30:00+08:00")
        await until(lambda: rig.events.data("clock.jumped"), "the event")
        await rig.store.transact(tickets.withdraw_left_over)
        figures = await rig.store.transact(lambda change: tickets.figures(change, "a"))
        assert (figures.waiting, round(figures.longest_wait_s or 0)) == (2, 600)
        numbers.append(await come())
        assert numbers == ["A001", "A002", "A003"], "nobody holds the number of somebody who still waits"
        named = await rig.store.transact(lambda change: tickets.named_by(change, "A001"))
        assert named.id == "19700101-A001"
        clock.set("1970-01-01T08:00:00+08:00")
        await until(lambda: len(rig.events.data("clock.jumped")) == 2, "the second event")
        assert await come() == "A004"
        clock.set("2026-11-21T08:31:00+08:00")
        await until(lambda: len(rig.events.data("clock.jumped")) == 3, "the third event")
        assert await come() == "A005"
        clock.set("2026-11-22T00:10:00+08:00")
        await until(lambda: len(rig.events.data("clock.jumped")) == 4, "the fourth event")
        assert await come() == "A006"
        clock.advance(86_400)
        assert await come() == "A001", "each day anew"


async def test_whoever_waits_is_not_sent_home_in_the_moment_in_which_the_clock_is_set(
    rig: OpenStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(upkeep, "KEEP_HOUSE_S", 0.001)
    monkeypatch.setattr(upkeep, "LOOK_S", 0.05)
    settings = Settings({"hall": "demo", "kiosk": "k1", "store": {"path": str(tmp_path / "kioskd.db")}})
    rig.clock.set("1970-01-01T08:00:00+08:00")
    ticket, _ = await rig.store.transact(lambda change: tickets.take(change, "a", SERVICE))
    await rig.store.transact(lambda change: tickets.let_wait(change, ticket.id))
    async with running(keep_house(lambda: settings, rig.store)), running(watch_clock(rig.clock, rig.store)):
        await asyncio.sleep(0.01)
        rig.clock.set("2026-11-21T08:30:00+08:00")
        await until(lambda: rig.events.data("clock.jumped"), "the event")
        rig.clock.advance(600)
        await asyncio.sleep(0.2)
        assert rig.events.data("ticket.withdrawn") == []
        rig.clock.advance(tickets.LEFT_OVER_S)
        await until(lambda: rig.events.data("ticket.withdrawn"), "the end of the day")


async def test_the_house_is_kept_and_a_failing_disk_does_not_end_that(
    rig: OpenStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(upkeep, "KEEP_HOUSE_S", 0.02)
    monkeypatch.setattr(upkeep, "LOOK_S", 0.005)
    settings = Settings({"hall": "demo", "kiosk": "k1", "store": {"path": str(tmp_path / "kioskd.db")}})
    assert settings.store == Storage(path=tmp_path / "kioskd.db")
    ticket, _ = await rig.store.transact(lambda change: tickets.take(change, "a", SERVICE))
    await rig.store.transact(lambda change: tickets.let_wait(change, ticket.id))
    rig.store.acknowledged(rig.events.sequences)
    await rig.store.unsent(0, 1)
    async with running(keep_house(lambda: settings, rig.store)) as task, running(watch_clock(rig.clock, rig.store)):
        with locked(rig.path):
            await until(lambda: rig.store.failing, "the failure")
        rig.clock.advance(8 * 86_400)
        await until(lambda: rig.events.data("ticket.withdrawn"), "the number of a day that is over")

        def oldest(change: Transaction) -> Any:
            return change.rows("SELECT min(sequence) FROM event")[0][0]

        await until(lambda: rig.events.names[-1] == "ticket.withdrawn", "the last event")
        async with asyncio.timeout(5):
            while await rig.store.transact(oldest) < 3:
                await asyncio.sleep(0.005)
        assert not task.done()

"""The kiosk's own clock, disk and broker, tried: a real store, a real mosquitto, and faults planted (rule 16)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.mqtt.broker import Broker
from daemon.mqtt.uplink import STATUS, Uplink
from daemon.readiness import trials as readiness_trials
from daemon.readiness.trials import Trials, Tried
from daemon.statuses import KioskStatus
from drivers.catalog import Kind
from drivers.device import Condition, Reason, State
from tests.conftest import Mosquitto, Until
from tests.store_rig import HeldClock, OpenStore, locked, open_store

ROOT = "kioskd/demo/k1"
MORNING = "2026-11-23T08:45:00+08:00"


class Rig:
    def __init__(self, opened: OpenStore, link: Uplink, synchronised: Path) -> None:
        self.opened = opened
        self.link = link
        self.synchronised = synchronised
        self.trials = Trials(opened.store, opened.path, opened.clock, dict, link.answers, synchronised=synchronised)

    async def found(self) -> dict[str, tuple[object, ...]]:
        """What the trials find: whether it is well, and why not."""
        return {item.item: (item.ok, *item.reasons) for item in await self.trials.run(())}


@contextlib.asynccontextmanager
async def rig(path: Path, mosquitto: Mosquitto, now: str = MORNING) -> AsyncIterator[Rig]:
    async with open_store(path / "kioskd.db", HeldClock(now)) as opened:
        where = Broker(mosquitto.host, ROOT, "kioskd-demo-k1", port=mosquitto.port)
        status = KioskStatus(state="offline", boot="b", version="0")
        link = Uplink(where, opened.store, will=status, on_command=lambda _: None, delays=lambda: iter([0.05] * 999))
        link.retained.set(STATUS, status)
        task = asyncio.create_task(link.run())
        yield Rig(opened, link, path / "synchronized")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class ReplacedDevice:
    """A device that a reload replaces, or takes away, while it is tried."""

    kind = Kind.PRINTER

    def __init__(self, devices: dict[str, Tried], new: Tried | None) -> None:
        self.devices, self.new = devices, new

    async def check(self, *, pattern: bool) -> Condition:
        del self.devices["p"]
        if self.new is not None:
            self.devices["p"] = self.new
        return Condition(State.ABSENT, (Reason.STOPPED,))


class GoodDevice:
    kind = Kind.PRINTER

    async def check(self, *, pattern: bool) -> Condition:
        return Condition(State.READY)


@pytest.mark.parametrize(("new", "found"), [(None, None), (GoodDevice(), (True,))])
async def test_a_device_that_a_reload_ends_is_not_called_absent(
    new: Tried | None, found: tuple[object, ...] | None, tmp_path: Path
) -> None:
    async with open_store(tmp_path / "kioskd.db", HeldClock(MORNING)) as opened:
        devices: dict[str, Tried] = {}
        devices["p"] = ReplacedDevice(devices, new)

        async def broker_answers(_: float) -> bool:
            return True

        trials = Trials(opened.store, opened.path, opened.clock, lambda: dict(devices), broker_answers)
        items = {item.item: (item.ok, *item.reasons) for item in await trials.run(())}
    assert items.get("p") == found


async def test_all_is_well(tmp_path: Path, broker: Mosquitto, until: Until) -> None:
    async with rig(tmp_path, broker) as kiosk:
        kiosk.synchronised.touch()
        await until(lambda: kiosk.link.connected)
        assert await kiosk.found() == {"clock": (True,), "disk": (True,), "broker": (True,)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (MORNING, (None, "clock-unconfirmed")),
        ("1970-01-01T08:00:00+08:00", (False, "clock-wrong")),
        ("2026-11-20T23:59:00+00:00", (False, "clock-wrong")),
    ],
)
async def test_the_clock(now: str, expected: tuple[object, ...], tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with rig(tmp_path, mosquitto, now) as kiosk:
        assert (await kiosk.found())["clock"] == expected


async def test_a_broker_that_is_not_there(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with rig(tmp_path, mosquitto) as kiosk:
        assert (await kiosk.found())["broker"] == (False, "no-broker")


async def test_a_broker_that_is_connected_and_silent(
    tmp_path: Path, broker: Mosquitto, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness_trials, "ANSWER_S", 0.3)
    async with rig(tmp_path, broker) as kiosk:
        await until(lambda: kiosk.link.connected)
        os.kill(broker.process.pid, signal.SIGSTOP)
        try:
            assert (await kiosk.found())["broker"] == (False, "no-broker")
            assert kiosk.link.connected, "then it would have been easy"
        finally:
            os.kill(broker.process.pid, signal.SIGCONT)
        await until(lambda: kiosk.link.retained.settled)
        assert (await kiosk.found())["broker"] == (True,)


async def test_a_disk_that_takes_nothing(tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.store.database_file.BUSY_S", 0.01)
    async with rig(tmp_path, mosquitto) as kiosk:
        assert (await kiosk.found())["disk"] == (True,)
        with locked(kiosk.opened.path):
            assert (await kiosk.found())["disk"] == (False, "cannot-store")


async def test_a_full_disk(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with rig(tmp_path, mosquitto) as kiosk:
        limit = "PRAGMA max_page_count = 30"
        await kiosk.opened.store.transact(lambda change: change.rows(limit))
        assert (await kiosk.found())["disk"] == (False, "cannot-store")


async def test_a_disk_that_is_nearly_full(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness_trials, "FREE_BYTES_MIN", 1 << 60)
    async with rig(tmp_path, mosquitto) as kiosk:
        assert (await kiosk.found())["disk"] == (False, "disk-low")

"""One phone line, over a real store: what its driver says, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.calendar import Calendar
from daemon.phone_desk import PhoneDesk
from daemon.settings import Phone
from daemon.store import database_file
from drivers.phone.capability import Answer, CallEnded, Caller, PhoneEvent, Ring
from tests.store_rig import OpenStore, locked, open_store, until


class Line:
    def __init__(self, rig: OpenStore, tasks: asyncio.TaskGroup) -> None:
        self.rig = rig
        self.desk = PhoneDesk("phone-1", "1", Phone(), Calendar(), rig.store, tasks)

    def happens(self, *events: PhoneEvent) -> None:
        for event in events:
            self.desk.happened(event)

    async def heard(self, *names: str) -> None:
        await until(lambda: self.rig.events.names == list(names), f"{names}")


def rings(count: int) -> list[PhoneEvent]:
    return [Ring(number, float(number)) for number in range(1, count + 1)]


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(tmp_path / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        yield Line(rig, tasks)


async def test_a_burst_of_events_is_stored_in_its_order(line: Line) -> None:
    for _ in range(20):
        line.happens(*rings(4), Caller("13800138000"), CallEnded(Answer.ANSWERED, 4, 18.0))
    await line.heard(*(["phone.ringing", "alert.raised", "phone.answered", "alert.cleared"] * 20))
    answered = line.rig.events.data("phone.answered")
    assert [data["call"] for data in answered] == [str(number) for number in range(1, 21)]
    assert {data["caller"] for data in answered} == {"138******00"}


async def test_the_rules_in_force_are_the_ones_at_the_ring(line: Line) -> None:
    line.happens(*rings(4))
    line.desk.follow("2", Phone(rings=5, mask_caller=False), Calendar())
    line.happens(Caller("13800138000"), CallEnded(Answer.ANSWERED, 4, 18.0))
    await line.heard("phone.ringing", "alert.raised", "phone.answered", "alert.cleared")
    answered = line.rig.events.data("phone.answered")[0]
    assert (answered["counter"], answered["in_time"], answered["caller"]) == ("2", True, "13800138000")
    assert line.rig.events.data("phone.ringing")[0]["counter"] == "1"


async def test_a_restart_ends_the_call_that_rang_and_no_other(line: Line) -> None:
    await line.desk.resume()
    line.happens(*rings(2))
    await line.heard("phone.ringing")
    await line.desk.resume()
    await line.heard("phone.ringing", "phone.unknown")
    line.happens(*rings(1), CallEnded(Answer.MISSED, 1, 1.0))
    await line.heard("phone.ringing", "phone.unknown", "phone.ringing", "phone.missed")


async def test_a_failing_disk_costs_what_could_not_be_stored_and_nothing_else(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    await line.desk.resume()
    with locked(line.rig.path):
        line.happens(*rings(2))
        await until(lambda: "phone phone-1: what happened was not stored" in caplog.text, "the failure")
        await until(lambda: line.rig.store.failing, "the failure")
    line.happens(Ring(3, 3.0), CallEnded(Answer.MISSED, 3, 12.0))
    await line.heard("phone.ringing", "phone.missed")
    assert line.rig.events.data("phone.missed")[0]["rings"] == 3

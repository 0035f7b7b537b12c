"""The one reconnect loop: what resets its waits, what wakes it, what it says, and what gets out of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, cast

import pytest

from daemon import supervisor as supervisor_module
from daemon.backoff import backoff
from daemon.supervisor import Supervisor
from daemon.units import Unit
from drivers.device import Condition, DeviceError, LinkLost, Reason, State
from tests.store_rig import until

READY = Condition(State.READY)
PAPER_END = Condition(State.FAULTED, (Reason.PAPER_END,), "no paper")


class FakeLink:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class FakeDevice:
    """A device that is there or not, and a driver that serves it as its `script` says."""

    def __init__(self) -> None:
        self.there = True
        self.links: list[FakeLink] = []
        self.attempts = 0
        self.script: Callable[[], Any] = self.unplugged
        self.gone = asyncio.Event()
        self.conditions: list[Condition] = []
        self.waited: list[float] = []
        self.supervisor = Supervisor("printer-1", self.open, self.conditions.append, delays=self.delays)

    def delays(self) -> Iterator[float]:
        for wait in itertools.count(1):
            self.waited.append(wait)
            yield 0.0

    async def open(self) -> FakeLink:
        self.attempts += 1
        if not self.there:
            raise DeviceError(Reason.NOT_PRESENT, "/dev/ttyUSB0")
        self.links.append(FakeLink())
        return self.links[-1]

    async def serve(self, link: Any) -> None:
        assert link is self.links[-1]
        assert link.closed == 0
        await self.script()

    async def unplugged(self) -> NoReturn:
        """Serve in silence until the device goes."""
        await self.gone.wait()
        self.gone.clear()
        raise LinkLost(Reason.DISCONNECTED, "unplugged")

    def answer(self, condition: Condition = READY) -> None:
        self.supervisor.report(condition)


@pytest.fixture
async def device() -> FakeDevice:
    return FakeDevice()


async def stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_only_an_answer_resets_the_waits(device: FakeDevice) -> None:
    device.there = False
    task = asyncio.create_task(device.supervisor.run(device))
    await until(lambda: len(device.waited) >= 5, "five attempts")
    assert device.waited[:5] == [1, 2, 3, 4, 5]
    device.there = True
    await until(lambda: device.links, "an open link")
    device.gone.set()  # it could be opened, said nothing, and went
    before = len(device.waited)
    await until(lambda: len(device.waited) > before, "the next wait")
    assert device.waited[before] == before + 1
    await until(lambda: len(device.links) == 2, "another link")
    device.answer()
    device.gone.set()
    await until(lambda: len(device.links) == 3, "another link")
    assert device.waited[-1] == 1
    await stop(task)


async def test_being_plugged_in_is_tried_at_once(device: FakeDevice) -> None:
    device.there = False
    device.supervisor = Supervisor("p", device.open, device.conditions.append, delays=lambda: itertools.repeat(3600.0))
    task = asyncio.create_task(device.supervisor.run(device))
    await until(lambda: device.conditions, "the first attempt")
    device.there = True
    device.supervisor.wake()
    await until(lambda: device.links, "the second attempt")
    device.supervisor.wake()  # it is served: nothing happens
    await asyncio.sleep(0)
    assert len(device.links) == 1
    await stop(task)


async def test_each_condition_is_told_once(device: FakeDevice) -> None:
    device.there = False
    task = asyncio.create_task(device.supervisor.run(device))
    await until(lambda: device.attempts >= 3, "three attempts")
    device.there = True
    await until(lambda: device.links, "an open link")
    for condition in (READY, READY, PAPER_END, PAPER_END, Condition(State.FAULTED, PAPER_END.reasons, "other words")):
        device.answer(condition)
    device.there = False
    device.gone.set()
    before = device.attempts
    await until(lambda: device.attempts >= before + 3, "further attempts")
    said = [(condition.state, condition.reasons) for condition in device.conditions]
    assert said == [
        (State.ABSENT, (Reason.NOT_PRESENT,)),
        (State.READY, ()),
        (State.FAULTED, (Reason.PAPER_END,)),
        (State.ABSENT, (Reason.DISCONNECTED,)),
        (State.ABSENT, (Reason.NOT_PRESENT,)),
    ]
    await stop(task)


async def test_before_the_first_attempt_nobody_knows_how_it_is(device: FakeDevice) -> None:
    assert device.supervisor.condition.state is State.UNKNOWN
    task = asyncio.create_task(device.supervisor.run(device))
    await until(lambda: device.links, "an open link")
    assert device.supervisor.condition.state is State.UNKNOWN, "open, and silent"
    assert device.conditions == []
    await stop(task)


async def test_every_link_is_closed_once_however_its_service_ends(device: FakeDevice) -> None:
    task = asyncio.create_task(device.supervisor.run(device))
    for count in range(1, 4):
        await until(lambda count=count: len(device.links) == count, "a link")  # type: ignore[misc]
        device.gone.set()
    await until(lambda: len(device.links) == 4, "a link")
    await stop(task)
    assert [link.closed for link in device.links] == [1, 1, 1, 1]


async def test_a_bug_gets_out_and_closes_the_link(device: FakeDevice) -> None:
    async def buggy() -> None:
        raise ZeroDivisionError

    device.script = buggy
    with pytest.raises(ZeroDivisionError):
        await device.supervisor.run(device)
    assert [link.closed for link in device.links] == [1]


async def test_a_cancellation_gets_through_wherever_it_meets_the_loop(device: FakeDevice) -> None:
    opening = asyncio.Event()

    async def slow_open() -> FakeLink:
        opening.set()
        await asyncio.Event().wait()
        raise AssertionError

    device.supervisor = Supervisor("p", slow_open, device.conditions.append)
    task = asyncio.create_task(device.supervisor.run(device))
    await opening.wait()
    await stop(task)
    resting = Supervisor("p", FakeDevice().open, device.conditions.append, delays=lambda: itertools.repeat(3600.0))
    device.there = False
    resting._open_link = device.open
    task = asyncio.create_task(resting.run(device))
    await until(lambda: device.attempts, "an attempt")
    await stop(task)


async def test_a_loop_that_is_stuck_in_opening_is_not_alive(
    device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "ALIVE_S", 0.5)

    async def hang() -> FakeLink:
        await asyncio.Event().wait()
        raise AssertionError

    stuck = Supervisor("stuck", hang, device.conditions.append)
    serving, trying = FakeDevice(), FakeDevice()
    trying.there = False
    trying.supervisor = Supervisor("t", trying.open, device.conditions.append, delays=lambda: itertools.repeat(0.01))
    devices = ((stuck, device), (serving.supervisor, serving), (trying.supervisor, trying))
    tasks = [asyncio.create_task(supervisor.run(driver)) for supervisor, driver in devices]
    await until(lambda: not stuck.alive, "the stuck one to be found out")
    assert serving.supervisor.alive, "it serves, in silence"
    assert trying.supervisor.alive, "it tries"
    for task in tasks:
        await stop(task)


async def test_a_unit_opens_its_link_once_the_one_before_it_has_let_go(device: FakeDevice) -> None:
    let_go = asyncio.Event()
    before: Any = asyncio.create_task(let_go.wait())
    unit = Unit("p", cast("Any", None), device, device.supervisor, cast("Any", None))
    task = asyncio.create_task(unit.run([before]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert device.attempts == 0
    let_go.set()
    await until(lambda: device.links, "an open link")
    await stop(task)


def test_the_waits_grow_to_a_limit_and_are_never_all_the_same() -> None:
    series = [list(itertools.islice(backoff(), 12)) for _ in range(50)]
    for waits in series:
        assert 0.15 <= waits[0] <= 0.2
        assert all(wait <= 5.0 for wait in waits)
        assert waits[-1] >= 3.75
    assert len({waits[5] for waits in series}) > 25

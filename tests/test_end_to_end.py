"""The main job: a visitor takes a number, hears it called, is served and rates; a phone rings. All of it real.

The daemon is a process of its own, the broker a mosquitto, the devices simulators at the far ends of real lines. Rows 1
and 15 of the service rules: nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Cutter, Listen, Mosquitto
from tests.harness import ROOT, SimulatedKiosk, until

VISITS = 20


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    """A simulated kiosk whose daemon runs and has found every device."""
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        yield simulated


def expect_unbroken(kiosk: SimulatedKiosk) -> None:
    """Every sequence number from 1 on was heard; what was heard twice is the same to the byte, under one id."""
    seen: dict[int, bytes] = {}
    for message in list(kiosk.listener.messages):
        if message.topic.startswith(f"{ROOT}/event/"):
            sequence = int(json.loads(message.payload)["sequence"])
            assert seen.setdefault(sequence, message.payload) == message.payload
    assert sorted(seen) == list(range(1, len(seen) + 1))
    ids = {json.loads(payload)["id"] for payload in seen.values()}
    assert len(ids) == len(seen)


async def visit(kiosk: SimulatedKiosk, number: int) -> None:
    """One visitor, and one call on the phone meanwhile."""
    ticket, level = f"A{number:03d}", 1 + number % 5
    taken = await kiosk.ask("ticket/take", service="a")
    assert (taken["status"], taken["data"]["number"]) == ("done", ticket)
    slip = kiosk.slips[-1]
    assert slip[:1] + slip[2:6] == ["区政务服务中心", "办理业务：综合业务", "您的号码", ticket, "前面等候：0人"]
    assert slip[6] == "办理窗口：1号窗口、2号窗口"
    assert slip[7].startswith("取号时间：20")
    assert slip[9:] == ["请留意叫号", "投诉电话：12345"]

    called = await kiosk.ask("ticket/next", counter="1")
    assert called["data"]["number"] == ticket
    await kiosk.board_shows(f"请{ticket}到1号窗口")
    await kiosk.event("ticket.called", number=ticket, counter="1", times=1)
    await kiosk.event("display.shown", text=f"请{ticket}到1号窗口", confirmed=True)

    finished = await kiosk.ask("ticket/finish", counter="1")
    kiosk.lines["keypad"].command(f"press {level}")
    rating = await kiosk.event("rating.submitted", session=finished["data"]["session"])
    assert (rating["data"]["level"], rating["data"]["ticket"]) == (level, taken["data"]["ticket"])

    kiosk.lines["phone"].command("ring 5 13800138000")
    if number % 2:
        await kiosk.event("phone.ringing", count=number)
        kiosk.lines["phone"].command("pick-up")
        answered = await kiosk.event("phone.answered", count=(number + 1) // 2)
        kiosk.lines["phone"].command("hang-up")
        assert answered["data"]["in_time"] is (answered["data"]["rings"] <= 3)
    else:
        await kiosk.event("alert.raised", count=number // 2, alert="phone-unanswered")
        missed = await kiosk.event("phone.missed", count=number // 2)
        assert (missed["data"]["rings"], missed["data"]["caller"]) == (5, "138******00")
        await kiosk.event("alert.cleared", count=number // 2, alert="phone-unanswered")


async def test_a_whole_visit_twenty_times(kiosk: SimulatedKiosk) -> None:
    for number in range(1, VISITS + 1):
        await visit(kiosk, number)
    expect_unbroken(kiosk)
    names = [event["type"].removeprefix("kioskd.") for event in kiosk.events()]
    once_a_visit = ("ticket.issued", "print.printed", "ticket.waiting", "ticket.called", "ticket.finished")
    assert {name: names.count(name) for name in once_a_visit} == dict.fromkeys(once_a_visit, VISITS)
    assert names.count("rating.opened") == names.count("rating.submitted") == VISITS
    assert not kiosk.printer.unknown_commands
    assert len(kiosk.slips) == VISITS
    assert await kiosk.stop() < 3.0
    await until(lambda: kiosk.status("status").get("state") == "offline", "the farewell")
    assert [event["data"]["clean"] for event in kiosk.events("daemon.started")] == [True]


async def test_it_starts_with_nothing_and_takes_what_appears(
    tmp_path: Path, mosquitto: Mosquitto, listen: Listen
) -> None:
    mosquitto.start()
    async with SimulatedKiosk(tmp_path, mosquitto, listen()) as kiosk:
        for line in kiosk.lines.values():
            line.pull()
        mosquitto.kill()
        kiosk.start()
        await until(kiosk.database.exists, "the store")
        kiosk.lines["printer"].restore()
        mosquitto.start()
        await until(lambda: kiosk.listener.subscribed, "the listener")
        await kiosk.device_is("printer-1", "ready")
        assert (await kiosk.device_is("panel-1", "absent"))["reasons"] == ["not-present"]
        for line in kiosk.lines.values():
            line.restore()
        await kiosk.ready()


async def test_every_device_is_cut_and_comes_back(kiosk: SimulatedKiosk) -> None:
    devices = {"printer": "printer-1", "display": "led-1", "keypad": "panel-1", "phone": "phone-1"}
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    for line, device in devices.items():
        kiosk.lines[line].pull()
        await kiosk.device_is(device, "absent")
    kiosk.display.commands["restart"].run([])
    for line, device in devices.items():
        kiosk.lines[line].restore()
        await kiosk.device_is(device, "ready")
    await kiosk.board_shows("请A001到1号窗口")
    kiosk.lines["keypad"].command("press 4")
    await kiosk.event("rating.unsolicited", panel="panel-1", level=4)
    expect_unbroken(kiosk)


async def test_a_ticket_waits_for_paper_and_is_withdrawn_when_nobody_waits_for_it(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["printer"].command("paper-end")
    await kiosk.device_is("printer-1", "faulted")
    patient = kiosk.send("ticket/take", service="a", deadline_s=60)
    hasty = kiosk.send("ticket/take", service="a", deadline_s=1)
    await until(lambda: len(kiosk.replies(patient)) == 1 and len(kiosk.replies(hasty)) == 1, "two accepted")
    assert (await kiosk.ask("ticket/next", counter="1"))["reason"] == "nothing-waiting"
    # the hasty one stands behind the patient one: its deadline counts all the same
    expired = await kiosk.answer(hasty)
    assert (expired["status"], expired["reason"]) == ("expired", "paper-end")
    await kiosk.event("ticket.withdrawn", number="A002", reason="paper-end")
    kiosk.lines["printer"].command("refill")
    assert (await kiosk.answer(patient))["status"] == "done"
    assert [slip[4] for slip in kiosk.slips] == ["A001"]
    assert (await kiosk.ask("ticket/next", counter="1"))["data"]["number"] == "A001"


async def test_the_broker_is_killed_during_a_stream_of_presses(
    tmp_path: Path, broker: Mosquitto, listen: Listen, cutter: Cutter
) -> None:
    async with SimulatedKiosk(tmp_path, cutter, listen(), bounce_s=0) as kiosk:
        kiosk.start()
        await kiosk.ready()
        presses = 0
        for round_ in range(4):
            for _ in range(25):
                presses += 1
                kiosk.lines["keypad"].command(f"press {1 + presses % 5}")
                if presses % 25 == 10:
                    cutter.refuse = True
                    broker.kill()
                await asyncio.sleep(0.002)
            broker.start()
            await until(lambda: kiosk.listener.subscribed, "the listener")
            cutter.refuse = False  # the listener has to be there first: this broker keeps nothing for anybody
            await kiosk.event("rating.unsolicited", count=25 * (round_ + 1))
        expect_unbroken(kiosk)


def stored_ids(database: Path) -> set[str]:
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT payload FROM event").fetchall()
    finally:
        connection.close()
    return {json.loads(payload)["id"] for (payload,) in rows}


def number_on(slip: list[str]) -> str:
    """The number of a ticket; a line that marks a reprint may stand above it."""
    return slip[slip.index("您的号码") + 1]


@pytest.mark.timeout(1500)
async def test_killed_at_random_moments_it_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, broker: Mosquitto, listen: Listen, kills: int
) -> None:
    chance = random.Random(20261121)
    commands: list[str] = []
    printed: list[str] = []
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.patience_s = 90  # in the long form hundreds of tickets are queued, each wanted for a minute
        for _ in range(kills):
            kiosk.start()
            await until(lambda: kiosk.status("status"), "a status")
            moment_s = chance.uniform(0.0, 0.5)
            kill_at = asyncio.get_running_loop().time() + moment_s
            while asyncio.get_running_loop().time() < kill_at:
                commands.append(kiosk.send("ticket/take", service="a", deadline_s=600))
                kiosk.lines["keypad"].command(f"press {chance.randint(1, 5)}")
                await asyncio.sleep(chance.uniform(0.0, 0.02))
            kiosk.kill()
            printed += [number_on(slip) for slip in kiosk.slips]
            kiosk.lines["printer"].command("take-slips")
        kiosk.start()
        await kiosk.ready()
        answers = {command: await kiosk.answer(command) for command in commands}
        await kiosk.stop()
        expect_unbroken(kiosk)
        assert {event["id"] for event in kiosk.events()} == stored_ids(kiosk.database)

        issued = {event["id"]: event["data"]["number"] for event in kiosk.events("ticket.issued")}
        assert len(set(issued.values())) == len(issued), "a number was given twice"
        numbers = [answer["data"]["number"] for answer in answers.values() if "number" in answer["data"]]
        assert sorted(numbers) == sorted(issued.values()), "each command has one number, each number one command"
        printed += [number_on(slip) for slip in kiosk.slips]
        assert len(set(printed)) == len(printed), "a ticket was printed twice"
        assert set(printed) <= set(issued.values())
        clean = [event["data"]["clean"] for event in {e["id"]: e for e in kiosk.events("daemon.started")}.values()]
        assert clean[0]
        assert not any(clean[1:])
        assert kills / 2 < len(clean) <= kills + 1  # who is killed before the first word is on the disk has said none

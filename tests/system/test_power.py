"""The plug is pulled on the whole machine, amid presses and prints."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.system.kiosk import LIVES_ON, Attached, InstalledKiosk, unbroken

pytestmark = LIVES_ON

KEYS = "12345"


async def storm(kiosk: InstalledKiosk, devices: Attached, chance: random.Random, for_s: float) -> list[str]:
    """Tickets and presses, as fast as a crowd can; the ids of the commands."""
    commands = []
    loop = asyncio.get_running_loop()
    until_s = loop.time() + for_s
    while loop.time() < until_s:
        commands.append(kiosk.send("ticket/take", service="a", deadline_s=3600))
        await kiosk.machine.press(chance.choice(KEYS), 0.02)
        await asyncio.sleep(chance.uniform(0.0, 0.3))
    return commands


@pytest.mark.essential
@pytest.mark.timeout(3600)
async def test_nothing_is_lost_when_the_power_goes(kiosk: InstalledKiosk, attached: Attached, cuts: int) -> None:
    chance = random.Random(20261121)
    commands: list[str] = []
    for _ in range(cuts):
        commands += await storm(kiosk, attached, chance, chance.uniform(1.0, 4.0))
        kiosk.machine.cut()
        kiosk.heard_before = len(kiosk.listener.messages)
        await kiosk.machine.boot()
        await attached.plug()
        await kiosk.online()
        await kiosk.ready("printer-1", "panel-1", "panel-2")
    commands += await storm(kiosk, attached, chance, 1.0)
    kiosk.heard_before = len(kiosk.listener.messages)
    await kiosk.machine.reboot()
    await kiosk.online()
    await kiosk.ready("printer-1", "panel-1", "panel-2")

    answers = {command: await kiosk.answer(command) for command in commands}
    await kiosk.run("systemctl stop kioskd")
    unbroken(kiosk.listener)
    heard = {event["id"] for event in kiosk.events()}
    assert await kiosk.stored() <= heard, "an event that is on the disk never arrived"

    issued = {event["id"]: event["data"]["number"] for event in kiosk.events("ticket.issued")}
    numbers = [answer["data"]["number"] for answer in answers.values() if "number" in answer["data"]]
    assert len(set(numbers)) == len(numbers), "a number was given twice"
    assert set(numbers) <= set(issued.values())
    assert len(set(attached.numbers)) == len(attached.numbers), "a ticket was printed twice"
    assert set(attached.numbers) <= set(issued.values()), "somebody holds a number that nobody knows"
    assert kiosk.events("rating.unsolicited")
    await kiosk.configure()

"""Everything at once: visitors, staff, faults of every device, a line and a daemon that die."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.device import CommandError
from tests.conftest import Cutter, Listen, Mosquitto
from tests.harness import ROOT, SimulatedKiosk, until
from tests.test_end_to_end import expect_unbroken, stored_ids

Data = Mapping[str, Any]
Chance = random.Random

NUMBER = "您的号码"
"""The line of a ticket before its number."""

COUNTERS = ("1", "2", "1", "2", "nowhere")
SERVICES = ("a", "a", "b", "nothing")

TEXTS = ("好", "请A001到1号窗口", "\x1b@", "龘", "长" * 500)

FAULTS: Mapping[str, tuple[str, ...]] = {
    "printer": (
        "paper-near-end", "paper-end", "cover-open", "cutter-error", "recoverable-error", "power-off", "feed-button",
        "silent", "deaf", "half", "garbage-next", "noise", "cut",
    ),
    "display": ("restart", "off", "busy 5", "nack 5", "bad-crc", "wrong-address", "silent", "half", "noise", "cut"),
    "keypad": ("press 1", "press 5", "press 3", "bounce 2", "stuck 4", "cut"),
    "evaluator": ("press 1", "press 2", "press 3", "bounce 3", "stuck 1", "restart", "silent", "noise", "half", "cut"),
    "phone": ("ring", "ring 5", "give-up", "pick-up", "lost-ring", "restart", "silent", "noise", "garbage-next", "cut"),
}  # fmt: skip

REMEDIES: Mapping[str, tuple[str, ...]] = {
    "printer": ("feed-button off", "silent off", "deaf off", "restore", "power-on", "refill", "cover-close", "clear"),
    "display": ("silent off", "wrong-address off", "restore", "on"),
    "keypad": ("restore", "release"),
    "evaluator": ("silent off", "stuck off", "restore"),
    "phone": ("silent off", "restore", "give-up", "hang-up"),
}


def _at_counter(chance: Chance, _: list[str]) -> Data:
    return {"counter": chance.choice(COUNTERS)}


def _ticket(chance: Chance, known: list[str]) -> Data:
    return {"ticket": chance.choice([*known, "never-given"])}


COMMANDS: Mapping[str, tuple[int, Callable[[Chance, list[str]], Data]]] = {
    "ticket/take": (6, lambda chance, _: {"service": chance.choice(SERVICES)}),
    "ticket/next": (6, _at_counter),
    "ticket/finish": (3, _at_counter),
    "ticket/recall": (1, _at_counter),
    "ticket/uncall": (1, _at_counter),
    "ticket/skip": (1, _at_counter),
    "ticket/call": (1, lambda chance, known: {**_at_counter(chance, known), **_ticket(chance, known)}),
    "ticket/return": (1, _ticket),
    "ticket/cancel": (1, _ticket),
    "ticket/reprint": (1, _ticket),
    "ticket/transfer": (
        1, lambda chance, known: {**_at_counter(chance, known), "service": chance.choice(SERVICES), "slip": True}
    ),
    "ticket/print": (1, lambda *_: {"number": "X1", "service": "a"}),
    "counter/open": (6, _at_counter),
    "counter/pause": (1, lambda chance, known: {**_at_counter(chance, known), "reason": "取药去了"}),
    "counter/close": (1, _at_counter),
    "rating/open": (1, lambda chance, known: {**_at_counter(chance, known), "item": chance.choice(["i1", "i2"])}),
    "rating/cancel": (1, _at_counter),
    "display/show": (1, lambda chance, _: {"display": "led-1", "text": chance.choice(TEXTS)}),
    "readiness/check": (1, lambda chance, _: {"printer": chance.choice(["printer-1", None])}),
    "events/replay": (1, lambda chance, _: {"from_sequence": 1, "to_sequence": chance.randint(1, 20)}),
    "events/erase": (1, _ticket),
    "alert/acknowledge": (1, lambda *_: {"alert": "device-fault", "about": "printer-1", "by": "值班"}),
    "no/command": (1, lambda *_: {}),
}  # fmt: skip
"""What is asked, how often, and of what."""


class Turmoil:
    """One kiosk to which things happen. `sent` has every command: topic and payload by id."""

    def __init__(self, kiosk: SimulatedKiosk, cutter: Cutter, chance: Chance) -> None:
        self.kiosk = kiosk
        self.cutter = cutter
        self.chance = chance
        self.sent: dict[str, tuple[str, bytes]] = {}

    async def step(self) -> None:
        """One thing happens, and then another at some moment soon."""
        kinds = {self.ask: 60, self.ask_again: 8, self.disturb: 27, self.upset: 2}
        await self.chance.choices(list(kinds), list(kinds.values()))[0]()
        await asyncio.sleep(self.chance.choice([0, 0, 0.01, 0.05, 0.2]))

    async def ask(self) -> None:
        name = self.chance.choices(list(COMMANDS), [weight for weight, _ in COMMANDS.values()])[0]
        deadline = datetime.now(UTC) + timedelta(seconds=self.chance.choice([3, 600, 600, 600]))
        command = uuid.UUID(int=self.chance.getrandbits(128)).hex
        data = COMMANDS[name][1](self.chance, self.numbers)
        body = {"id": command, "deadline": deadline.isoformat(), "data": data}
        self.sent[command] = f"{ROOT}/command/{name}", json.dumps(body).encode()
        self.kiosk.listener.publish(*self.sent[command])

    async def ask_again(self) -> None:
        if self.sent:
            self.kiosk.listener.publish(*self.sent[self.chance.choice(list(self.sent))])

    async def disturb(self) -> None:
        name = self.chance.choice(list(FAULTS))
        self.tell(name, self.chance.choice(FAULTS[name]))
        if self.chance.random() < 0.8:
            self.mend(name)

    async def upset(self) -> None:
        """The line to the broker is cut, the daemon killed, restarted, or told to read its configuration."""
        match self.chance.randrange(4):
            case 0:
                self.cutter.refuse = True
                self.cutter.cut()
                await asyncio.sleep(self.chance.uniform(0, 1))
                self.cutter.refuse = False
            case 1:
                self.kiosk.kill()
                self.kiosk.start()
            case 2:
                await self.kiosk.heeds_signals()
                await self.kiosk.stop()
                self.kiosk.start()
            case _:
                await self.kiosk.heeds_signals()
                self.kiosk.process.send_signal(signal.SIGHUP)

    def tell(self, name: str, fault: str) -> None:
        try:
            self.kiosk.lines[name].command(fault)
        except CommandError:
            assert fault.startswith(("ring", "pick-up", "hang-up", "give-up", "noise")), f"{name} knows no {fault}"

    def mend(self, name: str) -> None:
        for remedy in REMEDIES[name]:
            self.tell(name, remedy)

    @property
    def numbers(self) -> list[str]:
        """Every number that was given."""
        return list({event["id"]: event["data"]["number"] for event in self.kiosk.events("ticket.issued")}.values())

    async def calm(self) -> None:
        """Mend everything, and ask again what was lost with the line; each command has an answer when this returns."""
        for name in REMEDIES:
            self.mend(name)
        await until(lambda: self.kiosk.status("status").get("state") == "online", "online")
        await self.kiosk.device_is("printer-1", "ready")  # of noise others may complain until their next check
        for command, message in self.sent.items():
            if not self.answers(command):
                self.kiosk.listener.publish(*message)
        await until(lambda: all(self.answers(command) for command in self.sent), "an answer to everything", 90)

    def answers(self, command: str) -> set[str]:
        """The different final answers to a command."""
        final = [reply for reply in self.kiosk.replies(command) if reply["status"] != "accepted"]
        return {json.dumps(reply, sort_keys=True) for reply in final}

    @property
    def tickets(self) -> list[str]:
        """The numbers on the tickets that came out whole and do not say that they are copies."""
        slips = (slip for slip in self.kiosk.slips if NUMBER in slip and "补打" not in "".join(slip))
        return [slip[slip.index(NUMBER) + 1] for slip in slips]


@pytest.mark.timeout(1500)
async def test_whatever_happens_nothing_is_lost_and_nothing_is_done_twice(
    tmp_path: Path, broker: Mosquitto, listen: Listen, cutter: Cutter, kills: int
) -> None:
    async with SimulatedKiosk(tmp_path, cutter, listen()) as kiosk:
        service = '[services.b]\nname = "社保"\nprefix = "B"\nprinter = "printer-1"\nlimit = "10 min"\n\n[counters.1]'
        kiosk.write_configuration(**{"[counters.1]": service, '["a"]\ndisplay': '["a", "b"]\ndisplay'})
        kiosk.start()
        await kiosk.ready()
        turmoil = Turmoil(kiosk, cutter, Chance(20261122))
        for _ in range(kills * 10):
            await turmoil.step()
        await turmoil.calm()
        await kiosk.stop()

        for command in turmoil.sent:
            assert len(turmoil.answers(command)) == 1, "an answer changed"
        expect_unbroken(kiosk)
        assert stored_ids(kiosk.database) == {event["id"] for event in kiosk.events()}
        numbers = turmoil.numbers
        assert len(set(numbers)) == len(numbers), "a number was given twice"
        assert len(set(turmoil.tickets)) == len(turmoil.tickets), "a ticket was printed twice"
        taken = [json.loads(answer) for command in turmoil.sent for answer in turmoil.answers(command)]
        held = {
            answer["data"]["number"] for answer in taken if answer["status"] == "done" and "number" in answer["data"]
        }
        assert held <= set(numbers)
        assert set(turmoil.tickets) <= set(numbers), "somebody holds a number that nobody knows"
        assert "Traceback" not in kiosk.log

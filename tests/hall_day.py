"""A day of a hall, simulated: twenty counters with their devices on real lines, and the whole daemon on a clock that is
moved by the day's plan.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.commands import Request
from daemon.kiosk import Kiosk
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.session import Session
from daemon.notify import Notifier
from daemon.sender import Sender
from daemon.settings import load_settings
from daemon.slips.book import SlipBook
from simulators.bx_display import BxDisplaySimulator
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.keypad import KeypadSimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from simulators.unix_endpoint import UnixEndpoint
from tests.store_rig import HeldClock

ROOT = "kioskd/demo/k1"
COUNTERS = 20
SERVICES = 4
PRINTERS = 2
RATED = 15
"""Of the counters: the visitors of so many rate in each round; one does not come when called, the rest do not rate."""

PATIENCE_S = 60.0

HEAD = """\
hall = "demo"
kiosk = "k1"

[mqtt]
host = "{host}"
port = {port}

[store]
path = "{directory}/kioskd.db"

[rating]
timeout_s = 600
bounce_s = 0.0
"""


def configuration(directory: Path, broker: Any, lines: dict[str, Stage]) -> str:
    """``kioskd.toml`` of the hall."""
    parts = [HEAD.format(host=broker.host, port=broker.port, directory=directory)]
    for number in range(SERVICES):
        letter = "abcd"[number]
        parts.append(
            f'[services.{letter}]\nname = "业务{letter}"\nprefix = "{letter.upper()}"\n'
            f'last = 99999\nprinter = "printer-{number % PRINTERS}"\n'
        )
    parts += [
        f'[counters.{number}]\nname = "{number}号窗口"\nservices = ["{service_of(number)}"]\n'
        f'display = "led-{number}"\npanel = "panel-{number}"\nphone = "phone-{number}"\n'
        for number in range(COUNTERS)
    ]
    options = {
        "printer": 'driver = "escpos"\n',
        "led": 'driver = "bx"\nrefresh_s = 0.01\n',
        "panel": 'driver = "keypad"\n',
        "phone": 'driver = "modem"\nhook = "reported"\nringing_stopped_s = 0.5\nsame_ring_s = 0.05\nsettle_s = 0.02\n',
    }
    for name, line in lines.items():
        parts.append(f'[devices.{name}]\nlink = "{line.endpoint.url}"\n{options[name.partition("-")[0]]}')
    return "\n".join(parts)


def service_of(counter: int) -> str:
    return "abcd"[counter % SERVICES]


class Hearing:
    """A subscriber to the events and figures, which can be waited for."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.retained: dict[str, Any] = {}
        self._awaited: list[tuple[str, dict[str, Any], asyncio.Future[dict[str, Any]]]] = []

    def expect(self, kind: str, **data: Any) -> asyncio.Future[dict[str, Any]]:
        """The data of the next event of this type with these values in it. Ask before what brings it about."""
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._awaited.append((f"kioskd.{kind}", data, future))
        return future

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The data of every event of this type, repetitions left out."""
        found = {event["id"]: event["data"] for event in self.events if event["type"] == f"kioskd.{kind}"}
        return list(found.values())

    def on_message(self, message: Incoming) -> None:
        message.acknowledge()
        payload: dict[str, Any] = json.loads(message.payload or b"{}")
        if not message.topic.startswith("event/"):
            self.retained[message.topic] = payload
            return
        self.events.append(payload)
        for awaited in list(self._awaited):
            kind, data, future = awaited
            if payload["type"] == kind and data.items() <= payload["data"].items():
                self._awaited.remove(awaited)
                if not future.done():
                    future.set_result(payload["data"])

    def on_connected(self) -> None:
        """The first connection lasts the whole day."""

    def on_disconnected(self, reason: str) -> None:
        """The broker keeps nothing for a subscriber without a session: what it missed would show in the totals."""

    def next(self) -> Outgoing | None:
        return None


@dataclass
class Plan:
    """What the day came to, as whoever played it knows."""

    tickets: Counter[str] = field(default_factory=Counter)
    services: Counter[tuple[str, str]] = field(default_factory=Counter)
    levels: Counter[int] = field(default_factory=Counter)
    lapsed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    waited_s: list[float] = field(default_factory=list)
    served_s: list[float] = field(default_factory=list)


class HallDay:
    """The hall. `play` the day; `plan` is what happened."""

    def __init__(self, directory: Path, broker: Any) -> None:
        self.directory = directory
        self.hearing = Hearing()
        self.plan = Plan()
        # tomorrow: whoever sends a command waits for its answer by the real clock
        morning = datetime.now().astimezone().replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self.clock = HeldClock(morning.isoformat())
        self._broker = broker
        self.lines = {f"printer-{number}": self._printer(number) for number in range(PRINTERS)}
        for number in range(COUNTERS):
            display = BxDisplaySimulator(reply_s=0.001, boot_s=0.01)
            modem = ModemPhoneSimulator(on_s=0.02, off_s=0.13, answer_s=0.001, tenth_s=0.01)
            self.lines |= {
                f"led-{number}": Stage(display, TcpEndpoint()),
                f"panel-{number}": Stage(KeypadSimulator(hold_s=0.001), UnixEndpoint(directory / f"panel-{number}")),
                f"phone-{number}": Stage(modem, PtyEndpoint(directory / f"phone-{number}")),
            }

    def _printer(self, number: int) -> Stage:
        return Stage(EscposPrinterSimulator(mm_per_s=None), PtyEndpoint(self.directory / f"printer-{number}"))

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs: devices, daemon, whoever listens and whoever sends commands."""
        path = self.directory / "kioskd.toml"
        async with contextlib.AsyncExitStack() as stack:
            for line in self.lines.values():
                await stack.enter_async_context(line)
            path.write_text(configuration(self.directory, self._broker, self.lines), encoding="utf-8")
            where = Broker(self._broker.host, ROOT, "", port=self._broker.port)
            listening = asyncio.create_task(
                Session(where, self.hearing, subscriptions=("event/#", "device/+", "figures/#")).run()
            )
            self._sender = Sender(where)
            await stack.enter_async_context(self._sender.connected())
            kiosk = Kiosk(load_settings(path, {}), self.clock, Notifier(), SlipBook(path))
            running = asyncio.create_task(kiosk.run())
            yield
            kiosk.stop()
            await running
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def ask(self, command: str, **data: Any) -> dict[str, Any]:
        """Send a command; the data of its final reply, which has to be `done`."""
        request = Request(id=uuid.uuid4().hex, deadline=self.clock.now() + timedelta(hours=1), data=data)
        answers = [answer async for answer in self._sender.ask(command, request)]
        assert answers[-1]["status"] == "done", (command, data, answers)
        found: dict[str, Any] = answers[-1]["data"]
        return found

    async def play(self, *, rounds: int, calls: int) -> None:
        """Twenty visitors in each round, and so many calls on each telephone meanwhile."""
        async with asyncio.timeout(None), asyncio.TaskGroup() as tasks:
            for number in range(COUNTERS):
                tasks.create_task(self._ring(number, calls))
            for turn in range(rounds):
                await self._round(turn)

    async def _round(self, turn: int) -> None:
        """The clock stands still while something is done, and moves in between: every time is known to the second."""
        counters = range(COUNTERS)
        await asyncio.gather(*(self._take(service_of(number)) for number in counters))
        wait_s, serve_s = 30.0 + turn, 90.0 + turn % 7
        self.clock.advance(wait_s)
        await asyncio.gather(*(self.ask("ticket/next", counter=str(number)) for number in counters))
        self.plan.waited_s += [wait_s] * COUNTERS
        self.clock.advance(serve_s)
        await asyncio.gather(*(self._serve(number, turn, serve_s) for number in counters))

    async def _take(self, service: str) -> None:
        await self.ask("ticket/take", service=service)
        self.plan.tickets["issued"] += 1
        self.plan.services["issued", service] += 1

    async def _serve(self, number: int, turn: int, serve_s: float) -> None:
        service, place = service_of(number), (number + turn) % COUNTERS
        outcome = "skipped" if place == COUNTERS - 1 else "finished"
        self.plan.tickets[outcome] += 1
        self.plan.services[outcome, service] += 1
        if outcome == "skipped":
            await self.ask("ticket/skip", counter=str(number))
            return
        await self.ask("ticket/finish", counter=str(number))
        self.plan.served_s.append(serve_s)
        if place < RATED:
            await self._rate(number, 1 + (place + turn) % 5)
        else:
            await self.ask("rating/cancel", counter=str(number))
            self.plan.lapsed += 1

    async def _rate(self, number: int, level: int) -> None:
        heard = self.hearing.expect("rating.submitted", counter=str(number))
        self.lines[f"panel-{number}"].command(f"press {level}")
        assert (await self._within(heard))["level"] == level
        self.plan.levels[level] += 1

    async def _ring(self, number: int, calls: int) -> None:
        for call in range(calls):
            await self._call(number, ("in-time", "late", "missed", "in-time")[(number + call) % 4])

    async def _call(self, number: int, outcome: str) -> None:
        phone, line = f"phone-{number}", self.lines[f"phone-{number}"]
        ending = "phone.missed" if outcome == "missed" else "phone.answered"
        ended = self.hearing.expect(ending, phone=phone)
        ready = {
            "in-time": self.hearing.expect("phone.ringing", phone=phone),
            "late": self.hearing.expect("alert.raised", alert="phone-unanswered", about=phone),
            "missed": ended,
        }[outcome]
        line.command("ring 2" if outcome == "missed" else "ring 40")
        await self._within(ready)
        if outcome != "missed":
            line.command("pick-up")
            assert (await self._within(ended))["in_time"] is (outcome == "in-time")
            line.command("hang-up")
        self.plan.calls[outcome] += 1

    async def _within(self, future: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return await future

"""A hall by the rules of the whole daemon, day after day in a moment: the store, the way in for commands, the desks,
the pictures and the upkeep are the real ones, over devices that do at once what they are asked.

Nothing of what happened is kept here: what grows in memory from one day to the next is the daemon's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon import forecast, upkeep
from daemon.alerts.device_watch import DeviceWatch
from daemon.clock_jumps import ClockJumps
from daemon.commands import Reply, command_types
from daemon.display_desk import DisplayDesk
from daemon.envelope import StoredEvent
from daemon.figures import counting
from daemon.figures.board import FiguresBoard
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.intake import Intake
from daemon.model import Model
from daemon.phone_desk import PhoneDesk
from daemon.picture import Picture
from daemon.printing.runner import PrintRunner
from daemon.rating_desk import RatingDesk
from daemon.readiness.desk import ReadinessDesk
from daemon.readiness.report import CheckedItem
from daemon.settings import Settings
from daemon.slips.book import SlipBook
from daemon.store.store import Store
from drivers.device import Condition, State
from drivers.display.capability import Shown
from drivers.panel.capability import Press
from drivers.phone.capability import Answer, CallEnded, Caller, Ring
from drivers.printer.capability import Closing, Evidence, Leftover, Outcome, PrintResult, Progress
from drivers.printer.page import Page
from tests.store_rig import SOURCE, HeldClock

PATIENCE_S = 30.0
KEEP_DAYS = 3
COUNTERS = ("1", "2")
HOURS = "[hours]\n" + "".join(f'{day} = ["09:00-17:00"]\n' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
READY = Condition(State.READY)


def settings_of(directory: Path) -> Settings:
    """Two services, of which one promises ten minutes, and two counters with everything."""
    calendar = directory / "calendar.toml"
    calendar.write_text(HOURS)
    services = {
        name: {"name": f"业务{name}", "printer": "printer-1", "prefix": name.upper(), "last": 99999} for name in "ab"
    }
    services["a"]["limit"] = "10 min"
    counters = {
        name: {
            "name": f"{name}号窗口",
            "services": ["a", "b"],
            "display": "led-1",
            "panel": f"panel-{name}",
            "phone": f"phone-{name}",
        }
        for name in COUNTERS
    }
    devices = {"printer-1": "escpos", "led-1": "bx"} | {f"panel-{name}": "centerm" for name in COUNTERS}
    devices |= {f"phone-{name}": "modem" for name in COUNTERS}
    links = {name: f"tcp://127.0.0.1:{port}" for port, name in enumerate(devices, start=1)}
    return Settings(
        {
            "hall": "demo",
            "kiosk": "k1",
            "calendar": str(calendar),
            "store": {"path": str(directory / "kioskd.db"), "keep_days": KEEP_DAYS},
            "rating": {"timeout_s": 600, "bounce_s": 0},
            "queue": {"back_after": 1, "back_times": 1, "wait_max_s": 600},
            "services": services,
            "counters": counters,
            "devices": {name: {"driver": driver, "link": links[name]} for name, driver in devices.items()},
        }
    )


class Paper:
    """A printer that prints."""

    columns = 48

    async def print_page(
        self, page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        if progress is not None:
            progress(9, 9)
        if closing is not None:
            await closing()
        return PrintResult(Outcome.PRINTED, paper=True, sent=9, total=9, evidence=Evidence.PROCESS_ID)

    def take_over(self, leftover: Leftover | None, cleared: Callable[[], None]) -> None: ...


class Board:
    """A board that shows."""

    voice = None

    async def show(self, _: str) -> Shown:
        return Shown.CONFIRMED


class Panel:
    """A panel that does as it is told."""

    async def invite(self) -> None: ...
    async def thank(self) -> None: ...
    async def dismiss(self) -> None: ...


class Trials:
    """Everything works."""

    async def run(self, _: Collection[str]) -> tuple[CheckedItem, ...]:
        return (CheckedItem(item="printer-1", kind="printer", ok=True, state="ready", reasons=()),)


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes
    retained: bool = False


class HallMonth:
    """The hall; `play` a day. `happened` counts the events by name, and is all that is remembered."""

    def __init__(self, directory: Path) -> None:
        self.settings = settings = settings_of(directory)
        self.clock = HeldClock("2026-11-01T08:00:00+08:00")
        self.happened: Counter[str] = Counter()
        self.store = Store(
            settings.store.path,
            source=SOURCE,
            clock=self.clock,
            on_committed=self._committed,
            on_health=self._healthy,
            reactions=(counting.count, forecast.learn),
            first=ClockJumps("start 1"),
        )
        self._watch = DeviceWatch(self.clock)
        self._picture = Picture(lambda: settings, self.store, self._watch, self._show, self._cleared)
        self._figures = FiguresBoard(self._watch.states, self.store, self.clock, self._show)
        self._shown: dict[str, str] = {}
        self._commands = 0
        self._answers: dict[str, asyncio.Future[Reply]] = {}
        for name in settings.devices:
            self._watch.changed(name, READY, settings.alerts.device_s)

    def _committed(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            _, noun, verb = event.topic.split("/")
            self.happened[f"{noun}.{verb}"] += 1
        self._picture.committed(events)
        self._figures.committed(events)
        self.store.acknowledged([event.sequence for event in events])  # a broker that takes everything

    def _healthy(self, failure: str | None) -> None:
        assert failure is None, failure

    def _show(self, topic: str, status: Model) -> None:
        self._shown[topic] = status.model_dump_json()

    def _cleared(self, topic: str) -> None:
        self._shown.pop(topic, None)

    def status(self, topic: str) -> Any:
        """What the retained topic says."""
        return json.loads(self._shown[topic])

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs."""
        self.store.open()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.store.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._furnish(tasks)
            works = (
                self._printer.run(),
                self._picture.run(),
                self._figures.run(),
                self._readiness.run(),
                upkeep.watch_clock(self.clock, self.store),
                upkeep.keep_house(lambda: self.settings, self.store),
            )
            running = [tasks.create_task(work) for work in works]
            await self._intake.open()
            try:
                yield
            finally:
                for desk in self._panels.values():
                    desk.close()
                for task in running:
                    task.cancel()

    def _furnish(self, tasks: asyncio.TaskGroup) -> None:
        settings, store, opening = self.settings, self.store, self.settings.working_time
        book = SlipBook(settings.store.path.parent / "kioskd.toml")
        self._printer = PrintRunner(
            "printer-1", Paper(), lambda: READY, book, store, self.clock, self._settled, settings.ticket.on_failure
        )
        board = DisplayDesk("led-1", Board(), store, tasks, self._settled)
        self._panels = {name: RatingDesk(f"panel-{name}", name, settings.rating, store, tasks) for name in COUNTERS}
        for desk in self._panels.values():
            desk.connect(Panel())
        self._phones = {
            name: PhoneDesk(f"phone-{name}", name, settings.phone, opening, store, tasks) for name in COUNTERS
        }
        self._readiness = ReadinessDesk(
            lambda: settings,
            store,
            self.clock,
            Trials(),
            lambda report: self._show("readiness", report),
            self._settled,
            lambda _: self._printer.wake(),
            look_s=0.005,
        )
        desks = Desks(boards={"led-1": board}, ratings=self._panels, printers={"printer-1": self._printer})
        hall = Hall(settings, desks, further=(self._readiness,))
        self._intake = Intake(lambda: hall, store, self.clock, tasks, self._answered, lambda: None)

    # commands

    def _settled(self, reply: Reply) -> None:
        self._intake.settled(reply)

    def _answered(self, reply: Reply) -> None:
        if reply.final:
            self._answers.pop(reply.id).set_result(reply)

    async def ask(self, command: str, *, repeats: int = 0, **data: Any) -> Reply:
        """Send a command, and the same again; its last answer."""
        self._commands += 1
        body = {
            "id": f"c-{self._commands}",
            "deadline": (self.clock.now() + timedelta(minutes=5)).isoformat(),
            "data": data,
        }
        message = Message(f"command/{command}", json.dumps(body).encode())
        assert command in command_types()
        replies = [await self._send(f"c-{self._commands}", message) for _ in range(1 + repeats)]
        assert replies == replies[:1] * (1 + repeats)
        return replies[0]

    async def _send(self, identity: str, message: Message) -> Reply:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[identity] = answer
        self._intake.receive(message, self._answered, lambda: None)
        async with asyncio.timeout(PATIENCE_S):
            return await answer

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for what the daemon does by itself."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:g} s for {what}: {self.happened}"
            self._picture.refresh()
            await asyncio.sleep(0.005)

    async def more(self, name: str, act: Callable[[], object] = lambda: None, times: int = 1) -> None:
        """Do `act`, and wait until one more such event came of it."""
        wanted = self.happened[name] + times
        act()
        await self.until(lambda: self.happened[name] >= wanted, name)

    # a day

    async def play(self, visitors: int) -> None:
        """From before the opening to after the next midnight."""
        day = self.clock.now().date()
        await self.more("readiness.checked", lambda: self._it_is(day, 8, 50))
        self._it_is(day, 9, 0)
        for counter in COUNTERS:
            await self.ask("counter/open", counter=counter, staff="012")
        for number in range(visitors):
            await self._visit(COUNTERS[number % 2], number)
        await self._upsets()
        for counter in COUNTERS:
            await self._ring(counter)
            await self.ask("counter/close", counter=counter)
        await self.ask("ticket/take", service="b")  # and goes home
        gone = self.happened["ticket.withdrawn"] + 1
        await self.more("figures.closed", lambda: self._it_is(day + timedelta(days=1), 0, 1))
        self._it_is(day + timedelta(days=1), 8, 0)
        await self.until(lambda: self.happened["ticket.withdrawn"] >= gone, "the end of the day")

    def _it_is(self, day: date, hour: int, minute: int) -> None:
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.clock.now().tzinfo)
        self.clock.advance((moment - self.clock.now()).total_seconds())

    async def _visit(self, counter: str, number: int) -> None:
        """A number, its call, its service and its rating; every command comes twice."""
        taken = await self.ask("ticket/take", repeats=1, service="ab"[number % 2])
        assert taken.status == "done", taken
        self.clock.advance(60)
        called = await self.ask("ticket/next", repeats=1, counter=counter)
        assert called.data["number"] == taken.data["number"]
        self.clock.advance(120)
        finished = await self.ask("ticket/finish", repeats=1, counter=counter)
        assert finished.status == "done", finished
        level = 5 - number % 5
        panel = self._panels[counter]
        await self.more("rating.submitted", lambda: panel.pressed(Press(level, self.clock.monotonic_s())))
        if level <= 2:
            await self.until(lambda: self.status("alerts")["open"], "the alert")
            (alert,) = self.status("alerts")["alerts"]
            await self.ask("alert/acknowledge", alert="bad-rating", about=alert["about"], by="李")
            await self.ask("followup/close", followup=alert["about"], result="解释清楚", by="李")
            await self.until(lambda: not self.status("alerts")["open"], "its end")

    async def _upsets(self) -> None:
        """Who does not come, who waits too long, who is sent on, who does not rate; what is refused."""
        await self.ask("ticket/take", service="a")
        await self.more("alert.raised", lambda: self.clock.advance(660), times=2)  # its promise, and the wait
        await self.ask("ticket/next", counter="1")
        await self.ask("ticket/skip", counter="1")
        await self.ask("ticket/next", counter="1")  # the same: nobody else is there
        assert (await self.ask("ticket/transfer", counter="1", service="b", to_counter="2", slip=True)).final
        assert (await self.ask("ticket/next", counter="1")).reason == "nothing-waiting"
        await self.ask("ticket/next", counter="2")
        await self.ask("ticket/finish", counter="2")
        await self.ask("rating/cancel", counter="2")
        await self.until(lambda: not self.status("alerts")["open"], "the end of all alerts")
        assert (await self.ask("ticket/take", service="x")).reason == "unknown-service"
        await self.ask("display/show", display="led-1", text="午间休息")

    async def _ring(self, counter: str) -> None:
        """A call that is answered late, and one that nobody answers."""
        phone = self._phones[counter]
        for ended in (Answer.ANSWERED, Answer.MISSED):
            for count in range(1, 5):
                phone.happened(Ring(count, self.clock.monotonic_s()))
            phone.happened(Caller("13912345678"))
            phone.happened(CallEnded(ended, rings=4, ringing_s=20.0))
        await self.until(lambda: self.happened["phone.missed"] >= self.happened["phone.answered"], "the calls")

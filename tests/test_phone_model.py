"""Telephones against a plain model: rings counted exactly, whatever noise, cables, clocks and the daemon do.

Drivers, their links and the simulated modems are the real ones, in virtual time, with every byte through a socket.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from daemon.calendar import Calendar
from daemon.figures import counting as figures
from daemon.figures.reading import read_days
from daemon.phone_desk import PhoneDesk
from daemon.settings import Phone, load_settings
from daemon.store.store import Store
from daemon.supervisor import Supervisor
from drivers.device import Condition
from drivers.phone.modem import ModemOptions, ModemPhone
from drivers.phone.modem_protocol import CallerField, encode_report
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import Stage
from tests.machine_rig import HallMachine, machine_settings
from tests.print_department import Cable, DirectStore
from tests.virtual_time import VirtualTimeLoop

HALL = Path(__file__).parent / "hall.toml"
LINES = ("phone-1", "phone-2")
RULES = Phone(quiet=("12:00-13:30",))
CYCLE_S = 5.0
PUT_BACK_S = 2.0
CALLER_S = 2.5
READY_S = 3.0


Cycle = dict[str, tuple[str, float, bytes]]
"""What each line does in five seconds, and after how many of them which noise comes."""


class ShortWork:
    """The tasks of one process, which all end with it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel(self) -> None:
        while self._tasks:  # what ends may have something to say, which begins further ones
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Switchboard:
    """The modems, and the processes that serve them one after the other."""

    def __init__(self, machine: PhoneMachine) -> None:
        self._machine = machine
        self.cables = {line: Cable() for line in LINES}
        self.stages = {line: Stage(ModemPhoneSimulator(), self.cables[line]) for line in LINES}
        for stage in self.stages.values():
            stage.restore()

    async def start(self) -> None:
        """A process begins, and finds its modems."""
        self._store = DirectStore(self._machine.ledger)
        self._work = ShortWork()
        for number, line in enumerate(LINES, 1):
            store, tasks = cast("Store", self._store), cast("asyncio.TaskGroup", self._work)
            desk = PhoneDesk(line, str(number), RULES, Calendar(), store, tasks)
            await desk.resume()
            supervisor = Supervisor(line, self.cables[line].connect, _ignore, delays=lambda: itertools.repeat(0.2))
            driver = ModemPhone(ModemOptions(hook="reported"), supervisor.report, desk.happened)
            self._work.create_task(supervisor.run(driver))
        await asyncio.sleep(READY_S)

    async def kill(self) -> None:
        """SIGKILL: nothing that happens from now on is stored."""
        self._store.dead = True
        await self._work.cancel()

    async def close(self) -> None:
        await self.kill()
        for stage in self.stages.values():
            await stage.__aexit__()

    async def cycle(self, cycle: Cycle, naming: set[str]) -> None:
        """Five seconds in which each line does one thing, with noise on it and callers being named."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + CYCLE_S
        for line, stage in self.stages.items():
            does, noise_s, noise = cycle[line]
            match does:
                case "ring":
                    stage.command("ring 1")
                case "lift":
                    stage.command("pick-up")
                    loop.call_later(PUT_BACK_S, stage.command, "hang-up")
                case "pull":
                    stage.pull()
                    stage.restore()
            if line in naming:
                loop.call_later(CALLER_S, stage.line.send, encode_report([CallerField("NMBR", "13800138000")]))
            loop.call_later(noise_s, stage.line.send, noise)
        await asyncio.sleep(until_s - loop.time())


def _ignore(_: Condition) -> None: ...


@dataclass
class Line:
    """What the model knows of one line."""

    rings: int = 0
    quiet: bool = False
    alarmed: bool = False
    caller: str | None = None
    told: list[tuple[Any, ...]] = field(default_factory=list)

    def ring(self, *, quiet: bool) -> None:
        self.rings += 1
        if self.rings == 1:
            self.quiet = quiet
            self.told.append(("ringing", quiet))
        if self.rings == RULES.rings + 1 and not self.quiet:
            self.alarmed = True
            self.told.append(("raised",))

    def end(self, how: str) -> None:
        if self.rings == 0:
            return
        self.told.append((how, self.rings, self.quiet, self.caller))
        if self.alarmed:
            self.told.append(("cleared",))
        self.rings, self.quiet, self.alarmed, self.caller = 0, False, False, None


# a 0x10 before a letter is what a modem says; anything else is noise, with or without the end of a line
NOISE = st.binary(max_size=120).map(lambda data: data.replace(b"\x10", b"\x11"))
ACTIONS = st.sampled_from(["ring"] * 8 + ["lift", "rest", "pull"])
CYCLES = st.lists(
    st.fixed_dictionaries(dict.fromkeys(LINES, st.tuples(ACTIONS, st.sampled_from([0.3, 1.5, 3.5]), NOISE))),
    min_size=1,
    max_size=8,
)


class PhoneMachine(HallMachine):
    """Two lines that ring at the same time."""

    def __init__(self) -> None:
        super().__init__(load_settings(HALL, {}), (), (figures.count,))
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.runner.get_loop()
        self.model = {line: Line() for line in LINES}
        self.switchboard = Switchboard(self)
        self.runner.run(self.switchboard.start())

    def teardown(self) -> None:
        try:
            self.runner.run(self.switchboard.close())
            self.the_figures_are_those_of_the_calls()
        finally:
            self.runner.close()
            super().teardown()

    @rule(cycles=CYCLES, named=st.booleans())
    def some_time_passes(self, cycles: list[Cycle], named: bool) -> None:
        for cycle in cycles:
            self._pass(cycle, named=named)

    def _pass(self, cycle: Cycle, *, named: bool) -> None:
        noon = 12 * 3600 <= _second(self) < 13 * 3600 + 1800
        naming: set[str] = set()
        for name, line in self.model.items():
            match cycle[name][0]:
                case "ring":
                    line.ring(quiet=noon)
                    if named and line.caller is None:
                        line.caller = "138******00"
                        naming.add(name)
                case "rest":
                    line.end("missed")
                case "lift":
                    line.end("answered")
                case "pull":
                    line.end("unknown")
        self.runner.run(self.switchboard.cycle(cycle, naming))
        self.clock.advance(CYCLE_S)

    @rule()
    def it_is_nearly_noon(self) -> None:
        self.clock.set(f"{self.clock.now().date()}T11:59:52+08:00")

    @rule(line=st.sampled_from(LINES), fault=st.sampled_from(["double-report", "double-report off"]))
    def a_modem_says_it_twice(self, line: str, fault: str) -> None:
        self.switchboard.stages[line].command(fault)

    @rule()
    def the_daemon_is_killed_and_starts_again(self) -> None:
        self.runner.run(self.switchboard.kill())
        self.ledger.restart()
        for line in self.model.values():
            line.end("unknown")
        self.runner.run(self.switchboard.start())

    @rule(line=st.sampled_from(LINES))
    def somebody_sees_the_alert(self, line: str) -> None:
        reply = self.commands.send("alert/acknowledge", alert="phone-unanswered", about=line, by="值班")
        assert (reply.reason is None) is self.model[line].alarmed
        assert reply.reason in (None, "unknown-alert")

    @invariant()
    def every_ring_is_counted_once_and_every_call_told_once(self) -> None:
        told: dict[str, list[tuple[Any, ...]]] = {line: [] for line in LINES}
        for event in self.ledger.events.payloads:
            data = event["data"]
            match event["type"].removeprefix("kioskd.").split("."):
                case ["phone", "ringing"]:
                    told[data["phone"]].append(("ringing", data["quiet"]))
                case ["phone", how]:
                    told[data["phone"]].append((how, data["rings"], data["quiet"], data["caller"]))
                case ["alert", "raised" | "cleared" as what]:
                    told[data["about"]].append((what,))
        assert told == {name: line.told for name, line in self.model.items()}

    @invariant()
    def who_answers_is_timed_by_the_line(self) -> None:
        for data in self.ledger.events.data("phone.answered"):
            assert data["in_time"] is (data["rings"] <= RULES.rings)
            assert abs(data["ringing_s"] - CYCLE_S * data["rings"]) < 0.2

    @invariant()
    def the_store_knows_what_rings(self) -> None:
        rows = self.ledger.rows("SELECT phone, rings FROM phone_call WHERE state = 'ringing'")
        assert dict(rows) == {name: line.rings for name, line in self.model.items() if line.rings}

    def the_figures_are_those_of_the_calls(self) -> None:
        days = self.ledger.do(lambda change: read_days(change, None, None))
        counted = sum(
            day.phones.answered_in_time
            + day.phones.answered_late
            + day.phones.missed
            + day.phones.unknown
            + day.phones.quiet
            for day in days
        )
        ended = [call for line in self.model.values() for call in line.told if len(call) == 4]
        assert counted == len(ended)
        assert sum(day.phones.quiet for day in days) == sum(1 for call in ended if call[2])


def _second(machine: PhoneMachine) -> int:
    now = machine.clock.now()
    return now.hour * 3600 + now.minute * 60 + now.second


PhoneMachine.TestCase.settings = machine_settings(examples=30, steps=30)
TestPhones = PhoneMachine.TestCase

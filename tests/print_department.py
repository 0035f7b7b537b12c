"""Everything between a ticket in the store and its paper, in one process and in virtual time.

The store's database, the print runner, the supervisor, the driver, its link and the simulated printer are the real
ones; a pair of sockets is the cable. Left out are the store's writer thread and MQTT.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from daemon import tickets
from daemon.commands import Reply
from daemon.printing.jobs import enqueue, next_copy
from daemon.printing.runner import PrintRunner
from daemon.printing.subject import Subject
from daemon.settings import Service
from daemon.settings.hall import OnFailure
from daemon.slips.book import SlipBook
from daemon.slips.order import SlipOrder
from daemon.store.database import Transaction
from daemon.store.store import Store
from daemon.supervisor import Supervisor
from daemon.tickets import Ticket
from drivers.device import Condition, DeviceError, Reason
from drivers.link.stream import DescriptorLink
from drivers.printer.escpos import EscposOptions, EscposPrinter
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Endpoint, Stage
from simulators.wire import DescriptorWire
from tests.store_rig import HeldClock, Ledger

T = TypeVar("T")

PRINTER = "printer-1"
SERVICE = Service(name="综合业务", printer=PRINTER, prefix="A")
COMMAND = "take-1"
PATIENCE_S = 400.0
LOOK_S = 0.2

TEMPLATE = """{% if reprint %}
补打
{% endif %}
{{ service }}
{{ number }}
="""
"""The shortest ticket that is one: what can go wrong at every byte goes wrong at every byte of it."""


def book(folder: Path) -> SlipBook:
    """The templates, with the short ticket in place of ours."""
    (folder / "slips").mkdir(parents=True)
    (folder / "slips" / "ticket.receipt").write_text(TEMPLATE, encoding="utf-8")
    return SlipBook(folder / "kioskd.toml")


class LoopClock(HeldClock):
    """The time of day by the event loop's clock."""

    BEGAN = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.BEGAN + timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0


class Cable(Endpoint):
    """A pair of sockets between a simulator and whoever connects."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._wire: DescriptorWire | None = None

    @property
    def url(self) -> str:
        return "cable:"

    def open(self, line: Stage) -> None:
        self._stage = line

    def close(self) -> None:
        stage, self._stage = self._stage, None
        if self._wire is not None and stage is not None:
            stage.hung_up(self._wire)
        self._wire = None

    async def connect(self) -> DescriptorLink:
        """The host's end; raises DeviceError while the cable is pulled."""
        if self._stage is None:
            raise DeviceError(Reason.UNREACHABLE, "the cable is pulled")
        if self._wire is not None:
            self._stage.hung_up(self._wire)
        host, device = socket.socketpair()
        host.setblocking(False)
        device.setblocking(False)
        self._wire = DescriptorWire(device.detach(), self._stage)
        self._stage.attached(self._wire)
        return DescriptorLink(host.fileno(), host.close, stall_s=10.0)


class DirectStore:
    """A store whose changes are made at once. A `dead` one belongs to a process that was killed: nothing comes back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.dead = False

    async def transact(self, run: Callable[[Transaction], T]) -> T:
        if self.dead:
            await asyncio.Event().wait()
        return self._ledger.do(run)

    keep = transact

    def post(self, run: Callable[[Transaction], object]) -> None:
        if not self.dead:
            self._ledger.do(run)


class Process:
    """One run of the daemon, as far as printing goes."""

    def __init__(self, department: Department) -> None:
        self._store = DirectStore(department.ledger)
        self.supervisor = Supervisor(
            PRINTER, department.cable.connect, self._changed, delays=lambda: itertools.repeat(1.0)
        )
        driver = EscposPrinter(department.options, self.supervisor.report)
        self.runner = PrintRunner(
            PRINTER,
            driver,
            lambda: self.supervisor.condition,
            department.book,
            cast("Store", self._store),
            department.clock,
            department.replies.append,
            department.on_failure,
        )
        self._driver = driver
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            await self.runner.resume()
            tasks.create_task(self.supervisor.run(self._driver))
            tasks.create_task(self.runner.run())

    def _changed(self, _: Condition) -> None:
        self.runner.wake()

    def kill(self) -> None:
        """SIGKILL: not another byte is sent, and nothing is stored any more."""
        self._store.dead = True
        self._task.cancel()

    async def ended(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._task


class Department:
    """A kiosk's printing: its store, its printer, and the process that serves both. Use it as a context manager."""

    def __init__(
        self,
        ledger: Ledger,
        templates: SlipBook,
        printer: EscposPrinterSimulator,
        options: EscposOptions,
        on_failure: OnFailure = "reprint",
    ) -> None:
        self.ledger = ledger
        self.book = templates
        self.printer = printer
        self.options = options
        self.on_failure: OnFailure = on_failure
        self.clock = LoopClock()
        self.cable = Cable()
        self.stage = Stage(printer, self.cable)
        self.replies: list[Reply] = []
        self._events_before = len(ledger.events.stored)
        self.process: Process

    async def __aenter__(self) -> Self:
        await self.stage.__aenter__()
        self.process = Process(self)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.process.kill()
        await self.process.ended()
        await self.stage.__aexit__()

    async def restart(self) -> None:
        """A new process, where the old one was killed."""
        await self.process.ended()
        self.process = Process(self)

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until `true()`; virtual seconds are free."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + PATIENCE_S
        while not true():
            assert loop.time() < end_s, f"waited {PATIENCE_S:g} virtual seconds for {what}"
            await asyncio.sleep(LOOK_S)

    def take(self, command: str = COMMAND, patience_s: float = 200.0) -> Ticket:
        """A visitor takes a number."""

        def change(transaction: Transaction) -> Ticket:
            ticket, ahead = tickets.take(transaction, "a", SERVICE)
            order = _order(ticket, ahead, transaction.now)
            enqueue(transaction, PRINTER, Subject(ticket.id), order, self._deadline(patience_s), command)
            return ticket

        ticket = self.ledger.do(change)
        self.process.runner.wake()
        return ticket

    def reprint(self, ticket: Ticket, command: str) -> int:
        """The visitor lost it. Which copy it is; raises Refused."""

        def change(transaction: Transaction) -> int:
            valid = tickets.valid(transaction, ticket.id)
            copy_number = next_copy(transaction, Subject(valid.id))
            order = _order(valid, tickets.ahead_of(transaction, valid), transaction.now)
            enqueue(transaction, PRINTER, Subject(valid.id), order, self._deadline(200.0), command, copy_number)
            return copy_number

        copy_number = self.ledger.do(change)
        self.process.runner.wake()
        return copy_number

    def _deadline(self, patience_s: float) -> float:
        return self.clock.now().timestamp() + patience_s

    async def settled(self) -> None:
        """Return when no slip waits or is being printed."""
        await self.until(lambda: not self.open_jobs, "every job to be settled")

    @property
    def open_jobs(self) -> int:
        return int(self.ledger.rows("SELECT count(*) FROM print_job WHERE state IN ('queued', 'printing')")[0][0])

    def state_of(self, ticket: Ticket) -> str:
        return str(self.ledger.rows("SELECT state FROM ticket WHERE id = ?", ticket.id)[0][0])

    def outcomes_of(self, ticket: Ticket) -> list[tuple[int, str]]:
        """Each copy with what became of it, by the events."""
        return [
            (event["data"]["copy_number"], event["type"].rpartition(".")[2])
            for event in self._events_of(ticket)
            if event["type"].removeprefix("kioskd.print.") in ("printed", "unconfirmed", "failed", "expired")
        ]

    def events_of(self, ticket: Ticket, *names: str) -> list[str]:
        """Those of the events `names` that are about `ticket`, in order."""
        found = (event["type"].removeprefix("kioskd.") for event in self._events_of(ticket))
        return [name for name in found if name in names]

    def _events_of(self, ticket: Ticket) -> Iterator[dict[str, Any]]:
        events = (json.loads(stored.payload) for stored in self.ledger.events.stored[self._events_before :])
        return (event for event in events if event["data"].get("ticket") == ticket.id)


def _order(ticket: Ticket, ahead: int, now: datetime) -> SlipOrder:
    data: dict[str, Any] = {"number": ticket.number, "service": SERVICE.name, "ahead": ahead}
    return SlipOrder(template="ticket", language="zh-CN", data={**data, "issued_at": now.isoformat()})

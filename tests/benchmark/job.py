"""What a print job costs the daemon: from the queue in the store to its outcome there, over a link without cost."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress

from escpos.printer import Dummy

from daemon import tickets
from daemon.clock import SystemClock
from daemon.commands import Reply, Status
from daemon.printing.jobs import enqueue
from daemon.printing.runner import PrintRunner
from daemon.printing.subject import Subject
from daemon.settings import Service
from daemon.slips.book import SlipBook
from daemon.slips.models import Ticket
from daemon.slips.order import TICKET, SlipOrder
from daemon.store.database import Transaction
from daemon.store.store import Store
from drivers.device import Condition, State
from drivers.printer import escpos_protocol as protocol
from drivers.printer.escpos import EscposOptions, EscposPrinter
from tests.benchmark.bed import Bed
from tests.benchmark.figures import MS, Line

JOBS = 40
BATCHES = 5
"""The least of their costs counts: what other work on the machine adds to a cost is not of kioskd's making."""

PRINTER = "printer-1"
SERVICE = Service(name="综合业务", printer=PRINTER, prefix="A", last=99_999)
PATIENCE_S = 600.0

_QUESTION = re.compile(rb"\x10\x04[\x01-\x04]|\x1d\x72\x01|\x1d\x28\x48\x06\x0000(?P<id>....)", re.DOTALL)


class NullLink:
    """A line to a printer that has printed everything as soon as it is told."""

    def __init__(self) -> None:
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self._answers.get()

    async def write(self, data: bytes) -> None:
        answers = b"".join(_answer(question) for question in _QUESTION.finditer(data))
        if answers:
            self._answers.put_nowait(answers)

    async def drain(self) -> None:
        """Nothing is ever left to send."""

    def close(self) -> None:
        """There is nothing to give back."""


def _answer(question: re.Match[bytes]) -> bytes:
    if question["id"] is not None:
        return protocol.encode_process_id(question["id"])
    return b"\x12" if question[0].startswith(b"\x10") else b"\x00"


async def measure(bed: Bed) -> list[Line]:
    """A queue of tickets, printed one after the other."""
    costs = [await _job_s(bed, batch, JOBS) for batch in range(1 if bed.quick else BATCHES)]
    cost_ms, reference_ms = min(costs) * MS, min(_bytes_alone_s(JOBS) for _ in range(BATCHES)) * MS
    reference = f"{reference_ms:.2f} ms for the bytes alone, by python-escpos"
    return [Line("CPU of a print job", f"{cost_ms:.2f} ms", reference, cost_ms, 2.0, "ms")]


async def _job_s(bed: Bed, batch: int, jobs: int) -> float:
    """The time of all threads on a processor, for one job."""
    clock, replies, conditions = SystemClock(), asyncio.Queue[Reply](), asyncio.Queue[Condition]()
    path = bed.directory / f"jobs-{batch}.db"
    store = Store(path, source="/benchmark", clock=clock, on_committed=_ignored, on_health=_ignored)
    store.open()
    driver = EscposPrinter(EscposOptions(), conditions.put_nowait)
    ready = Condition(State.READY)
    runner = PrintRunner(PRINTER, driver, lambda: ready, SlipBook(), store, clock, replies.put_nowait, "reprint")
    await runner.resume()
    tasks = [asyncio.create_task(driver.serve(NullLink()))]
    assert (await conditions.get()).state is State.READY
    tasks.append(asyncio.create_task(runner.run()))
    try:
        await _print(runner, store, replies, 5)  # the first slip compiles its template
        used_s = await _print(runner, store, replies, jobs)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await store.close()
    return used_s / jobs


async def _print(runner: PrintRunner, store: Store, replies: asyncio.Queue[Reply], jobs: int) -> float:
    """Take so many tickets, and print each; the CPU seconds of the printing."""
    used_s = 0.0
    for _ in range(jobs):
        await store.transact(_take)
        began_s = time.process_time()
        runner.wake()
        reply = await replies.get()
        used_s += time.process_time() - began_s
        assert reply.status is Status.DONE, reply
    return used_s


def _take(change: Transaction) -> None:
    ticket, ahead = tickets.take(change, "a", SERVICE)
    slip = Ticket(
        hall="区政务服务中心",
        complaint_phone="12345",
        number=ticket.number,
        service=SERVICE.name,
        windows=("1号窗口",),
        ahead=ahead,
        issued_at=change.now,
    )
    order = SlipOrder(template=TICKET, language="zh-CN", data=slip.model_dump(mode="json"))
    enqueue(change, PRINTER, Subject(ticket.id), order, change.now.timestamp() + PATIENCE_S, f"take-{ticket.number}")


def _bytes_alone_s(jobs: int) -> float:
    """What python-escpos takes to write down such a ticket."""
    lines = (
        "区政务服务中心",
        "业务：综合业务",
        "您的号码",
        "A001",
        "前面等候：3人",
        "1号窗口",
        "请留意叫号",
        "投诉电话：12345",
    )
    began_s = time.process_time()
    for _ in range(jobs):
        printer = Dummy()
        for line in lines:
            printer.textln(line)
        printer.cut()
    return (time.process_time() - began_s) / jobs


def _ignored(_: object) -> None:
    """Nobody is told."""

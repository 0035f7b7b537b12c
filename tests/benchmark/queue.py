"""What calling the next number costs the daemon in a crowded hall: 2,000 open tickets, 50 services, one counter."""

from __future__ import annotations

import json
import time

from daemon import tickets
from daemon.clock import SystemClock
from daemon.commands import TicketNext, command_types
from daemon.figures import counting as figures
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.intake import take_order
from daemon.model import Priority
from daemon.orders import read_order
from daemon.settings import Settings
from daemon.store.database import Transaction
from daemon.store.journal import Seen
from daemon.store.store import Store
from tests.benchmark.bed import Bed
from tests.benchmark.figures import MS, Line
from tests.machine_rig import Message, Silent

OPEN = 2_000
SERVICES = [f"s{number}" for number in range(50)]
CALLS = 100
BATCHES = 5
"""The least of their costs counts: what other work on the machine adds to a cost is not of kioskd's making."""

COUNTER = "1"
TABLES = {
    "hall": "h",
    "kiosk": "k",
    "services": {
        name: {"name": name, "printer": "p", "prefix": f"{chr(65 + index % 26)}{chr(65 + index // 26)}"}
        for index, name in enumerate(SERVICES)
    },
    "counters": {COUNTER: {"name": "1号窗口", "services": SERVICES}},
    "devices": {"p": {"driver": "escpos", "link": "tcp://127.0.0.1:9100"}},
}


async def measure(bed: Bed) -> list[Line]:
    """One number after the other, by a counter that serves everything: the worst that there is."""
    settings, clock = Settings(TABLES), SystemClock()
    store = Store(
        bed.directory / "queue.db",
        source="/benchmark",
        clock=clock,
        on_committed=_ignored,
        on_health=_ignored,
        reactions=(figures.count,),
    )
    store.open()
    hall = Hall(settings, Desks(boards={}, ratings={}, printers={"p": Silent()}))
    try:
        await store.transact(lambda change: _come(change, settings))
        costs = [await _call_s(store, hall, batch) for batch in range(1 if bed.quick else BATCHES)]
    finally:
        await store.close()
    cost_ms = min(costs) * MS
    reference = f"{OPEN:,} tickets wait for {len(SERVICES)} services"
    return [Line("CPU of calling the next number", f"{cost_ms:.2f} ms", reference, cost_ms, 2.0, "ms")]


def _come(change: Transaction, settings: Settings) -> None:
    """Everybody comes, one in ten with a priority."""
    kinds = list(Priority)
    for number in range(OPEN + CALLS * BATCHES):
        name = SERVICES[number % len(SERVICES)]
        priority = kinds[number % 4] if number % 10 == 0 else Priority.ORDINARY
        ticket, _ = tickets.take(change, name, settings.services[name], priority)
        tickets.let_wait(change, ticket.id)


async def _call_s(store: Store, hall: Hall, batch: int) -> float:
    """The time of all threads on a processor for one call: read, checked, looked up, called, committed."""
    began_s = time.process_time()
    for number in range(CALLS):
        body = {"id": f"c-{batch}-{number}", "deadline": "2100-01-01T00:00:00Z", "data": {"counter": COUNTER}}
        name = f"command/{TicketNext.NOUN}/{TicketNext.VERB}"
        order = read_order(Message(name, json.dumps(body).encode()), command_types())
        outcome = await store.transact(lambda change, order=order: take_order(change, hall, order))  # type: ignore[misc]
        assert not isinstance(outcome, Seen)
    return (time.process_time() - began_s) / CALLS


def _ignored(_: object) -> None:
    """Nobody is told."""

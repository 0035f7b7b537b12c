"""Events from an outbox to subscribers, through everything that happens to a broker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from daemon.clock import SystemClock
from daemon.envelope import StoredEvent, seal
from daemon.events import TicketWaiting
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.publisher import BATCH, Publisher
from daemon.mqtt.uplink import Uplink
from daemon.statuses import KioskStatus
from daemon.store.store import StoreError

ROOT = "kioskd/hall/k1"
TOPIC = f"{ROOT}/event/ticket/waiting"


class MemoryOutbox:
    """The store's part of the contract, in memory."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.sent: set[int] = set()
        self.refusals: dict[int, list[str]] = {}
        self.reads = 0
        self.failing = False

    def commit(self, count: int = 1) -> list[StoredEvent]:
        new = []
        for sequence in range(len(self.events) + 1, len(self.events) + 1 + count):
            event = TicketWaiting(ticket=f"t{sequence}", number="A001", service="s")
            new.append(seal(event, sequence=sequence, epoch="e", source="/k", time=SystemClock().now()))
        self.events += new
        return new

    async def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        self.reads += 1
        await asyncio.sleep(0)  # as the store: never in the same step
        if self.failing:
            raise StoreError("disk full")
        return [event for event in self.events[after:] if event.sequence not in self.sent][:limit]

    def acknowledged(self, sequences: Sequence[int]) -> None:
        self.sent |= set(sequences)

    def refused(self, sequence: int, reason: str) -> None:
        self.refusals.setdefault(sequence, []).append(reason)

    @property
    def all_sent(self) -> bool:
        return len(self.sent) == len(self.events)


def quick() -> Iterator[float]:
    return itertools.repeat(0.05)


def no_command(message: Incoming) -> None:
    raise AssertionError(message)


@contextlib.asynccontextmanager
async def uplink(broker: Any, outbox: MemoryOutbox, **changes: Any) -> AsyncIterator[Uplink]:
    where = Broker(broker.host, ROOT, "kioskd-hall-k1", port=broker.port, **changes)
    will = KioskStatus(state="offline", boot="b", version="0")
    link = Uplink(where, outbox, will=will, on_command=no_command, delays=quick)
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def sequences(listener: Any) -> list[int]:
    """What was heard, by sequence; equal ids have to be equal bytes."""
    payloads = listener.on(TOPIC)
    by_id: dict[str, bytes] = {}
    for payload in payloads:
        assert by_id.setdefault(json.loads(payload)["id"], payload) == payload
    return [int(json.loads(payload)["sequence"]) for payload in payloads]


def first_times(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


async def test_a_committed_event_goes_out_in_the_same_step(broker: Any, listen: Any, until: Any) -> None:
    listener, outbox = listen(), MemoryOutbox()
    async with uplink(broker, outbox) as link:
        await until(lambda: link.connected and not link.publisher.behind)
        reads = outbox.reads
        link.publisher.committed(outbox.commit())
        assert link.publisher.next() is None, "it was not taken in this step"
        await until(lambda: sequences(listener) == [1] and outbox.all_sent)
    assert outbox.reads == reads
    assert listener.messages[0].properties.ContentType == "application/cloudevents+json"
    assert not listener.messages[0].retain


async def test_what_was_committed_while_away_comes_in_order_then_the_new(
    mosquitto: Any, listen: Any, until: Any
) -> None:
    outbox = MemoryOutbox()
    async with uplink(mosquitto, outbox) as link:
        for _ in range(3):
            link.publisher.committed(outbox.commit(700))
        await asyncio.to_thread(mosquitto.start)
        listener = listen()
        await until(lambda: link.connected)
        while link.publisher.behind or len(outbox.events) < 2500:
            link.publisher.committed(outbox.commit(2))
            await asyncio.sleep(0.001)
        await until(lambda: sequences(listener)[-1] == len(outbox.events))
    heard = sequences(listener)
    assert heard == list(range(heard[0], heard[-1] + 1)), "a gap, or out of order"


async def test_nothing_is_lost_through_a_cutting_line(broker: Any, cutter: Any, listen: Any, until: Any) -> None:
    listener, outbox = listen(), MemoryOutbox()
    async with uplink(cutter, outbox) as link:
        for round_ in range(300):
            link.publisher.committed(outbox.commit(10))
            if round_ % 40 == 39:
                cutter.cut()
            await asyncio.sleep(0.002)
        await until(lambda: outbox.all_sent and sequences(listener)[-1] == 3000)
    heard = sequences(listener)
    assert first_times(heard) == list(range(1, 3001))
    assert len(heard) >= 3000


async def test_nothing_is_lost_when_the_broker_is_killed(broker: Any, cutter: Any, listen: Any, until: Any) -> None:
    listener, outbox = listen(qos=0), MemoryOutbox()  # one that never writes reads all that was on its wire
    async with uplink(cutter, outbox) as link:
        for _ in range(3):
            for _ in range(50):
                link.publisher.committed(outbox.commit(10))
                await asyncio.sleep(0.001)
            cutter.refuse = True  # until the listener is back: what nobody hears would be lost to everybody
            await asyncio.to_thread(broker.kill)
            await until(lambda: not listener.subscribed)
            await asyncio.to_thread(broker.start)
            await until(lambda: listener.subscribed)
            cutter.refuse = False
        await until(lambda: outbox.all_sent)
        await until(lambda: sequences(listener)[-1] == 1500)
    assert first_times(sequences(listener)) == list(range(1, 1501))


async def test_a_refused_event_stays_and_the_others_go_on(mosquitto: Any, until: Any) -> None:
    acl = mosquitto.directory / "acl"
    acl.write_text(f"topic readwrite {ROOT}/command/#\ntopic readwrite {ROOT}/event/allowed\n", encoding="utf-8")
    acl.chmod(0o600)
    mosquitto.config += f"acl_file {acl}\n"
    await asyncio.to_thread(mosquitto.start)
    outbox = MemoryOutbox()
    outbox.commit(3)
    allowed = outbox.events[1]
    outbox.events[1] = StoredEvent(allowed.sequence, "event/allowed", allowed.payload)
    async with uplink(mosquitto, outbox) as link:
        await until(lambda: link.publisher.refused == 2 and outbox.sent == {2})
        assert "Not authorized" in outbox.refusals[1][0]
        await asyncio.to_thread(mosquitto.stop)
        acl.write_text(f"topic readwrite {ROOT}/#\n", encoding="utf-8")
        await asyncio.to_thread(mosquitto.start)
        await until(lambda: outbox.all_sent)


async def test_a_refused_event_is_offered_again_after_a_while(until: Any) -> None:
    outbox = MemoryOutbox()
    answers = iter(["Not authorized", None, None])
    session = FakeWire()
    publisher = Publisher(outbox, ROOT, lambda: session.pump(publisher, answers), refused_again_s=0.05)
    task = asyncio.create_task(publisher.run())
    publisher.on_connected()
    await until(lambda: not publisher.behind)
    publisher.committed(outbox.commit(2))
    await until(lambda: outbox.all_sent)
    task.cancel()
    assert [outgoing.payload for outgoing in session.seen] == [outbox.events[i].payload for i in (0, 1, 0)]
    assert outbox.refusals == {1: ["Not authorized"]}


class FakeWire:
    """Takes everything at once and answers as told."""

    def __init__(self) -> None:
        self.seen: list[Outgoing] = []

    def pump(self, publisher: Publisher, answers: Iterator[str | None]) -> None:
        while (outgoing := publisher.next()) is not None:
            self.seen.append(outgoing)
            outgoing.settled(next(answers))


async def test_a_large_backlog_is_never_in_memory(until: Any) -> None:
    outbox = MemoryOutbox()
    outbox.commit(10_000)
    on_the_wire: list[Outgoing] = []
    held: list[int] = []

    def pump() -> None:
        while len(on_the_wire) < 20 and (outgoing := publisher.next()) is not None:
            on_the_wire.append(outgoing)

    publisher = Publisher(outbox, ROOT, pump)
    task = asyncio.create_task(publisher.run())
    publisher.on_connected()
    order: list[bytes] = []
    while len(order) < 10_000:
        await until(lambda: on_the_wire)
        held.append(len(publisher._queue))
        for outgoing in on_the_wire:
            order.append(outgoing.payload)
            outgoing.settled(None)
        on_the_wire.clear()
        pump()
    task.cancel()
    assert order == [event.payload for event in outbox.events]
    assert max(held) <= 2 * BATCH
    assert outbox.reads < 10_000 / BATCH * 3


async def test_a_store_that_cannot_be_read_is_read_again(until: Any) -> None:
    outbox = MemoryOutbox()
    outbox.commit(2)
    outbox.failing = True
    wire = FakeWire()
    publisher = Publisher(outbox, ROOT, lambda: wire.pump(publisher, itertools.repeat(None)), read_again_s=0.01)
    task = asyncio.create_task(publisher.run())
    publisher.on_connected()
    await until(lambda: outbox.reads >= 3)
    outbox.failing = False
    await until(lambda: outbox.all_sent)
    task.cancel()


async def test_ten_thousand_through_a_real_broker(broker: Any, listen: Any, until: Any) -> None:
    listener, outbox = listen(), MemoryOutbox()
    outbox.commit(10_000)
    async with uplink(broker, outbox) as link:
        await until(lambda: outbox.all_sent, within_s=30)
        assert link.publisher.sent == 10_000
        await until(lambda: len(listener.messages) >= 10_000)
    assert sequences(listener) == list(range(1, 10_001))


async def test_what_was_erased_meanwhile_goes_out_as_it_is_in_the_store_now(until: Any) -> None:
    outbox = MemoryOutbox()
    publisher = Publisher(outbox, ROOT, lambda: None)
    publisher.on_connected()
    task = asyncio.create_task(publisher.run())
    await until(lambda: not publisher.behind)
    first, second = outbox.commit(2)
    publisher.committed([first, second])
    publisher.replace([StoredEvent(second.sequence, second.topic, b"[erased]"), StoredEvent(9, "x", b"of nobody")])
    left = [publisher.next() for _ in range(3)]
    assert [None if sent is None else sent.payload for sent in left] == [first.payload, b"[erased]", None]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

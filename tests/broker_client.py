"""Who talks to the shipped broker in tests: plain clients, and a real store behind a real uplink."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.envelope import StoredEvent
from daemon.events import TicketWaiting
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.connection import Connection
from daemon.mqtt.publisher import Publisher
from daemon.mqtt.session import Session
from daemon.mqtt.uplink import Uplink
from daemon.mqtt.version import Version
from daemon.statuses import KioskStatus
from daemon.store.database import Transaction
from daemon.store.store import Store
from tests.mqtt_rig import Recorder, quick


@contextlib.asynccontextmanager
async def client(broker: Broker, *topics: str) -> AsyncIterator[Recorder]:
    """A connected client; `topics` are whole."""
    handler = Recorder()
    relative = [topic.removeprefix("kioskd/") for topic in topics]
    session = Session(dataclasses.replace(broker, root="kioskd"), handler, subscriptions=relative, delays=quick)
    handler.pump = session.pump  # type: ignore[attr-defined]
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(10):
            while not handler.connects:
                await asyncio.sleep(0.005)
        yield handler
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def say(handler: Any, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str | None:
    """Publish at QoS 1 and give the broker's refusal, or None."""
    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    handler.to_send.append(Outgoing(topic, payload, retain=retain, settled=answer.set_result))
    handler.pump()
    async with asyncio.timeout(10):
        return await answer


def heard(handler: Recorder) -> list[str]:
    return [f"kioskd/{message.topic}" for message in handler.messages]


async def connect(broker: Broker, version: Version = Version.V5) -> None:
    connection = Connection(broker, version, will=None, deliver=lambda _: None)
    try:
        await connection.open(("command/#",))
    finally:
        connection.close()


def make_events(store: Store, count: int) -> None:
    for number in range(count):
        store.post(partial(emit, TicketWaiting(ticket=f"t{number}", number="A1", service="a")))


def emit(event: TicketWaiting, change: Transaction) -> None:
    change.emit(event)


class Kiosk:
    """A real store and a real uplink behind the broker's list."""

    def __init__(self, broker: Broker, path: Path) -> None:
        self.published: list[int] = []
        self.commands: list[str] = []
        self.store = Store(
            path / "kioskd.db",
            source="/kioskd/demo/k1",
            clock=SystemClock(),
            on_committed=self._committed,
            on_health=lambda _: None,
        )
        will = KioskStatus(state="offline", boot="b", version="1")
        self.link = Uplink(broker, self.store, will=will, on_command=self._commanded, delays=quick)
        self.link.publisher = Publisher(
            self.store, broker.root, self.link.session.pump, refusals_changed=self._refusals, refused_again_s=0.1
        )

    def _committed(self, events: Sequence[StoredEvent]) -> None:
        self.link.publisher.committed(events)

    def _commanded(self, message: Incoming) -> None:
        self.commands.append(message.topic)
        message.acknowledge()

    def _refusals(self) -> None:
        self.published.append(self.link.publisher.refused)


@contextlib.asynccontextmanager
async def kiosk_at(broker: Broker, path: Path) -> AsyncIterator[Kiosk]:
    kiosk = Kiosk(broker, path)
    kiosk.store.open()
    task = asyncio.create_task(kiosk.link.run())
    try:
        yield kiosk
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await kiosk.store.close()

"""A session under test: a handler that notes everything, and what keeps the session running."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.session import Session

ROOT = "kioskd/hall/k1"


class Recorder:
    """A handler that notes what the session tells it and sends what it was given."""

    def __init__(self) -> None:
        self.connects = 0
        self.reasons: list[str] = []
        self.messages: list[Incoming] = []
        self.to_send: deque[Outgoing] = deque()
        self.answers: list[tuple[str, str | None]] = []
        self.acknowledge = True

    def on_connected(self) -> None:
        self.connects += 1

    def on_disconnected(self, reason: str) -> None:
        self.reasons.append(reason)

    def on_message(self, message: Incoming) -> None:
        self.messages.append(message)
        if self.acknowledge:
            message.acknowledge()

    def next(self) -> Outgoing | None:
        return self.to_send.popleft() if self.to_send else None

    def offer(self, topic: str, payload: bytes = b"{}", **options: Any) -> None:
        def settled(refusal: str | None) -> None:
            self.answers.append((topic, refusal))

        self.to_send.append(Outgoing(f"{ROOT}/{topic}", payload, settled=settled, **options))


def quick() -> Iterator[float]:
    return itertools.repeat(0.05)


def at(broker: Any, **changes: Any) -> Broker:
    given: dict[str, Any] = {"host": broker.host, "port": broker.port, "root": ROOT, "client_id": "kioskd-hall-k1"}
    return Broker(**(given | changes))


@contextlib.asynccontextmanager
async def running(broker: Broker, handler: Recorder, **options: Any) -> AsyncIterator[Session]:
    chosen: dict[str, Any] = {"delays": quick, "subscriptions": ("command/#",)} | options
    session = Session(broker, handler, **chosen)
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

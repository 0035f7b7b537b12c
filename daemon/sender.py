"""Commands on their way to a kiosk, and the replies to each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from daemon.commands import MAX_PAYLOAD_BYTES, Request, Status
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.session import Session

REPLIES = "reply/+"

NO_ANSWER = "no-answer"
"""The status that stands here for a final reply that did not come."""

GRACE_S = 5.0
"""How long after its deadline a command may still be answered."""

Answer = dict[str, Any]
"""A reply as it came: what a newer daemon adds is passed on."""


class Sender:
    """Sends requests over one session, again after every connect, until each has its final reply.

    The same request may so arrive twice; its id makes the daemon give the same answer again.
    """

    def __init__(self, broker: Broker, *, grace_s: float = GRACE_S) -> None:
        self._broker = broker
        self._grace_s = grace_s
        self._session = Session(broker, self, subscriptions=(REPLIES,))
        self._open: dict[str, tuple[Outgoing, asyncio.Queue[Answer]]] = {}
        self._due: deque[Outgoing] = deque()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Stay connected meanwhile."""
        session = asyncio.create_task(self._session.run())
        try:
            yield
        finally:
            session.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await session

    async def ask(self, command: str, request: Request) -> AsyncIterator[Answer]:
        """Send `request` as `command`; gives each reply to it, and ends with the final one or with `NO_ANSWER`."""
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        outgoing = self._outgoing(command, request, answers)
        self._open[request.id] = outgoing, answers
        self._due.append(outgoing)
        self._session.pump()
        left_s = (request.deadline - datetime.now(UTC)).total_seconds() + self._grace_s
        ends_s = asyncio.get_running_loop().time() + left_s
        try:
            while True:
                answer = await self._next(request.id, answers, ends_s)
                yield answer
                if answer.get("status") != Status.ACCEPTED:
                    return
        finally:
            del self._open[request.id]

    async def _next(self, command: str, answers: asyncio.Queue[Answer], ends_s: float) -> Answer:
        try:
            async with asyncio.timeout_at(ends_s):
                return await answers.get()
        except TimeoutError:
            connected = self._session.version is not None
            detail = "" if connected else "no connection to the broker"
            return {"id": command, "status": NO_ANSWER, "reason": None, "detail": detail, "data": {}}

    def _outgoing(self, command: str, request: Request, answers: asyncio.Queue[Answer]) -> Outgoing:
        def settled(refusal: str | None) -> None:
            if refusal is not None:  # only MQTT 5 says so; the command reached nobody
                detail = f"the broker refuses the command: {refusal}"
                answers.put_nowait(
                    {"id": request.id, "status": Status.REJECTED, "reason": "broker", "detail": detail, "data": {}}
                )

        payload = request.model_dump_json().encode()
        return Outgoing(self._broker.topic(f"command/{command}"), payload, settled=settled)

    # what the session tells and asks

    def on_connected(self) -> None:
        """Whatever has no final reply yet is sent again."""
        self._due = deque(outgoing for outgoing, _ in self._open.values())

    def on_disconnected(self, reason: str) -> None:
        """The session says so itself."""

    def next(self) -> Outgoing | None:
        """The next request."""
        return self._due.popleft() if self._due else None

    def on_message(self, message: Incoming) -> None:
        """A reply to us, or to somebody else."""
        message.acknowledge()
        waiting = self._open.get(message.topic.removeprefix("reply/"))
        if waiting is None or message.retained or len(message.payload) > MAX_PAYLOAD_BYTES:
            return
        with contextlib.suppress(ValueError):  # whoever publishes there what is no reply is not waited for
            reply = json.loads(message.payload)
            if isinstance(reply, dict):
                waiting[1].put_nowait(reply)

"""Stays connected to the broker, whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn

from daemon.backoff import Delays, backoff
from daemon.mqtt.broker import Broker, Handler
from daemon.mqtt.connection import Connection
from daemon.mqtt.end import Cause, ConnectionEnded
from daemon.mqtt.version import Version, VersionChoice

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0

STEADY_S = 1.0
"""A connection that did not last this long does not start the back-off anew: two kiosks that were given one name
throw each other out, and would do so many times a second."""


def reconnect_delays() -> Iterator[float]:
    """Waits between attempts, in seconds."""
    return backoff(FIRST_WAIT_S, LONGEST_WAIT_S, 2)


class Session:
    """A connection after the other, for one handler. `run` it once; `pump` when there is something to send.

    `will` is the payload of the last will on topic ``status``. `subscriptions` are relative to the root.
    """

    def __init__(
        self,
        broker: Broker,
        handler: Handler,
        *,
        will: bytes | None = None,
        subscriptions: Sequence[str] = (),
        delays: Delays = reconnect_delays,
        refused_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._broker = broker
        self._handler = handler
        self._will = will
        self._subscriptions = subscriptions
        self._delays = delays
        self._refused_wait_s = refused_wait_s
        self._versions = VersionChoice(broker.protocol, time.monotonic)
        self._connection: Connection | None = None  # once the broker has accepted it
        self._attempt: Connection | None = None
        self._moved = asyncio.Event()
        self._waits = delays()
        self._warned = ""

    @property
    def version(self) -> Version | None:
        """What is spoken with the broker now; None without a connection."""
        return self._connection.version if self._connection else None

    def move(self, broker: Broker) -> None:
        """Go to `broker` from now on. The one left behind finds the line dead, and announces the last will."""
        self._broker = broker
        self._versions = VersionChoice(broker.protocol, time.monotonic)
        self._waits = self._delays()
        self._warned = ""
        self._moved.set()
        if self._attempt is not None:
            self._attempt.end("another broker is wanted")

    def pump(self) -> None:
        """Send what the handler has, as far as the broker's window has room. Does nothing without a connection."""
        connection = self._connection
        while connection is not None and connection.room > 0:
            outgoing = self._handler.next()
            if outgoing is None:
                return
            connection.send(outgoing)

    async def run(self) -> NoReturn:
        """Connect, and connect again; only a bug or a cancellation gets out."""
        while True:
            try:
                await self._connect_once()
            except ConnectionEnded as ended:
                await self._pause(self._wait_s(ended))

    async def _connect_once(self) -> NoReturn:
        self._moved.clear()
        self._attempt = connection = Connection(
            self._broker, self._versions.version(), will=self._will, deliver=self._handler.on_message
        )
        try:
            refused = await connection.open(self._subscriptions)
            self._versions.accepted()
            log.info("connected to %s:%d with MQTT %s", self._broker.host, self._broker.port, connection.version.value)
            if refused:
                log.warning("the broker refuses the subscription to %s", ", ".join(refused))
            await self._serve(connection)
        finally:
            self._attempt = None
            connection.close()

    async def _serve(self, connection: Connection) -> NoReturn:
        self._connection = connection
        self._warned = ""
        since_s = time.monotonic()
        self._handler.on_connected()
        try:
            while True:
                self.pump()
                await connection.wait()
                connection.work()
        except ConnectionEnded as ended:
            self._connection = None
            self._warn("disconnected from", ended)
            self._handler.on_disconnected(str(ended))
            raise
        finally:
            self._connection = None
            if time.monotonic() - since_s >= STEADY_S:
                self._waits = self._delays()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    def _wait_s(self, ended: ConnectionEnded) -> float:
        """How long to wait before the next attempt."""
        if ended.cause is Cause.VERSION and self._versions.refused():
            log.info("the broker has no MQTT 5")
            return 0.0
        self._warn("no connection to", ended)
        if ended.cause is Cause.NO_CONNACK:
            self._versions.unanswered()
        return self._refused_wait_s if ended.cause is Cause.REFUSED else next(self._waits)

    def _warn(self, what: str, ended: ConnectionEnded) -> None:
        if self._moved.is_set():
            return  # the broker was left on purpose
        # another reason is news: the line that breaks first, and the certificate that then turns out to have expired
        level = logging.DEBUG if self._warned == str(ended) else logging.WARNING
        log.log(level, "%s %s:%d: %s", what, self._broker.host, self._broker.port, ended)
        self._warned = str(ended)

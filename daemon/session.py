"""Stays connected to the broker, whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from daemon.broker import Broker, Handler
from daemon.mqtt import Connection
from daemon.mqtt_end import Cause, ConnectionEnded
from daemon.mqtt_version import Version, VersionChoice

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0

STEADY_S = 1.0
"""A connection that did not last this long does not start the back-off anew: two kiosks that were given one name
throw each other out, and would do so many times a second."""


def backoff(first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Waits between attempts, in seconds: doubling, each shortened at random so that a hall does not come at once."""
    wait_s = first_s
    while True:
        yield wait_s * random.uniform(0.5, 1)
        wait_s = min(longest_s, wait_s * 2)


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
        delays: Callable[[], Iterator[float]] = backoff,
        refused_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._broker = broker
        self._handler = handler
        self._will = will
        self._subscriptions = subscriptions
        self._delays = delays
        self._refused_wait_s = refused_wait_s
        self._versions = VersionChoice(broker.protocol, time.monotonic)
        self._connection: Connection | None = None
        self._waits = delays()
        self._warned = False

    @property
    def version(self) -> Version | None:
        """What is spoken with the broker now; None without a connection."""
        return self._connection.version if self._connection else None

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
                await asyncio.sleep(self._wait_s(ended))

    async def _connect_once(self) -> NoReturn:
        connection = Connection(
            self._broker, self._versions.version(), will=self._will, deliver=self._handler.on_message
        )
        try:
            refused = await connection.open(self._subscriptions)
            self._connected(connection, refused)
            await self._serve(connection)
        finally:
            self._connection = None
            connection.close()

    def _connected(self, connection: Connection, refused: list[str]) -> None:
        self._versions.accepted()
        self._warned = False
        log.info("connected to %s:%d with MQTT %s", self._broker.host, self._broker.port, connection.version.value)
        if refused:
            log.warning("the broker refuses the subscription to %s", ", ".join(refused))
        self._connection = connection

    async def _serve(self, connection: Connection) -> NoReturn:
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
            if time.monotonic() - since_s >= STEADY_S:
                self._waits = self._delays()

    def _wait_s(self, ended: ConnectionEnded) -> float:
        """How long to wait before the next attempt."""
        if ended.cause is Cause.VERSION and self._versions.refused():
            log.info("the broker has no MQTT 5")
            return 0.0
        self._warn("no connection to", ended)
        if ended.cause is Cause.CLOSED_EARLY:
            self._versions.closed_early()
        return self._refused_wait_s if ended.cause is Cause.REFUSED else next(self._waits)

    def _warn(self, what: str, ended: ConnectionEnded) -> None:
        level = logging.DEBUG if self._warned else logging.WARNING
        log.log(level, "%s %s:%d: %s", what, self._broker.host, self._broker.port, ended)
        self._warned = True

"""How things stand now: the last payload of every retained topic, on the broker whenever there is one."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable

from daemon.model import Model
from daemon.mqtt.broker import Outgoing

log = logging.getLogger(__name__)

REFUSED_AGAIN_S = 60.0
"""After which a refused topic is offered again on the same connection: somebody may have mended the permissions."""

CLEARED = b""
"""An empty retained payload takes the topic off the broker: MQTT 5 section 3.3.1.3."""


class Retained:
    """Retained topics, each sent when it changed, and all of them after every connect, in the order of their first
    `set`. A topic that changes faster than the broker takes it skips what is old by then.
    """

    def __init__(self, root: str, pump: Callable[[], None]) -> None:
        self._root = root
        self._pump = pump
        self._payloads: dict[str, bytes] = {}
        self._due: dict[str, None] = {}  # a set that keeps its order
        self._in_flight: set[str] = set()
        self._strangers: set[str] = set()

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that stand on the broker, or should."""
        return tuple(topic for topic, payload in self._payloads.items() if payload)

    @property
    def settled(self) -> bool:
        """Whether the broker has answered for every topic."""
        return not self._due and not self._in_flight

    def set(self, topic: str, status: Model) -> None:
        """`topic`, relative to the root, stands like this now."""
        self._change(topic, status.model_dump_json().encode())

    def repeat(self, topic: str) -> None:
        """Send `topic` once more as it stands."""
        if topic in self._payloads:
            self._due[topic] = None
            self._pump()

    def clear(self, topic: str) -> None:
        """There is no such thing any more: take its topic off the broker."""
        self._change(topic, CLEARED)

    def found(self, topic: str) -> None:
        """The broker holds `topic` for this kiosk, from this run or an earlier one."""
        if topic not in self._payloads:
            self._strangers.add(topic)

    def clear_strangers(self) -> None:
        """Take off the broker what was found there and is not of this run: a device that was removed while kioskd
        was down would be `ready` for ever.
        """
        for topic in sorted(self._strangers - self._payloads.keys()):
            log.info("the broker still held %s, which is not configured any more", topic)
            self.clear(topic)
        self._strangers.clear()

    def _change(self, topic: str, payload: bytes) -> None:
        if self._payloads.get(topic) == payload:
            return
        self._payloads[topic] = payload
        self._due[topic] = None
        self._pump()

    def on_connected(self) -> None:
        """The broker may have lost everything: all of it is due."""
        self._in_flight.clear()
        self._due = dict.fromkeys(self._payloads)

    def next(self) -> Outgoing | None:
        """The first topic that is due and not on its way already: two at once could arrive in the wrong order."""
        topic = next((topic for topic in self._due if topic not in self._in_flight), None)
        if topic is None:
            return None
        del self._due[topic]
        self._in_flight.add(topic)
        return Outgoing(
            topic=f"{self._root}/{topic}",
            payload=self._payloads[topic],
            retain=True,
            settled=functools.partial(self._answered, topic),
        )

    def _answered(self, topic: str, refusal: str | None) -> None:
        self._in_flight.discard(topic)
        if refusal is not None:
            log.warning("the broker refuses %s: %s", topic, refusal)
            asyncio.get_running_loop().call_later(REFUSED_AGAIN_S, self.repeat, topic)
        if topic not in self._due and self._payloads[topic] == CLEARED:
            del self._payloads[topic]

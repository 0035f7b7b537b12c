"""The answers to commands, on their way back to whoever sent them."""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
from collections import deque
from collections.abc import Callable

from daemon.commands import Reply
from daemon.model import ID_PATTERN
from daemon.mqtt.broker import Incoming, Outgoing

log = logging.getLogger(__name__)

KEPT = 1000
"""Replies that wait for a broker. Beyond it the oldest are dropped: who still wants the answer asks again with the
same id."""

MAX_TOPIC_BYTES = 1024
MAX_CORRELATION_BYTES = 1024


def reply_topic(root: str, reply: Reply, request: Incoming | None) -> tuple[str, bytes | None] | None:
    """Where a reply goes, and with what correlation data; None when there is no such place.

    The response topic of MQTT 5 if the request has a fit one, else ``reply/{id}``.
    """
    topic = request.response_topic if request else None
    if request is not None and topic is not None and fit_response_topic(root, topic):
        correlation = request.correlation_data
        if correlation is not None and len(correlation) > MAX_CORRELATION_BYTES:
            correlation = None
        return topic, correlation
    if re.fullmatch(ID_PATTERN, reply.id):
        return f"{root}/reply/{reply.id}", None
    return None


def fit_response_topic(root: str, topic: str) -> bool:
    """Whether a stranger may choose where this daemon publishes, with its permissions.

    Not to a filter, to the broker's own topics, over this kiosk's events and statuses, or as anybody's command.
    """
    if (
        not 0 < len(topic.encode()) <= MAX_TOPIC_BYTES
        or topic.startswith("$")
        or re.search(r"[+#\x00-\x1f\x7f]", topic)
    ):
        return False
    levels = topic.split("/")
    inside = levels[: root.count("/") + 1] == root.split("/")
    return "command" not in levels and (not inside or topic.startswith(f"{root}/reply/"))


class Replies:
    """Replies in their order, kept until the broker has them."""

    def __init__(self, root: str, pump: Callable[[], None]) -> None:
        self._root = root
        self._pump = pump
        self._waiting: deque[Outgoing] = deque()
        self._in_flight: deque[Outgoing] = deque()
        self.dropped = 0

    @property
    def settled(self) -> bool:
        """Whether the broker has answered for every reply."""
        return not self._waiting and not self._in_flight

    def send(self, reply: Reply, request: Incoming | None = None) -> None:
        """Answer `request`; None when it came before a restart, and only the id of its command is known."""
        place = reply_topic(self._root, reply, request)
        if place is None:
            log.warning("nowhere to send the reply to command %r", reply.id)
            return
        topic, correlation = place
        if len(self._waiting) == KEPT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(Outgoing(topic, reply.model_dump_json().encode(), correlation_data=correlation))
        self._pump()

    def on_disconnected(self) -> None:
        """What was on its way is sent again, before what has been waiting."""
        self._waiting.extendleft(reversed(self._in_flight))
        self._in_flight.clear()
        while len(self._waiting) > KEPT:
            self._waiting.popleft()
            self.dropped += 1

    def next(self) -> Outgoing | None:
        """The oldest reply."""
        if not self._waiting:
            return None
        reply = self._waiting.popleft()
        self._in_flight.append(reply)
        return dataclasses.replace(reply, settled=functools.partial(self._answered, reply))

    def _answered(self, reply: Outgoing, refusal: str | None) -> None:
        self._in_flight.remove(reply)
        if refusal is not None:
            log.warning("the broker refuses a reply on %s: %s", reply.topic, refusal)

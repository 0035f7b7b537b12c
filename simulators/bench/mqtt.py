"""What ``kioskd watch`` and ``kioskd send`` say, put into the picture. The bench itself speaks no MQTT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simulators.bench.picture import Picture

MAX_SHOWN_BYTES = 8192
"""A longer payload is not shown, only counted."""

MAX_TOPICS = 300
"""Nobody fills the memory with retained topics."""

UNSEEN = ("not-sent", "no-answer")
"""The answers that ``kioskd send`` gives by itself: what became of a command that nobody answered."""


class Messages:
    """Sorts messages: retained topics are items of the picture, whatever is new is an entry of its log."""

    def __init__(self, picture: Picture, root: str) -> None:
        self._picture = picture
        self._root = root + "/"
        self._standing: dict[str, Any] = {}

    def watched(self, line: bytes) -> None:
        """A line of ``kioskd watch --json``: a message from the broker."""
        message = self._read(line)
        if message is None:
            return
        topic = str(message.get("topic", "")).removeprefix(self._root)
        payload = _shown(message.get("payload"))
        retained = bool(message.get("retained"))
        if retained or _is_status(topic):
            if retained and self._standing.get(topic) == payload:
                return  # the broker's greeting to a watcher that had to connect anew
            self._stands(topic, payload)
        self._picture.add("messages", {"topic": topic, "payload": payload, "retained": retained})

    def replied(self, line: bytes) -> None:
        """A line of ``kioskd send --batch``. What came over the broker, the watcher saw as well."""
        reply = self._read(line)
        if reply is not None and reply.get("status") in UNSEEN:
            self._picture.add("messages", {"topic": "reply", "payload": _shown(reply), "retained": False})

    def _stands(self, topic: str, payload: Any) -> None:
        name = f"topic/{topic}"
        if payload in (None, ""):
            self._standing.pop(topic, None)
            self._picture.drop(name)
        elif topic in self._standing or len(self._standing) < MAX_TOPICS:
            self._standing[topic] = payload
            self._picture.put(name, payload)

    def _read(self, line: bytes) -> Mapping[str, Any] | None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        self._picture.note("not-json", text=line[:200].decode(errors="replace"))
        return None


def _is_status(topic: str) -> bool:
    """Whether `topic` says how something stands now. The broker marks as retained only what it had in store."""
    return topic.partition("/")[0] not in ("event", "command", "reply")


def _shown(payload: Any) -> Any:
    size = len(json.dumps(payload))
    return payload if size <= MAX_SHOWN_BYTES else {"bytes": size}


def command_line(name: str, data: Mapping[str, Any]) -> bytes:
    """A command as ``kioskd send --batch`` reads it."""
    return json.dumps({"command": name, "data": data}).encode()

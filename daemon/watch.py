"""``kioskd watch``: events and other messages as they come."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from daemon.alerts.words import worded
from daemon.mqtt.arguments import UsageError, add_broker_arguments, broker_of
from daemon.mqtt.broker import Incoming, Outgoing
from daemon.mqtt.session import Session
from daemon.terminal import one_line, pairs
from daemon.texts import Language

EVENTS = "event/#"
EVERYTHING = "#"
KEPT_S = 3600

DEPTH_MAX = 32
"""Levels of JSON that are looked into: kioskd's own has half a dozen, and anybody may publish anything."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kioskd watch``."""
    parser.description = "Print messages as they come, until interrupted. A broker that goes away is waited for."
    parser.epilog = "Exit code: 0 when interrupted or after COUNT messages, 2 for a wrong command line."
    add_broker_arguments(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--topic", metavar="FILTER", help=f"below the root, with + and # as in MQTT; {EVENTS} if not given"
    )
    which.add_argument("--all", action="store_true", help="everything: statuses, commands and replies too")
    parser.add_argument("--json", action="store_true", help='one JSON object a line: {"topic", "retained", "payload"}')
    parser.add_argument(
        "--session", metavar="NAME", help="have the broker keep, for an hour, what comes while the watcher NAME is away"
    )
    parser.add_argument("-n", "--count", type=_count, metavar="COUNT", help="end after COUNT messages")


def run(arguments: argparse.Namespace) -> int:
    """Watch; returns the exit code."""
    try:
        broker = broker_of(arguments, "watch")
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.session is not None:
        name = f"kioskd-watch-{arguments.session}"
        broker = dataclasses.replace(broker, client_id=name, session_expiry_s=KEPT_S)
    topic = EVERYTHING if arguments.all else arguments.topic or EVENTS
    watcher = Watcher(arguments.language, as_json=arguments.json, count=arguments.count)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt, Enough):
        asyncio.run(Session(broker, watcher, subscriptions=(topic,)).run())
    return 0


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


class Enough(Exception):
    """As many messages as were asked for."""


class Watcher:
    """Prints what a session hears."""

    def __init__(self, language: Language, *, as_json: bool, count: int | None) -> None:
        self._language = language
        self._as_json = as_json
        self._left = count

    def on_connected(self) -> None:
        """From now on nothing is missed; what is retained comes by itself."""
        print("watching", file=sys.stderr, flush=True)

    def on_disconnected(self, reason: str) -> None:
        """The session says so itself."""

    def next(self) -> Outgoing | None:
        """A watcher says nothing."""
        return None

    def on_message(self, message: Incoming) -> None:
        """Print one line."""
        message.acknowledge()
        print(json_line(message) if self._as_json else human_line(message, self._language), flush=True)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise Enough


def json_line(message: Incoming) -> str:
    """A message for programs. A payload that is no JSON, or nested too deep, stands there as a string."""
    return json.dumps(
        {"topic": message.topic, "retained": message.retained, "payload": _payload(message.payload)}, ensure_ascii=False
    )


def _payload(payload: bytes) -> Any:
    text = payload.decode(errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if _is_deep(found) else found


def _is_deep(value: Any) -> bool:
    """Whether it is nested deeper than `DEPTH_MAX`: whoever looks through it level by level would not come back."""
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
    return bool(level)


def _inside(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def human_line(message: Incoming, language: Language) -> str:
    """A message for people: an event as time, type, subject and data, anything else as topic and payload."""
    payload = worded(_payload(message.payload), language)
    if isinstance(payload, dict) and isinstance(payload.get("data"), dict) and "specversion" in payload:
        return _event_line(payload)
    shown = pairs(payload) if isinstance(payload, dict) else one_line(str(payload))
    return (
        f"{datetime.now().astimezone():%H:%M:%S}  {one_line(message.topic)}  {'= ' if message.retained else ''}{shown}"
    )


def _event_line(event: Mapping[str, Any]) -> str:
    subject = str(event.get("subject"))
    rest = {name: value for name, value in event["data"].items() if str(value) != subject}
    kind = str(event.get("type")).removeprefix("kioskd.")
    return f"{_time(event)}  {one_line(kind)}  {one_line(subject)}  {pairs(rest)}".rstrip()


def _time(event: Mapping[str, Any]) -> str:
    try:
        return f"{datetime.fromisoformat(str(event.get('time'))):%H:%M:%S}"
    except ValueError:
        return "--:--:--"

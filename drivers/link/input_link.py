"""A link that delivers key events from the nodes of one input device, whatever their descriptors come from."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from drivers.device import LinkLost, Reason
from drivers.link.input_event import (
    DOWN,
    EV_KEY,
    EV_SYN,
    EVENT_BYTES,
    REPEAT,
    SYN_DROPPED,
    UP,
    InputEvent,
    InputEventError,
    KeyEvent,
    decode_event,
)

READ_BYTES = 64 * EVENT_BYTES
"""The kernel hands out whole events only, as many as fit."""


@dataclass(frozen=True, slots=True)
class InputNode:
    """One open, non-blocking source of input events.

    `held_keys` gives the codes of the keys that are down now, and raises LinkLost when the device has gone;
    `close` gives the node back and is called once.
    """

    name: str
    descriptor: int
    held_keys: Callable[[], Iterable[int]]
    close: Callable[[], None]


class NodeReader:
    """Reads one node. Keeps what is down, so that what a lost event would have said can be told."""

    def __init__(self, node: InputNode) -> None:
        self.node = node
        self.lost: LinkLost | None = None
        self._rest = b""
        self._down = set(node.held_keys())
        # A key that is down already was pressed when nobody listened: it is held, and no press.
        now_s = time.time()
        self._untold = [KeyEvent(code, REPEAT, now_s, node.name) for code in sorted(self._down)]

    def read(self) -> list[KeyEvent]:
        """What has come since the last call. Never waits, never raises: a loss is kept in `lost`."""
        events, self._untold = self._untold, []
        while self.lost is None and (data := self._take()):
            try:
                self._decode(self._rest + data, events)
            except InputEventError as error:
                self.lost = LinkLost(Reason.GARBLED, f"{self.node.name}: {error}")
            except LinkLost as error:
                self.lost = error
        return events

    def _take(self) -> bytes:
        try:
            data = os.read(self.node.descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:  # ENODEV from an evdev node whose device was pulled
            self.lost = LinkLost(Reason.DISCONNECTED, f"{self.node.name}: {error}")
            return b""
        if not data:
            self.lost = LinkLost(Reason.DISCONNECTED, f"{self.node.name}: end of file")
        return data

    def _decode(self, data: bytes, events: list[KeyEvent]) -> None:
        """Append the key events in `data` to `events`, as far as it is sound."""
        self._rest = data[len(data) - len(data) % EVENT_BYTES :]
        for start in range(0, len(data) - len(self._rest), EVENT_BYTES):
            event = decode_event(data[start : start + EVENT_BYTES])
            if event.type == EV_KEY:
                events.append(self._note(event))
            elif event.type == EV_SYN and event.code == SYN_DROPPED:
                # The answer of held_keys is newer than every event read so far, and the kernel takes the key
                # events that it covers out of its own queue: the rest of `data` must not be told again.
                events.extend(self._catch_up(event.time_s))
                return

    def _note(self, event: InputEvent) -> KeyEvent:
        if event.value == UP:
            self._down.discard(event.code)
        else:
            self._down.add(event.code)
        return KeyEvent(event.code, event.value, event.time_s, self.node.name)

    def _catch_up(self, time_s: float) -> list[KeyEvent]:
        down = set(self.node.held_keys())
        released = [KeyEvent(code, UP, time_s, self.node.name) for code in sorted(self._down - down)]
        pressed = [KeyEvent(code, DOWN, time_s, self.node.name) for code in sorted(down - self._down)]
        self._down = down
        return released + pressed


class InputLink:
    """The key events of one input device. Owns its `nodes` through their `close`.

    Raises LinkLost when a node has gone already; the nodes are then the caller's to close.
    """

    def __init__(self, nodes: Sequence[InputNode]) -> None:
        self._readers = [NodeReader(node) for node in nodes]
        self._waiting: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes that are read."""
        return tuple(reader.node.name for reader in self._readers)

    async def read(self) -> tuple[KeyEvent, ...]:
        """The next key events, at least one; for one caller at a time. Cancelling it loses nothing.

        Raises LinkLost once a node has gone and everything that came before has been read.
        """
        while True:
            if self._closed:
                raise LinkLost(Reason.DISCONNECTED, "closed here")
            events = tuple(event for reader in self._readers for event in reader.read())
            if events:
                return events
            for reader in self._readers:
                if reader.lost is not None:
                    raise reader.lost
            await self._readable()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        for reader in self._readers:
            loop.add_reader(reader.node.descriptor, _settle, self._waiting)
        try:
            await self._waiting
        finally:
            if not self._closed:
                self._stop_watching(loop)

    def _stop_watching(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = None
        for reader in self._readers:
            loop.remove_reader(reader.node.descriptor)

    def close(self) -> None:
        """Give every node back. Safe to call twice; a pending read ends with LinkLost."""
        if self._closed:
            return
        self._closed = True
        if self._waiting is not None:
            _settle(self._waiting)
            self._stop_watching(asyncio.get_running_loop())
        for reader in self._readers:
            reader.node.close()


def _settle(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)

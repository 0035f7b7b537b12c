"""The device's end of a host's line: a descriptor, read and written without blocking, at the pace of a real wire."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

from simulators.device import Wire

READ_BYTES = 4096
MAX_UNSENT_BYTES = 1 << 20
"""What a host that never reads may leave in a simulator; beyond it bytes are lost, as on a real line."""

PACE_S = 0.005
"""How often a paced line takes its share of bytes."""

CATCH_UP_S = 2 * PACE_S
"""How far a paced line may lag behind its rate and still make up for it: timers come late by up to a millisecond."""


class HostWire(Wire, Protocol):
    """A device's end of one host's line."""

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        ...


class Receiver(Protocol):
    """What is behind a wire, on the device's side."""

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        ...

    def hung_up(self, wire: DescriptorWire) -> None:
        """The host went; `wire` is to be closed."""
        ...


class DescriptorWire:
    """A device's end of an open descriptor. Sends without blocking; keeps what does not fit, up to a bound."""

    def __init__(self, descriptor: int, receiver: Receiver, *, bytes_per_s: float | None = None) -> None:
        self._descriptor = descriptor
        self._receiver = receiver
        self._unsent = bytearray()
        self._pace = bytes_per_s
        self._paced: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._held = False
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(descriptor, self._readable)

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the host reads."""
        if self._closed:
            return
        room = MAX_UNSENT_BYTES - len(self._unsent)
        if not self._unsent:
            self._loop.add_writer(self._descriptor, self._writable)
        self._unsent += data[:room]
        self._writable()

    def _writable(self) -> None:
        try:
            del self._unsent[: os.write(self._descriptor, self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._receiver.hung_up(self)  # the host went away while being told something
            return
        if not self._unsent:
            self._loop.remove_writer(self._descriptor)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, self._share())
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._receiver.hung_up(self)
            return
        if self._pace is not None:
            self._rest(len(data) / self._pace)
        self._receiver.receive(data)

    def hold(self, *, on: bool) -> None:
        """Take nothing more from the host, or go on."""
        self._held = on
        if not self._closed and on:
            self._loop.remove_reader(self._descriptor)
        elif not self._closed and self._paced is None:
            self._loop.add_reader(self._descriptor, self._readable)

    def _share(self) -> int:
        return READ_BYTES if self._pace is None else max(1, int(self._pace * PACE_S))

    def _rest(self, seconds: float) -> None:
        """Take nothing more until the wire would have carried what was taken."""
        self._due_s = max(self._due_s, self._loop.time() - CATCH_UP_S) + seconds
        self._loop.remove_reader(self._descriptor)
        self._paced = self._loop.call_at(self._due_s, self._rested)

    def _rested(self) -> None:
        self._paced = None
        if not self._held:
            self._loop.add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        """Stop watching the descriptor and close it."""
        if self._closed:
            return
        self._closed = True
        if self._paced is not None:
            self._paced.cancel()
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        os.close(self._descriptor)

"""A link that carries bytes both ways, over any non-blocking file descriptor the event loop can watch."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from typing import Protocol

from drivers.device import LinkLost, Reason

READ_BYTES = 4096
DRAIN_POLL_S = 0.005
"""How often the kernel is asked what it still holds: it offers no event for an empty output queue."""


class Link(Protocol):
    """An open line to a device. Every method raises LinkLost when the line has gone."""

    async def read(self) -> bytes:
        """The next bytes, at least one. Cancelling it loses nothing."""
        ...

    async def write(self, data: bytes) -> None:
        """Hand all of `data` to the operating system; LinkLost says how many bytes it took."""
        ...

    async def drain(self) -> None:
        """Return once the operating system has nothing left to send."""
        ...

    def close(self) -> None:
        """Give the line back. Safe to call twice; a pending read or write ends with LinkLost."""
        ...


class DescriptorLink:
    """A Link over a non-blocking descriptor: a serial port, a pty or a connected socket.

    Owns the descriptor through `close`, which is called once. `stall_s` bounds how long a write may make no
    progress at all before the line counts as not draining.
    """

    def __init__(self, descriptor: int, close: Callable[[], None], *, stall_s: float) -> None:
        self._descriptor = descriptor
        self._close = close
        self._stall_s = stall_s
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    async def read(self) -> bytes:
        """The next bytes. End of file and every I/O error mean that the device has gone."""
        loop = asyncio.get_running_loop()
        while True:
            self._check_open()
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                await self._ready(loop.add_reader, loop.remove_reader)
                continue
            except OSError as error:
                raise LinkLost(Reason.DISCONNECTED, str(error)) from error
            if not data:
                raise LinkLost(Reason.DISCONNECTED, "end of file")
            return data

    async def write(self, data: bytes) -> None:
        """Write all of `data`, as fast as the line takes it and no faster."""
        loop = asyncio.get_running_loop()
        sent = 0
        rest = memoryview(data)
        while sent < len(data):
            self._check_open(sent)
            try:
                sent += os.write(self._descriptor, rest[sent:])
            except BlockingIOError:
                await self._writable(loop, sent)
            except OSError as error:
                raise LinkLost(Reason.DISCONNECTED, str(error), sent=sent) from error

    async def _writable(self, loop: asyncio.AbstractEventLoop, sent: int) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await self._ready(loop.add_writer, loop.remove_writer)
        except TimeoutError as error:
            raise LinkLost(Reason.NOT_DRAINING, f"no byte taken in {self._stall_s:g} s", sent=sent) from error
        except LinkLost as error:
            raise LinkLost(error.reason, error.detail, sent=sent) from error

    async def drain(self) -> None:
        """Wait until the kernel's output queue is empty (TIOCOUTQ; the same request serves sockets)."""
        while self._queued() > 0:
            await asyncio.sleep(DRAIN_POLL_S)

    def _queued(self) -> int:
        self._check_open()
        try:
            answer = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError as error:
            raise LinkLost(Reason.DISCONNECTED, str(error)) from error
        return int(struct.unpack("i", answer)[0])

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], bool]) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        add(self._descriptor, _settle, ready)
        self._waiting.add(ready)
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if not self._closed:
                remove(self._descriptor)
        self._check_open()

    def _check_open(self, sent: int = 0) -> None:
        if self._closed:
            raise LinkLost(Reason.DISCONNECTED, "closed here", sent=sent)

    def close(self) -> None:
        """Close once; whoever waits on the line gets LinkLost."""
        if self._closed:
            return
        self._closed = True
        if self._waiting:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            loop.remove_writer(self._descriptor)
        for ready in self._waiting:
            _settle(ready)
        self._close()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)

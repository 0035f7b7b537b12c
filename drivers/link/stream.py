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


Watch = Callable[..., object]
Unwatch = Callable[[int], bool]


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
        """Give the line back, at once: what was not drained may be lost.

        Safe to call twice; a pending read or write ends with LinkLost.
        """
        ...


class DescriptorLink:
    """A Link over a non-blocking descriptor: a serial port, a pty or a connected socket.

    Owns the descriptor through `close`, which is called once. `stall_s` bounds how long the line may make no
    progress at all while there is something to send: then it counts as not draining.
    """

    def __init__(self, descriptor: int, close: Callable[[], None], *, stall_s: float) -> None:
        self._descriptor = descriptor
        self._close = close
        self._stall_s = stall_s
        self._closed = False
        self._readers: set[asyncio.Future[None]] = set()
        self._writers: set[asyncio.Future[None]] = set()

    async def read(self) -> bytes:
        """The next bytes. End of file and every I/O error mean that the device has gone."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # a line that is always ready to be read must not keep the event loop to itself
        while True:
            self._check_open()
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                await self._ready(self._readers, loop.add_reader, loop.remove_reader)
                continue
            except OSError as error:
                raise LinkLost(Reason.DISCONNECTED, str(error)) from error
            if data:
                return data
            await self._read_nothing()

    async def _read_nothing(self) -> None:
        """A read that could give no byte although there was something to read."""
        raise LinkLost(Reason.DISCONNECTED, "end of file")

    async def write(self, data: bytes) -> None:
        """Write all of `data`, as fast as the line takes it and no faster."""
        sent = 0
        rest = memoryview(data)
        while sent < len(data):
            self._check_open(sent)
            try:
                sent += os.write(self._descriptor, rest[sent:])
            except BlockingIOError:
                await self._room(sent)
            except OSError as error:
                raise LinkLost(Reason.DISCONNECTED, str(error), sent=sent) from error

    async def _room(self, sent: int) -> None:
        """Wait until the kernel takes more.

        A tty asks for more only once its queue is nearly empty, which at 1200 baud takes half a minute: as long
        as the queue gets shorter, the line drains.
        """
        queued = self._queued(sent)
        while not await self._writable():
            before, queued = queued, self._queued(sent)
            if queued >= before:
                raise self._stalled(sent)

    async def _writable(self) -> bool:
        """Whether the kernel asked for more within `stall_s`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._stall_s):
                await self._ready(self._writers, loop.add_writer, loop.remove_writer)
        except TimeoutError:
            return False
        return True

    async def drain(self) -> None:
        """Wait until the kernel's output queue is empty (TIOCOUTQ; the same request serves sockets)."""
        loop = asyncio.get_running_loop()
        queued, moved_s = self._queued(), loop.time()
        while queued > 0:
            await asyncio.sleep(DRAIN_POLL_S)
            before, queued = queued, self._queued()
            if queued < before:
                moved_s = loop.time()
            elif loop.time() - moved_s > self._stall_s:
                raise self._stalled(0)

    def _queued(self, sent: int = 0) -> int:
        self._check_open(sent)
        try:
            answer = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError as error:
            raise LinkLost(Reason.DISCONNECTED, str(error), sent=sent) from error
        return int(struct.unpack("i", answer)[0])

    def _stalled(self, sent: int) -> LinkLost:
        return LinkLost(Reason.NOT_DRAINING, f"no byte taken in {self._stall_s:g} s", sent=sent)

    async def _ready(self, waiting: set[asyncio.Future[None]], add: Watch, remove: Unwatch) -> None:
        """Wait for the descriptor, or for `close`. Several may wait at once: all of them try again."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not waiting:
            add(self._descriptor, _settle, waiting)
        waiting.add(ready)
        try:
            await ready
        finally:
            waiting.discard(ready)
            if not waiting and not self._closed:
                remove(self._descriptor)

    def _check_open(self, sent: int = 0) -> None:
        if self._closed:
            raise LinkLost(Reason.DISCONNECTED, "closed here", sent=sent)

    def close(self) -> None:
        """Close once; whoever waits on the line gets LinkLost."""
        if self._closed:
            return
        self._closed = True
        if self._readers or self._writers:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            loop.remove_writer(self._descriptor)
        _settle(self._readers | self._writers)
        self._close()


def _settle(waiting: set[asyncio.Future[None]]) -> None:
    for ready in waiting:
        if not ready.done():
            ready.set_result(None)

"""A socket in the event loop: something to wait for, without a callback in which an error would be lost."""

from __future__ import annotations

import asyncio
import socket


class SocketWatch:
    """Wakes whoever waits: when the socket is readable, or writable if that is wanted, at every tick, and by hand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self._socket: socket.socket | None = None
        self._writable = False
        self._ticking: asyncio.TimerHandle | None = None
        self._due = False

    def start(self, connection: socket.socket, tick_s: float) -> None:
        """Watch `connection`, and tick from now on."""
        self._socket = connection
        self._loop.add_reader(connection, self._awake.set)
        self._tick(tick_s)

    def _tick(self, tick_s: float) -> None:
        self._due = True
        self._awake.set()
        self._ticking = self._loop.call_later(tick_s, self._tick, tick_s)

    def want_writable(self, wanted: bool) -> None:
        """Whether to wake when the socket takes more."""
        if self._socket is None or wanted == self._writable:
            return
        self._writable = wanted
        if wanted:
            self._loop.add_writer(self._socket, self._awake.set)
        else:
            self._loop.remove_writer(self._socket)

    def forget_socket(self) -> None:
        """The socket is about to be closed."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = None

    def stop_ticking(self) -> None:
        """No more ticks."""
        if self._ticking is not None:
            self._ticking.cancel()

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    async def wait(self) -> None:
        """Return when there is something to do."""
        await self._awake.wait()

    def attend(self) -> bool:
        """It is being done now; True at a tick."""
        self._awake.clear()
        due, self._due = self._due, False
        return due

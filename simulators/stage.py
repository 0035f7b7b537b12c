"""Puts a simulator at the far end of a real line: a pty behind a stable symlink, or a TCP port.

What a line here does not imitate: the electrical side, parity, and the modem lines (CTS, DSR, RI, DCD), which a
pty has not. A `baud` makes the pty take the host's bytes no faster than a wire of that rate would.
"""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self

from simulators.device import Command, CommandError, Simulator
from simulators.line import FaultyLine

READ_BYTES = 4096
MAX_UNSENT_BYTES = 1 << 20
"""What a host that never reads may leave in a simulator; beyond it bytes are lost, as on a real line."""

BITS_PER_BYTE = 10
"""One start bit, eight data bits, one stop bit."""

PACE_S = 0.005
"""How often a paced line takes its share of bytes."""


class Endpoint(Protocol):
    """Where a host can find the device."""

    @property
    def url(self) -> str:
        """The link URL to put into a configuration."""
        ...

    def open(self, line: Stage) -> None:
        """Let hosts in."""
        ...

    def close(self) -> None:
        """Hang up on every host and let none in."""
        ...


class DescriptorWire:
    """A device's end of an open descriptor. Sends without blocking; keeps what does not fit, up to a bound."""

    def __init__(self, descriptor: int, stage: Stage, *, bytes_per_s: float | None = None) -> None:
        self._descriptor = descriptor
        self._stage = stage
        self._unsent = bytearray()
        self._pace = bytes_per_s
        self._paced: asyncio.TimerHandle | None = None
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
            self._stage.hung_up(self)  # the host went away while being told something
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
            self._stage.hung_up(self)
            return
        if self._pace is not None:
            self._rest(len(data) / self._pace)
        self._stage.line.receive(data)

    def _share(self) -> int:
        return READ_BYTES if self._pace is None else max(1, int(self._pace * PACE_S))

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._descriptor)
        self._paced = self._loop.call_later(seconds, self._loop.add_reader, self._descriptor, self._readable)

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


class PtyEndpoint:
    """A pty whose host side is found through the symlink `path`, the same again after each replug."""

    def __init__(self, path: Path, *, baud: int | None = None) -> None:
        self._path = path
        self._baud = baud
        self._wire: DescriptorWire | None = None
        self._host_side: int | None = None
        self._stage: Stage | None = None

    @property
    def url(self) -> str:
        return f"serial://{self._path}" + (f"?baud={self._baud}" if self._baud else "")

    def open(self, line: Stage) -> None:
        self._stage = line
        device_side, self._host_side = pty.openpty()
        tty.setraw(self._host_side)
        os.set_blocking(device_side, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(self._host_side))
        bytes_per_s = self._baud / BITS_PER_BYTE if self._baud else None
        self._wire = DescriptorWire(device_side, line, bytes_per_s=bytes_per_s)
        line.attached(self._wire)

    def close(self) -> None:
        # The host side stays open here until now, or a host that closes and opens again would find the line dead.
        if self._wire is None or self._host_side is None or self._stage is None:
            return
        self._path.unlink(missing_ok=True)
        wire, self._wire = self._wire, None
        self._stage.hung_up(wire)
        os.close(self._host_side)
        self._host_side = None


class TcpEndpoint:
    """A listening TCP port for one host at a time: a newer connection closes the older, as device boards do."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, baud: int | None = None) -> None:
        self._host = host
        self._port = port
        self._baud = baud
        self._listener: socket.socket | None = None
        self._stage: Stage | None = None
        self._wire: DescriptorWire | None = None

    @property
    def url(self) -> str:
        return f"tcp://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def open(self, line: Stage) -> None:
        self._stage = line
        self._listener = socket.create_server((self._host, self._port), backlog=4)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        if self._listener is None or self._stage is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # the host was gone again before it was let in
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._wire is not None:
            self._stage.hung_up(self._wire)
        bytes_per_s = self._baud / BITS_PER_BYTE if self._baud else None
        self._wire = DescriptorWire(connection.detach(), self._stage, bytes_per_s=bytes_per_s)
        self._stage.attached(self._wire)

    def close(self) -> None:
        if self._listener is None or self._stage is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        if self._wire is not None:
            self._stage.hung_up(self._wire)
            self._wire = None


class Stage:
    """One simulator on one endpoint, with the line's faults between them.

    Use it as ``async with Stage(simulator, endpoint) as stage``: hosts are let in on entry, and everything is
    closed on exit.
    """

    def __init__(self, simulator: Simulator, endpoint: Endpoint) -> None:
        self.simulator = simulator
        self.endpoint = endpoint
        self.line = FaultyLine(simulator.receive)
        self.cut = True
        self._wire: DescriptorWire | None = None

    async def __aenter__(self) -> Self:
        self.restore()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.pull()
        self.simulator.close()

    def attached(self, wire: DescriptorWire) -> None:
        """A host came."""
        self._wire = wire
        self.line.connect(wire)
        self.simulator.attach(self.line)

    def hung_up(self, wire: DescriptorWire) -> None:
        """A host went, or is being sent away."""
        wire.close()
        if wire is self._wire:
            self._wire = None
            self.line.connect(None)
            self.simulator.detach()

    def pull(self) -> None:
        """Pull the cable: the device node vanishes, the port refuses."""
        if not self.cut:
            self.cut = True
            self.endpoint.close()

    def restore(self) -> None:
        """Plug the cable in again, at the same place."""
        if self.cut:
            self.cut = False
            self.endpoint.open(self)

    @property
    def commands(self) -> Mapping[str, Command]:
        """Everything that can be told at run time: the device's own commands, the line's, and the cable's."""
        cable = {
            "cut": Command(self._pull_command, "pull the cable: the device node vanishes, the port refuses"),
            "restore": Command(self._restore_command, "plug the cable in again"),
        }
        return {**self.simulator.commands, **self.line.commands, **cable}

    def _pull_command(self, words: list[str]) -> None:
        self.pull()

    def _restore_command(self, words: list[str]) -> None:
        self.restore()

    def command(self, text: str) -> None:
        """Run one line of words; raises CommandError naming the known commands."""
        words = text.split()
        command = self.commands.get(words[0]) if words else None
        if command is None:
            raise CommandError(f"unknown command {text!r}; known: {', '.join(sorted(self.commands))}")
        command.run(words[1:])
        self.simulator.changed()

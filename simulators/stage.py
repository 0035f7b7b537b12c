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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, Self

from simulators.device import Command, CommandError, Simulator
from simulators.line import FaultyLine, whole_number
from simulators.wire import DescriptorWire, HostWire

MAX_CUT_AFTER_BYTES = 1 << 30

BITS_PER_BYTE = 10
"""One start bit, eight data bits, one stop bit."""


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

    @property
    def preparation(self) -> str:
        """What is to be typed on the host before the link leads anywhere; empty if nothing."""
        return ""

    @property
    def commands(self) -> Mapping[str, Command]:
        """Faults that only this kind of place has."""
        return {}


class PtyEndpoint(Endpoint):
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
        device_side, host_side = pty.openpty()
        try:
            self._point_to(os.ttyname(host_side))
        except OSError:
            os.close(device_side)
            os.close(host_side)
            raise
        tty.setraw(host_side)
        os.set_blocking(device_side, False)
        self._host_side = host_side
        bytes_per_s = self._baud / BITS_PER_BYTE if self._baud else None
        self._wire = DescriptorWire(device_side, line, bytes_per_s=bytes_per_s)
        line.attached(self._wire)

    def _point_to(self, node: str) -> None:
        if self._path.is_symlink():
            self._path.unlink()  # left behind by a stage that was killed; anything else there is not ours to remove
        self._path.symlink_to(node)

    def close(self) -> None:
        # The host side stays open here until now, or a host that closes and opens again would find the line dead.
        if self._wire is None or self._host_side is None or self._stage is None:
            return
        self._path.unlink(missing_ok=True)
        wire, self._wire = self._wire, None
        self._stage.hung_up(wire)
        os.close(self._host_side)
        self._host_side = None


class ListeningEndpoint(Endpoint):
    """A listening socket for one host at a time: a newer connection closes the older, as device boards do."""

    def __init__(self, *, baud: int | None = None) -> None:
        self._baud = baud
        self._listener: socket.socket | None = None
        self._stage: Stage | None = None
        self._wire: DescriptorWire | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def listening(self) -> bool:
        """Whether hosts are let in."""
        return self._listener is not None

    def _listen(self) -> socket.socket:
        """A new listening socket at the endpoint's place."""
        raise NotImplementedError

    def open(self, line: Stage) -> None:
        self._stage = line
        self._listener = self._listen()
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        if self._listener is None or self._stage is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # the host was gone again before it was let in
        connection.setblocking(False)
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


class TcpEndpoint(ListeningEndpoint):
    """A listening TCP port; the same again after each replug."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, baud: int | None = None) -> None:
        super().__init__(baud=baud)
        self._host = host
        self._port = port

    @property
    def url(self) -> str:
        return f"tcp://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def _listen(self) -> socket.socket:
        listener = socket.create_server((self._host, self._port), backlog=4)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        self._port = listener.getsockname()[1]
        return listener


MakeLine = Callable[[Callable[[bytes], None]], FaultyLine]
"""Makes the line to a simulator's `receive`: for whoever wants to listen in."""


class Stage:
    """One simulator on one endpoint, with the line's faults between them.

    Use it as ``async with Stage(simulator, endpoint) as stage``: hosts are let in on entry, and everything is
    closed on exit.
    """

    def __init__(self, simulator: Simulator, endpoint: Endpoint, *, make_line: MakeLine = FaultyLine) -> None:
        self.simulator = simulator
        self.endpoint = endpoint
        self.line = make_line(simulator.receive)
        self.line.pull = self.pull
        self.cut = True
        self._wire: HostWire | None = None

    async def __aenter__(self) -> Self:
        self.restore()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.pull()
        self.simulator.close()

    def attached(self, wire: HostWire) -> None:
        """A host came."""
        self._wire = wire
        self.line.connect(wire)
        self.simulator.attach(self.line)

    def receive(self, data: bytes) -> None:
        """Bytes from the host, into the line."""
        self.line.receive(data)

    def hung_up(self, wire: HostWire) -> None:
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
        """Everything that can be told at run time: the device's own commands, the line's, and its place's."""
        cable = {
            "cut": Command(
                self._pull_command,
                "pull the cable, now or when so many more bytes went through: the node vanishes, the port refuses",
                "[after BYTES]",
            ),
            "restore": Command(self._restore_command, "plug the cable in again"),
        }
        return {**self.simulator.commands, **self.line.commands, **self.endpoint.commands, **cable}

    def _pull_command(self, words: list[str]) -> None:
        if not words:
            self.pull()
        elif words[0] == "after":
            self.line.pull_after = whole_number(words[1:], 1, 1, MAX_CUT_AFTER_BYTES)
        else:
            raise CommandError(f"expected nothing, or after BYTES, not {' '.join(words)!r}")

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

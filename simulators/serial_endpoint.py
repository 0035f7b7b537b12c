"""A real serial port with a simulator behind it: the host is plugged in by a null-modem cable."""

from __future__ import annotations

import os
from pathlib import Path

import serial

from simulators.stage import Endpoint, Stage
from simulators.wire import DescriptorWire


class SerialEndpoint(Endpoint):
    """The tty at `path`, for this process alone. `open` raises OSError if it cannot be had.

    When the tty itself goes away the simulator stays alone until the cable is cut and restored.
    """

    def __init__(self, path: Path, *, baud: int = 9600) -> None:
        self._path = path
        self._baud = baud
        self._port: serial.Serial | None = None
        self._wire: DescriptorWire | None = None
        self._stage: Stage | None = None

    @property
    def url(self) -> str:
        """The host's own end of the cable is not known here: only its settings are."""
        return f"serial:///dev/…?baud={self._baud}"

    def open(self, line: Stage) -> None:
        self._port = serial.Serial(
            str(self._path),
            self._baud,
            timeout=0,
            inter_byte_timeout=0,  # makes VMIN 1: with 0 a tty that has nothing to say reads as end of file
            exclusive=True,
        )
        self._stage = line
        self._wire = DescriptorWire(os.dup(self._port.fileno()), line)
        line.attached(self._wire)

    def close(self) -> None:
        if self._port is None or self._wire is None or self._stage is None:
            return
        wire, self._wire = self._wire, None
        self._stage.hung_up(wire)
        self._port.close()
        self._port = None

"""What stands between a host and the receive buffer of a simulated printer, and holds the host back when it is full."""

from __future__ import annotations

from typing import cast

from drivers.printer.escpos_protocol import XOFF, XON
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from simulators.wire import DescriptorWire

PIECE_BYTES = 16
"""How much is handed on at a time: a printer that has not said XOFF has room for it."""


class PrinterBoard(TcpEndpoint):
    """A network board: while the printer's buffer is full it takes nothing, and the host's window shuts."""

    def open(self, line: Stage) -> None:
        super().open(cast("Stage", _Board(line)))


class HandshakePty(PtyEndpoint):
    """A serial line with hardware handshake: while the printer's buffer is full, the host's bytes stay with the host.

    A pty has no modem lines: what the host notices is what it would with ``flow=rtscts``, that its writes wait.
    """

    def open(self, line: Stage) -> None:
        super().open(cast("Stage", _Board(line)))


class _Board:
    """Stands in the stage's place for its endpoint, and in the host's place for the stage.

    The printer's XOFF and XON are for the board; the host never gets them.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._wire: DescriptorWire | None = None
        self._held = bytearray()
        self._full = False
        self._handing_on = False

    def attached(self, wire: DescriptorWire) -> None:
        """A host came. What the last one left here goes with it."""
        self._wire = wire
        self._held.clear()
        self._full = False
        self._stage.attached(self)

    def hung_up(self, _: DescriptorWire) -> None:
        self._stage.hung_up(self)

    def receive(self, data: bytes) -> None:
        """From the host: for the printer, as soon as it has room."""
        self._held += data
        self._hand_on()

    def send(self, data: bytes) -> None:
        """From the printer: for the host, or for the board itself."""
        if data in (bytes((XOFF,)), bytes((XON,))):
            self._full = data[0] == XOFF
            self._hand_on()
        elif self._wire is not None:
            self._wire.send(data)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()

    def _hand_on(self) -> None:
        if self._handing_on:
            return  # the printer spoke while it was handed something
        self._handing_on = True
        while self._held and not self._full:
            piece = bytes(self._held[:PIECE_BYTES])
            del self._held[:PIECE_BYTES]
            self._stage.receive(piece)
        self._handing_on = False
        if self._wire is not None:
            self._wire.hold(on=self._full)

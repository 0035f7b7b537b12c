"""What passes over a device's wire, for the page: bytes as they come, put together to readable pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

from simulators.line import FaultyLine

PAUSE_S = 0.05
"""Bytes that follow each other within this time are one piece."""

MAX_PIECE_BYTES = 256


class Direction(StrEnum):
    TO_DEVICE = "to-device"
    FROM_DEVICE = "from-device"


Show = Callable[[Direction, bytes], None]


class TappedLine(FaultyLine):
    """The cable, with somebody listening: to the host's bytes before any fault, to the device's after."""

    def __init__(self, receive: Callable[[bytes], None], show: Show) -> None:
        super().__init__(receive)
        self._show = show
        self._direction = Direction.TO_DEVICE
        self._piece = bytearray()
        self._pause: asyncio.TimerHandle | None = None

    def receive(self, data: bytes) -> None:
        self._heard(Direction.TO_DEVICE, data)
        super().receive(data)

    def _transmit(self, data: bytes) -> None:
        self._heard(Direction.FROM_DEVICE, data)
        super()._transmit(data)

    def _heard(self, direction: Direction, data: bytes) -> None:
        if direction is not self._direction:
            self.flush()
            self._direction = direction
        self._piece += data
        while len(self._piece) >= MAX_PIECE_BYTES:
            self._show(direction, bytes(self._piece[:MAX_PIECE_BYTES]))
            del self._piece[:MAX_PIECE_BYTES]
        if self._pause is not None:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(PAUSE_S, self.flush)

    def flush(self) -> None:
        """Show what has come so far, and forget the timer."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._piece:
            piece, self._piece = bytes(self._piece), bytearray()
            self._show(self._direction, piece)

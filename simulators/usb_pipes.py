"""The data endpoints of a simulated USB device: where transfers wait while a real device would say NAK."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from simulators.usbip_protocol import SHUT_DOWN, STALLED, Submit

MAX_WAITING = 256
"""More transfers at once than any driver keeps on one endpoint."""

MAX_UNTOLD_BYTES = 1 << 16
"""What a host that never reads may leave in a device; what is said beyond it is lost, as in a real one."""

PIECE_BYTES = 16
"""How much is handed on at a time. A printer's buffer that is not full has room for it."""

Ended = Callable[[Submit, int, bytes, int], None]
"""What a pipe calls when a transfer has ended: with its status, the data for the host, the bytes taken from it."""


class TooManyTransfersError(Exception):
    """The host has more transfers waiting than a device is ever given."""


class Pipe(Protocol):
    """One data endpoint. `stall` has it refuse transfers until the host clears the halt, so many times over."""

    address: int

    def submit(self, transfer: Submit, ended: Ended) -> None:
        """Begin `transfer`; it ends now or later, by `ended`."""
        ...

    def unlink(self, number: int) -> bool:
        """Forget the waiting transfer `number`; False if there is none."""
        ...

    def stall(self, times: int) -> None: ...

    def flush(self) -> None:
        """Forget the data in the device, and every stall; transfers go on waiting."""
        ...

    def reset(self) -> None:
        """Forget everything, and end what waits."""
        ...


class _Waiting:
    """The transfers that wait at `endpoint`, of the usbip library: it knows whether the endpoint is halted."""

    def __init__(self, endpoint: Any) -> None:
        self.address: int = endpoint.addr
        self._packet_bytes: int = endpoint.mps
        self._endpoint = endpoint
        self._stalls = 0
        self._transfers: deque[tuple[Submit, Ended]] = deque()

    def submit(self, transfer: Submit, ended: Ended) -> None:
        if self._stalls and not self._endpoint.halted:
            self._stalls -= 1
            self._endpoint.stall()
        if self._endpoint.halted:
            ended(transfer, STALLED, b"", 0)
            return
        if len(self._transfers) >= MAX_WAITING:
            raise TooManyTransfersError
        self._transfers.append((transfer, ended))
        self._move()

    def unlink(self, number: int) -> bool:
        for each in self._transfers:
            if each[0].number == number:
                self._transfers.remove(each)
                return True
        return False

    def stall(self, times: int) -> None:
        self._stalls = times
        waiting, self._transfers = list(self._transfers), deque()
        for transfer, ended in waiting:
            self.submit(transfer, ended)

    def flush(self) -> None:
        self._stalls = 0
        self._endpoint.clear_halt()

    def reset(self) -> None:
        waiting, self._transfers = list(self._transfers), deque()
        self.flush()
        for transfer, ended in waiting:
            ended(transfer, SHUT_DOWN, b"", 0)

    def _move(self) -> None:
        """Go on with the transfers that wait, as far as it is possible now."""
        raise NotImplementedError


class InPipe(_Waiting):
    """From the device to the host. What is sent in one piece stays one: a short packet ends a transfer."""

    def __init__(self, endpoint: Any) -> None:
        super().__init__(endpoint)
        self._untold: deque[bytes] = deque()

    def send(self, data: bytes) -> None:
        """Have `data` told as soon as the host asks."""
        if data and sum(map(len, self._untold)) + len(data) <= MAX_UNTOLD_BYTES:
            self._untold.append(data)
            self._move()

    def flush(self) -> None:
        super().flush()
        self._untold.clear()

    def _move(self) -> None:
        while self._untold and self._transfers:
            transfer, ended = self._transfers.popleft()
            data = self._untold.popleft()
            if len(data) > transfer.length:
                self._untold.appendleft(data[transfer.length :])
            ended(transfer, 0, data[: transfer.length], 0)


class OutPipe(_Waiting):
    """From the host to the device, packet by packet: each is taken wholly or not at all.

    While `hold` is in force at most one more packet is taken, into the endpoint's own memory.
    """

    def __init__(self, endpoint: Any, take: Callable[[bytes], None]) -> None:
        super().__init__(endpoint)
        self._take = take
        self._packet = bytearray()
        self._taken = 0  # of the first transfer
        self._held = False
        self._moving = False

    def hold(self, on: bool) -> None:
        """Have the device take nothing more, or go on."""
        self._held = on
        self._move()

    def unlink(self, number: int) -> bool:
        if self._transfers and self._transfers[0][0].number == number:
            self._taken = 0
        return super().unlink(number)

    def stall(self, times: int) -> None:
        self._taken = 0
        super().stall(times)

    def flush(self) -> None:
        super().flush()
        self._packet.clear()

    def reset(self) -> None:
        self._taken = 0
        super().reset()

    def _move(self) -> None:
        if self._moving:
            return  # the device has answered while it was told something
        self._moving = True
        try:
            while self._hand_on() and self._transfers:
                self._next_packet()
        finally:
            self._moving = False

    def _hand_on(self) -> bool:
        """Give the device the packet that was taken; whether there is room for the next."""
        while self._packet and not self._held:
            piece = bytes(self._packet[:PIECE_BYTES])
            del self._packet[:PIECE_BYTES]
            self._take(piece)
        return not self._packet

    def _next_packet(self) -> None:
        transfer, ended = self._transfers[0]
        self._packet += transfer.data[self._taken : self._taken + self._packet_bytes]
        self._taken += len(self._packet)
        if self._taken >= transfer.length:
            self._transfers.popleft()
            self._taken = 0
            ended(transfer, 0, b"", transfer.length)

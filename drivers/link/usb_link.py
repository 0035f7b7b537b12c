"""A Link over a USB printer. libusb blocks, so one thread reads, another does everything else.

No call into libusb lasts longer than `POLL_MS` but for requests, which nobody sends while bytes flow. So a link
that is closed has given its device back a moment later, without the event loop ever having waited for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from drivers.device import LinkLost, Reason
from drivers.link.usb_class import PortStatus

if TYPE_CHECKING:
    from drivers.link.usb_printer import UsbPrinter

T = TypeVar("T")

STALL_S = 10.0
"""A printer that takes no packet for this long is not draining."""

POLL_MS = 200
"""How long a transfer waits before the thread looks whether the link was closed meanwhile."""

EMPTY_READ_S = 0.02
"""How long to rest when the device had nothing to say and said so at once, instead of having the host wait."""

LIFE_SIGN_S = 1.0
"""How often a printer that cannot answer is asked for its port status, only to see that it is still attached."""

RELEASE_S = 1.0
"""How long whoever opens a device waits for it to be given back by the link that had it before."""

_releasing: set[Future[None]] = set()
"""Links that are being closed. Their devices look taken until that is done."""


def await_released() -> None:
    """Wait, in a worker thread, until links closed before have given their devices back."""
    wait(list(_releasing), RELEASE_S)


class UsbLink:
    """A `drivers.link.stream.Link` over `printer`, which it owns. `threads` are two; it ends them."""

    def __init__(self, printer: UsbPrinter, threads: UsbThreads, *, stall_s: float) -> None:
        self._printer = printer
        self._threads = threads
        self._stall_s = stall_s
        self._stopped = threading.Event()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writing = asyncio.Lock()
        self._in_flight: Future[bytes | LinkLost] | None = None
        self._reading: asyncio.Future[bytes | LinkLost] | None = None

    # --- reading ---------------------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """The next bytes; see `Link`. A device that has gone is noticed here even while it has nothing to say."""
        while True:
            self._check_open()
            if self._reading is None:
                self._in_flight = self._threads.reader.submit(self._read)
                self._reading = asyncio.wrap_future(self._in_flight)
            reading = self._reading
            await asyncio.wait((reading, self._closed), return_when=asyncio.FIRST_COMPLETED)
            self._check_open()
            if self._reading is reading:  # else another reader has taken it
                self._reading = None
                return _unless_lost(reading.result())

    def _read(self) -> bytes | LinkLost:
        """Wait for bytes, in the thread. A loss is returned, as nobody may be there to catch it."""
        try:
            while not self._stopped.is_set():
                if not self._printer.answers:
                    self._printer.port_status()
                    self._stopped.wait(LIFE_SIGN_S)
                elif data := self._printer.read(POLL_MS):
                    return data
                elif data is not None:
                    self._stopped.wait(EMPTY_READ_S)
        except LinkLost as error:
            return error
        return _closed_here()

    # --- writing ---------------------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        """Send all of `data`; returns when the printer has taken it. See `Link`.

        LinkLost tells exactly how many bytes the printer took, but for the packet under way when it vanished:
        nobody can know what became of that, and it counts as taken.
        """
        job = _Job(data)
        async with self._writing:
            self._check_open()
            try:
                lost = await self._in_thread(lambda: self._write(job))
            except asyncio.CancelledError:
                job.abandoned.set()  # the packet under way is the last
                raise
        if lost is not None:
            raise lost

    def _write(self, job: _Job) -> LinkLost | None:
        size = self._printer.packet_bytes
        polls = 0
        while job.sent < len(job.data) and not job.abandoned.is_set():
            if self._stopped.is_set():
                return _closed_here(job.sent)
            packet = job.data[job.sent : job.sent + size]
            try:
                taken = self._printer.write(packet, POLL_MS)
            except LinkLost as error:
                return LinkLost(error.reason, error.detail, sent=job.sent + error.sent)
            job.sent += len(packet) if taken else 0
            polls = 0 if taken else polls + 1
            if polls * POLL_MS >= self._stall_s * 1000:
                detail = f"{self._printer.name}: no byte taken in {self._stall_s:g} s"
                return LinkLost(Reason.NOT_DRAINING, detail, sent=job.sent)
        return None

    async def drain(self) -> None:
        """What was written is in the printer already; wait for a write under way elsewhere."""
        async with self._writing:
            self._check_open()

    # --- what the printer class tells ------------------------------------------------------------------------------

    async def port_status(self) -> PortStatus | None:
        """What the printer says of paper, selection and error; None from one that does not say. Raises LinkLost."""
        return _unless_lost(await self._ask(self._printer.port_status))

    async def device_id(self) -> Mapping[str, str]:
        """The fields of its IEEE 1284 device ID, empty from a printer that has none. Raises LinkLost."""
        return _unless_lost(await self._ask(self._printer.device_id))

    async def _ask(self, request: Callable[[], T]) -> T | LinkLost:
        self._check_open()

        def ask() -> T | LinkLost:
            try:
                return _closed_here() if self._stopped.is_set() else request()
            except LinkLost as error:
                return error

        return await self._in_thread(ask)

    # --- the end ---------------------------------------------------------------------------------------------------

    async def _in_thread(self, job: Callable[[], T]) -> T:
        """The outcome of `job`, which waits its turn in the thread."""
        return await asyncio.wrap_future(self._threads.writer.submit(job))

    def _check_open(self) -> None:
        if self._stopped.is_set():
            raise _closed_here()

    def close(self) -> None:
        """Let go; the threads finish their transfers, release the device and end. See `Link`."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._closed.set_result(None)
        if self._reading is not None:
            self._reading.cancel()
        released = self._threads.writer.submit(self._release)
        _releasing.add(released)
        released.add_done_callback(_releasing.discard)
        self._threads.end()

    def _release(self) -> None:
        if self._in_flight is not None:
            wait((self._in_flight,))
        self._printer.release()


class _Job:
    """A write, as both its thread and its caller see it."""

    def __init__(self, data: bytes) -> None:
        self.data = bytes(data)
        self.sent = 0
        self.abandoned = threading.Event()


class UsbThreads:
    """The two threads of a link. They start when first needed, and finish what they were given before they end."""

    def __init__(self) -> None:
        self.reader = ThreadPoolExecutor(1, "usb-read")
        self.writer = ThreadPoolExecutor(1, "usb-write")

    def end(self) -> None:
        """Take no further work. Does not wait."""
        self.reader.shutdown(wait=False)
        self.writer.shutdown(wait=False)


def _unless_lost(outcome: T | LinkLost) -> T:
    if isinstance(outcome, LinkLost):
        raise outcome
    return outcome


def _closed_here(sent: int = 0) -> LinkLost:
    return LinkLost(Reason.DISCONNECTED, "closed here", sent=sent)

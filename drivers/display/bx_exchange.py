"""Onbon BX-5K/6K: one question at a time to one board, over an open link."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Self

from drivers.device import DeviceError, Reason
from drivers.display.bx_area_protocol import Malformed
from drivers.display.bx_frame_protocol import (
    BROADCAST_ANSWERED,
    HOST_ADDRESS,
    Garbled,
    Packet,
    PacketDecoder,
    encode_packet,
)
from drivers.display.bx_protocol import QueryStatus, Request, encode_request
from drivers.display.bx_reply_protocol import Ack, Error, Nack, OtherReply, Reply, Status, decode_reply
from drivers.link.stream import Link

DYNAMIC_AREAS_FIRST = 1
"""Display mode: a programme stored in the card must not show through."""

SLOWEST_BYTES_PER_S = 960
"""9600 baud, the slower of the two rates a card knows: how long a request is on its way."""

BUSY_TRIES = 5
"""How often a busy card is asked before its refusal counts."""

PASSING = (Error.BUSY, Error.CHECKSUM)
"""Refusals that say nothing about the request itself."""


ARRIVED_MAX = 512
"""Packets not yet looked at: more than come at one reading."""


class Unanswered(DeviceError):
    """No answer that can be used came in time; the reason says what came instead."""


class Exchange:
    """Asks and listens, inside ``async with``. Only one of its coroutines may run at a time; `wake` may be called at
    any time.

    One task reads, and whoever waits is woken by what it reads: so a wait that is ended from elsewhere, for a text that
    is to be shown, costs no cancelled read.
    """

    def __init__(self, link: Link, address: int, *, answer_s: float, busy_s: float) -> None:
        self._link = link
        self._address: Final = address
        self._answer_s = answer_s
        self._busy_s = busy_s
        self._decoder = PacketDecoder()
        self._arrived: deque[Packet | Garbled] = deque(maxlen=ARRIVED_MAX)
        self._latest: Packet | Garbled | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._lost: DeviceError | None = None

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            while True:
                self._arrived.extend(self._decoder.feed(await self._link.read()))
                self.wake()
        except DeviceError as error:
            self._lost = error
            self.wake()

    async def tell(self, request: Request) -> None:
        """Send `request`, wanting no answer, and return once it has left. Raises DeviceError."""
        frame = self._frame(request, answer=False)
        try:
            async with asyncio.timeout(self._patience_s(frame)):
                await self._link.write(frame)
                await self._link.drain()
        except TimeoutError:
            raise DeviceError(Reason.NOT_DRAINING, f"{len(frame)} bytes would not leave") from None

    async def ask(self, request: Request) -> Reply:
        """The card's answer to `request`: a Status or OtherReply to QueryStatus, an Ack to anything else; or a Nack.

        A card that is busy, or says that the request reached it damaged, is asked again; one that does not answer
        is asked once more. Raises DeviceError when that does not help.
        """
        reply = await self._ask_twice(request)
        for _ in range(BUSY_TRIES - 1):
            if not isinstance(reply, Nack) or reply.error not in PASSING:
                break
            await asyncio.sleep(self._busy_s)
            reply = await self._ask_twice(request)
        return reply

    async def ask_no_more_than_once(self, request: Request) -> Reply | None:
        """As `ask`, for what must not be done twice. None when no answer came: nobody knows whether it was done."""
        reply: Reply | None = None
        for _ in range(BUSY_TRIES):
            try:
                reply = await self._ask_once(request)
            except Unanswered:
                await self._ask_once(QueryStatus())  # for the answer that may only be late: see `_ask_twice`
                return None
            if not isinstance(reply, Nack) or reply.error not in PASSING:
                break
            await asyncio.sleep(self._busy_s)
        return reply

    async def _ask_twice(self, request: Request) -> Reply:
        try:
            return await self._ask_once(request)
        except Unanswered:
            # The answer may only be late, and answers carry no number: it would be taken for the answer to the
            # next request. A status cannot be taken for anything else, so it is asked for first, and whatever
            # comes before it is dropped.
            status = await self._ask_once(QueryStatus())
            return status if isinstance(request, QueryStatus) else await self._ask_once(request)

    async def _ask_once(self, request: Request) -> Reply:
        frame = self._frame(request, answer=True)
        self._arrived.clear()
        self._latest = None
        try:
            async with asyncio.timeout(self._patience_s(frame)):
                await self._link.write(frame)
                return await self._answer_to(request)
        except TimeoutError:
            raise self._unanswered() from None

    def _patience_s(self, frame: bytes) -> float:
        return self._answer_s + len(frame) / SLOWEST_BYTES_PER_S

    def _frame(self, request: Request, *, answer: bool) -> bytes:
        data = encode_request(request, answer=answer)
        return encode_packet(Packet(self._address, HOST_ADDRESS, data, display_mode=DYNAMIC_AREAS_FIRST))

    async def _answer_to(self, request: Request) -> Reply:
        wanted = (Status, OtherReply, Nack) if isinstance(request, QueryStatus) else (Ack, Nack)
        while True:
            while self._arrived:
                self._latest = self._arrived.popleft()
                reply = self._reply_in(self._latest)
                if isinstance(reply, wanted):
                    return reply
            await self._wait()

    async def _wait(self) -> None:
        """Return at the next `wake`; raises DeviceError once the line has gone and everything was taken in."""
        if self._lost is not None:
            raise self._lost
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _reply_in(self, packet: Packet | Garbled) -> Reply | None:
        if isinstance(packet, Garbled) or not self._is_for_us(packet):
            return None
        try:
            return decode_reply(packet.data)
        except Malformed:
            return None

    def _is_for_us(self, packet: Packet) -> bool:
        # An address of 8000 and above means whoever is at the far end, so anyone may answer to it.
        anyone = HOST_ADDRESS <= self._address < BROADCAST_ANSWERED
        return packet.destination == HOST_ADDRESS and (anyone or packet.source == self._address)

    def _unanswered(self) -> Unanswered:
        """What to say of a silence, going by the last that was heard in it; an echo of ourselves is nothing."""
        match self._latest:
            case Garbled(fault):
                return Unanswered(Reason.GARBLED, f"the answer came damaged ({fault})")
            case Packet() as packet if packet.source != HOST_ADDRESS and not self._is_for_us(packet):
                who = f"address {packet.source} answered {packet.destination:04X}"
                return Unanswered(Reason.WRONG_DEVICE, f"{who}, not address {self._address}")
        return Unanswered(Reason.NO_ANSWER, f"nothing from address {self._address} in {self._answer_s:g} s")

    async def listen(self, until: float) -> None:
        """Drop what comes unasked; return at the next `wake`, and when the event loop's clock shows `until`."""
        self._arrived.clear()
        alarm = asyncio.get_running_loop().call_at(until, self.wake)
        try:
            await self._wait()
        finally:
            alarm.cancel()

    def wake(self) -> None:
        """End a `listen`, if there is one."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

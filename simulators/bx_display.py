"""An Onbon BX-5K/6K LED board: the card's answers, its memory of dynamic areas, and what the screen shows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from drivers.display.bx_area_protocol import LIMITS, Area, Card, Malformed
from drivers.display.bx_frame_protocol import (
    BROADCAST,
    BROADCAST_ANSWERED,
    CARD_LEAD,
    FACTORY_ADDRESS,
    HOST_ADDRESS,
    Fault,
    Garbled,
    Packet,
    PacketDecoder,
    encode_packet,
)
from drivers.display.bx_protocol import (
    MAX_BRIGHTNESS,
    ClearScreen,
    OtherRequest,
    Ping,
    QueryStatus,
    Request,
    SetBrightness,
    SetClock,
    SetPower,
    Speak,
    UpdateAreas,
    decode_request,
)
from drivers.display.bx_reply_protocol import Ack, Error, Nack, Reply, Status, encode_reply
from simulators.bx_screen import seen
from simulators.device import Command, CommandError, Wire
from simulators.line import on_or_off, whole_number

BITS_PER_BYTE = 10
MAX_BUSY = 1000
SPOKEN_MAX = 20
"""The latest texts that were spoken are remembered."""

GROUPS = (0xA1, 0xA2, 0xA3, 0xA4)

BLANK_CLOCK = bytes.fromhex("2000010106000000")
"""1 January 2000, a Saturday, in the order of the document's status table."""


class BxDisplaySimulator:
    """One card with its screen. Power stays on while the cable is out; areas are lost by `restart` alone.

    `address` is the screen's, `card` "5k" or "6k", `voice` that of a 6K-YY. It answers `reply_s`
    after the end of a request, plus the time its answer takes at `baud` if set, and is deaf for `boot_s` at a restart.
    """

    KIND: ClassVar[str] = "display"
    DOES_NOT_IMITATE: ClassVar[str] = (
        "Stored programmes, fonts, pictures and timetables; effects, pages and timeouts of areas; sound, its "
        "length and what a second text does to it; a running "
        "clock; the connection a TCP card loses when it restarts. Timing and the codes for malformed requests are "
        "guesses: no real board was measured."
    )

    def __init__(
        self,
        *,
        address: int = FACTORY_ADDRESS,
        card: str = Card.BX_6K,
        width_dots: int = 128,
        height_dots: int = 32,
        voice: bool = False,
        reply_s: float = 0.02,
        baud: int | None = None,
        boot_s: float = 2.0,
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._address = address
        self._limits = LIMITS[Card(card)]
        self._width_dots = width_dots
        self._height_dots = height_dots
        self._reply_s = reply_s
        self._bytes_per_s = baud / BITS_PER_BYTE if baud else None
        self._boot_s = boot_s
        self._wire: Wire | None = None
        self._decoder = PacketDecoder()
        self._timers: set[asyncio.TimerHandle] = set()
        self._booting = False
        self._on = True
        self._brightness = MAX_BRIGHTNESS
        self._clock = BLANK_CLOCK
        self._areas: dict[int, Area] = {}
        self._nacks: list[int] = []
        self._wrong_address = False
        self._bad_crc_next = False
        self._voice = voice
        self._spoken: deque[str] = deque(maxlen=SPOKEN_MAX)
        self._counts = dict.fromkeys(("restarts", "frames", "updates", "speeches", "ignored", "bad_crc", "garbled"), 0)

    # The wire

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None
        self._decoder = PacketDecoder()

    def receive(self, data: bytes) -> None:
        if self._booting:
            return
        for arrived in self._decoder.feed(data):
            if isinstance(arrived, Garbled):
                self._damaged(arrived)
            elif self._is_for_me(arrived.destination):
                self._counts["frames"] += 1
                self._serve(arrived)
            else:
                self._counts["ignored"] += 1
            self.changed()

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _is_for_me(self, destination: int) -> bool:
        return destination == self._address or destination >= HOST_ADDRESS

    def _damaged(self, frame: Garbled) -> None:
        self._counts["bad_crc" if frame.fault is Fault.CHECKSUM else "garbled"] += 1
        if frame.destination is not None and frame.destination != BROADCAST and self._is_for_me(frame.destination):
            self._answer(Nack(Error.CHECKSUM), frame.destination, HOST_ADDRESS)

    def _serve(self, packet: Packet) -> None:
        try:
            request, wanted = decode_request(packet.data)
        except Malformed:
            self._answer(Nack(Error.COMMAND_NOT_FOUND), packet.destination, packet.source)
            return
        too_long = len(packet.data) > self._limits.data_bytes
        reply = self._injected() or (Nack(Error.OUT_OF_MEMORY) if too_long else self._obey(request))
        if wanted:
            self._answer(reply, packet.destination, packet.source)

    def _injected(self) -> Nack | None:
        return Nack(self._nacks.pop(0)) if self._nacks else None

    def _answer(self, reply: Reply, destination: int, source: int) -> None:
        if destination == BROADCAST:
            return
        own = BROADCAST_ANSWERED if destination == BROADCAST_ANSWERED else self._address
        if self._wrong_address:
            own = own + 1 & 0x7FFF
        spoil, self._bad_crc_next = int(self._bad_crc_next), False
        frame = encode_packet(Packet(source, own, encode_reply(reply)), lead=CARD_LEAD, spoil=spoil)
        on_the_wire_s = len(frame) / self._bytes_per_s if self._bytes_per_s else 0.0
        self._after(self._reply_s + on_the_wire_s, lambda: self._send(frame))

    def _send(self, frame: bytes) -> None:
        if self._wire is not None:
            self._wire.send(frame)

    def _after(self, delay_s: float, act: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(timer)

    # The card

    def _obey(self, request: Request) -> Reply:
        match request:
            case QueryStatus():
                return self._status()
            case UpdateAreas():
                return self._update(request)
            case ClearScreen():
                self._areas.clear()
            case SetPower(on):
                self._on = on
            case SetBrightness(level):
                self._brightness = level
            case SetClock():
                self._clock = _status_clock(request)
            case Ping():
                pass
            case Speak() if self._voice:
                self._counts["speeches"] += 1
                self._spoken.append(request.text.decode("gb2312", errors="replace"))
            case Speak() | OtherRequest():
                known = isinstance(request, Speak) or request.group in GROUPS
                return Nack(Error.COMMAND_NOT_FOUND if known else Error.COMMAND_GROUP)
        return Ack()

    def _status(self) -> Status:
        return Status(
            on=self._on,
            brightness=self._brightness,
            clock=self._clock,
            programmes=0,
            programme=bytes(4),
            special=0,
            pages=0,
            area_ids=tuple(self._areas),
        )

    def _update(self, update: UpdateAreas) -> Reply:
        clean = update.initialise or update.delete is None
        kept = {} if clean else {key: area for key, area in self._areas.items() if key not in (update.delete or ())}
        areas = kept | {area.id: area for area in update.areas}
        if len(areas) > self._limits.areas:
            return Nack(Error.OUT_OF_MEMORY)
        self._areas = areas
        self._counts["updates"] += 1
        return Ack()

    # What a person sees and does

    def state(self) -> Mapping[str, Any]:
        """What the screen shows; an area's text is what its content says, whatever fits of it."""
        return {
            "on": self._on and not self._booting,
            "brightness": self._brightness,
            "width": self._width_dots,
            "height": self._height_dots,
            "areas": [seen(area) for area in self._areas.values()],
            "address": self._address,
            "booting": self._booting,
            "spoken": list(self._spoken),
            **self._counts,
        }

    @property
    def commands(self) -> Mapping[str, Command]:
        """The card's own faults, and the switch of its screen."""
        return {
            "restart": Command(self._restart_command, "power off and on: every dynamic area is lost"),
            "off": Command(partial(self._switch, False), "switch the screen off"),
            "on": Command(partial(self._switch, True), "switch the screen on"),
            "voice": Command(self._voice_command, "be a 6K-YY, a card that speaks", "[off]"),
            "busy": Command(self._busy_command, "refuse the next requests: busy", "[n]"),
            "nack": Command(self._nack_command, "refuse the next request with this code", "code"),
            "wrong-address": Command(self._wrong_address_command, "answer in another board's name", "[off]"),
            "bad-crc": Command(self._bad_crc_command, "send the next answer with a wrong check sum"),
        }

    def _restart_command(self, words: list[str]) -> None:
        _nothing(words)
        self.close()
        self._areas.clear()
        self._nacks.clear()
        self._decoder = PacketDecoder()
        self._on = True
        self._counts["restarts"] += 1
        self._booting = True
        self._after(self._boot_s, self._booted)

    def _booted(self) -> None:
        self._booting = False
        self.changed()

    def _switch(self, on: bool, words: list[str]) -> None:
        _nothing(words)
        self._on = on

    def _voice_command(self, words: list[str]) -> None:
        self._voice = on_or_off(words)

    def _busy_command(self, words: list[str]) -> None:
        self._nacks = [Error.BUSY] * whole_number(words, 1, 1, MAX_BUSY)

    def _nack_command(self, words: list[str]) -> None:
        if not words:
            raise CommandError("expected the code of a refusal, 1 to 255")
        self._nacks = [whole_number(words, 0, 1, 255)]

    def _wrong_address_command(self, words: list[str]) -> None:
        self._wrong_address = on_or_off(words)

    def _bad_crc_command(self, words: list[str]) -> None:
        self._bad_crc_next = on_or_off(words)


def _nothing(words: list[str]) -> None:
    if words:
        raise CommandError(f"expected nothing more, not {' '.join(words)!r}")


def _status_clock(clock: SetClock) -> bytes:
    fields = (clock.year // 100, clock.year % 100, clock.month, clock.day)
    order = (*fields, clock.weekday, clock.hour, clock.minute, clock.second)
    return bytes(value // 10 << 4 | value % 10 for value in order)

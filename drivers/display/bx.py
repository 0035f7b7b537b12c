"""Onbon BX-5K and BX-6K LED boards (font cards, "字库卡"), on a serial line or over TCP (port 5005).

The board shows one dynamic area over its whole screen. Dynamic areas live in the card's memory, so they may change
as often as calls do, and are lost with the card's power: the driver asks the card what it shows, and sends the
text again where it is missing. Stored programmes, in flash, are never touched.

Bytes: `bx_frame_protocol`, `bx_protocol`, `bx_text`, with their sources. Nothing was tried on a real board.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NoReturn

from drivers.device import Condition, DeviceError, Inquiries, Reason, Report, State
from drivers.display.bx_area_protocol import EIGHT, LIMITS, Area, Card, Effect
from drivers.display.bx_exchange import PASSING, Exchange
from drivers.display.bx_frame_protocol import BROADCAST, FACTORY_ADDRESS
from drivers.display.bx_protocol import Ping, QueryStatus, UpdateAreas, encode_request
from drivers.display.bx_reply_protocol import Nack, Status, in_words
from drivers.display.bx_text import FONT_FILES, Colour, Content, encode_content, in_words_of, unshowable
from drivers.display.bx_voice import BxVoice
from drivers.display.capability import Shown
from drivers.link.stream import Link

AREA_ID = 0


@dataclass(frozen=True, slots=True)
class BxOptions:
    """How one board is set up.

    `address`: the screen's own, 1 as it leaves the factory; 65534 for any board that answers, 65535 for all boards at
    once, which then never answer; 32768 where the link alone leads to the board (TCP).
    `card`: "5k" (BX-5K, 5MK) or "6k". `scroll` runs the text from right to left as one line.
    `voice`: the card is a 6K-YY, which speaks.
    `answer_s`: how long the card may take to answer (the document says 2 s on a serial line, 30 s on GPRS).
    `refresh_s`: the shortest time between two texts; the document forbids less than 1 s.
    `monitor_s`: how often the card is asked what it shows. `busy_s`: the wait before a busy card is asked again.
    """

    address: int = FACTORY_ADDRESS
    card: str = "6k"
    width_dots: int = 128
    height_dots: int = 32
    font_dots: int = 16
    colour: str = "red"
    scroll: bool = False
    voice: bool = False
    answer_s: float = 2.0
    refresh_s: float = 1.0
    monitor_s: float = 30.0
    busy_s: float = 0.5

    def __post_init__(self) -> None:
        _expect(0 <= self.address <= BROADCAST, "address", self.address, "0 to 65535")
        _expect(self.card in list(Card), "card", self.card, " or ".join(Card))
        _expect(self.font_dots in FONT_FILES, "font_dots", self.font_dots, "16, 24 or 32")
        _expect(self.colour.upper() in Colour.__members__, "colour", self.colour, ", ".join(Colour.__members__).lower())
        largest = 0x7FFF
        _expect(self.font_dots <= self.width_dots <= largest, "width_dots", self.width_dots, "room for a character")
        _expect(self.font_dots <= self.height_dots <= largest, "height_dots", self.height_dots, "room for a character")
        if self.card == Card.BX_5K:
            _expect(self.width_dots % EIGHT == 0, "width_dots", self.width_dots, "a multiple of 8 on a BX-5K")
        _expect(not (self.voice and self.card == Card.BX_5K), "voice", self.voice, "false: no BX-5K has a voice")
        for name in ("answer_s", "refresh_s", "monitor_s", "busy_s"):
            _expect(getattr(self, name) > 0, name, getattr(self, name), "more than 0 seconds")


def _expect(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} = {value!r}: expected {expected}")


@dataclass(eq=False, slots=True)
class _Text:
    """A text on its way to the board, and who waits to hear what became of it."""

    request: UpdateAreas
    outcome: asyncio.Future[Shown] | None = None

    @property
    def awaited(self) -> bool:
        return self.outcome is not None and not self.outcome.done()

    def succeed(self, shown: Shown) -> None:
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_result(shown)

    def fail(self, reason: Reason, detail: str) -> None:
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_exception(DeviceError(reason, detail))


class BxDisplay:
    """A Display (see `drivers.display.capability`) and a Driver (see `drivers.catalog`)."""

    def __init__(self, options: BxOptions, report: Report) -> None:
        self.voice = BxVoice(Card(options.card)) if options.voice else None
        self._options = options
        self._report = report
        self._absence: tuple[Reason, str] | None = (Reason.NOT_PRESENT, "the board has not been reached yet")
        self._newest: _Text | None = None  # still to be sent
        self._sending: _Text | None = None
        self._present: UpdateAreas | None = None  # what the board accepted last
        self._exchange: Exchange | None = None
        self._refresh_at = 0.0
        self._condition: Condition | None = None
        self._off = False
        self._refusal = ""
        self._inquiries = Inquiries()

    async def check(self) -> None:
        """See `drivers.device.Checkable`."""
        if self._exchange is None:
            raise DeviceError(*(self._absence or (Reason.NOT_PRESENT, "")))
        inquiry = self._inquiries.ask()
        self._exchange.wake()
        await inquiry

    def show(self, text: str) -> asyncio.Future[Shown]:
        """See `Display.show`. May be called at any time, by any number of callers at once.

        Cancelling the future does not take the text back.
        """
        outcome: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()
        try:
            self._take(_Text(_compose(text, self._options), outcome))
        except DeviceError as error:
            outcome.set_exception(error)
        return outcome

    def _take(self, new: _Text) -> None:
        if self._newest is not None:
            self._newest.succeed(Shown.SUPERSEDED)
        self._newest = new
        if self._absence is not None:
            new.fail(*self._absence)
        if self._exchange is not None:
            self._exchange.wake()

    async def serve(self, link: Link) -> NoReturn:
        """See `Driver.serve`."""
        options = self._options
        absence = (Reason.STOPPED, "no longer served")
        try:
            async with Exchange(link, options.address, answer_s=options.answer_s, busy_s=options.busy_s) as exchange:
                self._arrive(exchange)
                await self._attend(exchange)
        except DeviceError as error:
            absence = (error.reason, error.detail)
            raise
        finally:
            self._leave(absence)

    def _arrive(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._absence = None
        if self.voice is not None:
            self.voice.arrive(exchange)
        self._condition = None
        self._off = False
        self._refusal = ""

    def _leave(self, absence: tuple[Reason, str]) -> None:
        """Tell whoever waits, and keep the newest text for the board's return."""
        self._exchange = None
        self._absence = absence
        self._inquiries.failed(DeviceError(*absence))
        if self.voice is not None:
            self.voice.leave(*absence)
        for text in (self._sending, self._newest):
            if text is not None:
                text.fail(*absence)
        self._newest = self._newest or self._sending
        self._sending = None

    async def _attend(self, exchange: Exchange) -> NoReturn:
        await self._greet(exchange)
        self._show_again()
        clock = asyncio.get_running_loop().time
        check_at = clock() + self._options.monitor_s
        while True:
            if clock() >= check_at or self._inquiries.wanted:
                await self._check(exchange)
                self._inquiries.answered()
                check_at = clock() + self._options.monitor_s
            elif self._newest is not None and clock() >= self._refresh_at:
                await self._send(exchange, self._newest)
            elif self.voice is not None and self.voice.has_something_to_say:
                await self.voice.say_next(exchange, answers=not self._never_answers)
            else:
                await exchange.listen(check_at if self._newest is None else min(check_at, self._refresh_at))

    async def _greet(self, exchange: Exchange) -> None:
        if not self._never_answers:
            await exchange.ask(Ping())  # a refusal is an answer, too
            self._tell()
            await self._check(exchange)
        self._tell()

    async def _check(self, exchange: Exchange) -> None:
        """See whether the board still shows what it should; one that cannot say is sent it again."""
        if self._never_answers:
            self._show_again()
            return
        status = await exchange.ask(QueryStatus())
        if not isinstance(status, Status) or AREA_ID not in status.area_ids:
            self._show_again()
        self._off = isinstance(status, Status) and not status.on
        self._tell()

    def _show_again(self) -> None:
        if self._newest is None and self._present is not None:
            self._newest = _Text(self._present)

    async def _send(self, exchange: Exchange, text: _Text) -> None:
        self._sending, self._newest = text, None
        try:
            if self._never_answers:
                await exchange.tell(text.request)
                self._accepted(text, Shown.SENT)
            elif isinstance(reply := await exchange.ask(text.request), Nack):
                self._refused(text, reply)
            else:
                self._accepted(text, Shown.CONFIRMED)
        finally:
            self._refresh_at = asyncio.get_running_loop().time() + self._options.refresh_s
        self._sending = None

    def _accepted(self, text: _Text, shown: Shown) -> None:
        self._present = text.request
        self._refusal = ""
        self._tell()
        text.succeed(shown)

    def _refused(self, text: _Text, reply: Nack) -> None:
        self._refusal = f"the controller refused the text: {in_words(reply.error)}"
        self._tell()
        if text.awaited:
            text.fail(Reason.REJECTED, self._refusal)
        elif reply.error in PASSING:
            self._newest = self._newest or text  # kept for a board that was away: kept on until it has the time

    @property
    def _never_answers(self) -> bool:
        return self._options.address == BROADCAST

    def _tell(self) -> None:
        """Report the condition where it has changed."""
        reasons, details = [], []
        if self._off:
            reasons.append(Reason.OFFLINE)
            details.append("the screen is switched off")
        if self._refusal:
            reasons.append(Reason.REJECTED)
            details.append(self._refusal)
        state = State.DEGRADED if reasons else State.READY
        if self._never_answers:
            reasons.append(Reason.NEVER_ANSWERS)
        condition = Condition(state, tuple(reasons), "; ".join(details))
        if condition != self._condition:
            self._condition = condition
            self._report(condition)


def _compose(text: str, options: BxOptions) -> UpdateAreas:
    """The request that shows `text`; raises DeviceError with UNSHOWABLE or TOO_LONG."""
    limit = LIMITS[Card(options.card)].data_bytes
    if len(text) > limit:
        raise DeviceError(Reason.TOO_LONG, f"{len(text)} characters, and the card holds at most {limit} bytes")
    if wrong := unshowable(text):
        raise DeviceError(Reason.UNSHOWABLE, in_words_of(wrong))
    request = UpdateAreas((_area(text, options),))
    size = len(encode_request(request))
    if size > limit:
        raise DeviceError(Reason.TOO_LONG, f"{size} bytes with the area's own, and the card takes at most {limit}")
    return request


def _area(text: str, options: BxOptions) -> Area:
    if options.scroll:
        text = text.replace("\n", " ")
    # An area without any content is not described; a blank board is one with a space on it.
    content = Content(text or " ", options.font_dots, Colour[options.colour.upper()])
    columns = options.width_dots // (options.font_dots // 2)
    return Area(
        x=0,
        y=0,
        width=options.width_dots,
        height=options.height_dots,
        content=encode_content(content),
        id=AREA_ID,
        single_line=options.scroll,
        # Lines that fit are broken at \n, as documented; only longer ones are left to the card to break.
        auto_wrap=not options.scroll and any(_columns(line) > columns for line in text.split("\n")),
        effect=Effect.LEFT if options.scroll else Effect.STATIC,
        coarse=options.card == Card.BX_5K,
    )


def _columns(line: str) -> int:
    """The width of `line` in Latin characters; a Chinese one is twice as wide, and two bytes long."""
    return len(line.encode("gbk"))

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
from drivers.display.bx_area_protocol import Card
from drivers.display.bx_exchange import PASSING, Exchange
from drivers.display.bx_frame_protocol import BROADCAST
from drivers.display.bx_options import BxOptions
from drivers.display.bx_page import AREA_ID, compose
from drivers.display.bx_protocol import Ping, QueryStatus, UpdateAreas
from drivers.display.bx_reply_protocol import Nack, Status, in_words
from drivers.display.bx_voice import BxVoice
from drivers.display.capability import Shown
from drivers.link.stream import Link


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
            self._take(_Text(compose(text, self._options), outcome))
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

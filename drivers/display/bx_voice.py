"""Onbon BX-6K-YY: the voice of a board. What is to be said is said in order, once, and never late.

Bytes: `bx_protocol.Speak`, which is unverified. Nothing was tried on a real board: whether a text that comes while
another is being spoken waits for its end or cuts it off, the document does not say.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from drivers.device import DeviceError, Reason
from drivers.display.bx_area_protocol import LIMITS, Card
from drivers.display.bx_exchange import Exchange, Unanswered
from drivers.display.bx_protocol import Speak, encode_request
from drivers.display.bx_reply_protocol import Nack, in_words
from drivers.display.bx_text import in_words_of, unshowable
from drivers.display.capability import Spoken

WAITING_MAX = 8
"""Texts that wait to be said. One more, and the oldest is not said any more: its visitor reads the board."""


@dataclass(eq=False, slots=True)
class _Speech:
    """A text that is to be said, and who waits to hear what became of it."""

    request: Speak
    outcome: asyncio.Future[Spoken] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, outcome: Spoken) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, reason: Reason, detail: str) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(DeviceError(reason, detail))


class BxVoice:
    """A Voice (see `drivers.display.capability`). The board's driver lets it speak when its turn comes."""

    def __init__(self, card: Card) -> None:
        self._data_bytes = LIMITS[card].data_bytes
        self._absence: tuple[Reason, str] | None = (Reason.NOT_PRESENT, "the board has not been reached yet")
        self._exchange: Exchange | None = None
        self._waiting: deque[_Speech] = deque()

    async def speak(self, text: str) -> Spoken:
        """See `Voice.speak`. May be called at any time, by any number of callers at once."""
        request = _compose(text, self._data_bytes)
        if self._absence is not None:
            raise DeviceError(*self._absence)
        speech = _Speech(request)
        if len(self._waiting) == WAITING_MAX:
            self._waiting.popleft().end(Spoken.SUPERSEDED)
        self._waiting.append(speech)
        if self._exchange is not None:
            self._exchange.wake()
        return await speech.outcome

    def arrive(self, exchange: Exchange) -> None:
        """The board can be spoken to."""
        self._exchange, self._absence = exchange, None

    def leave(self, reason: Reason, detail: str) -> None:
        """The board is gone, and nothing is said when it comes back."""
        self._exchange, self._absence = None, (reason, detail)
        while self._waiting:
            self._waiting.popleft().fail(reason, detail)

    @property
    def has_something_to_say(self) -> bool:
        return bool(self._waiting)

    async def say_next(self, exchange: Exchange, *, answers: bool) -> None:
        """Say the text that has waited longest. Raises DeviceError when the board does not answer any more."""
        speech = self._waiting.popleft()
        try:
            speech.end(await self._say(speech.request, exchange, answers=answers))
        except _Refused as refused:
            speech.fail(refused.reason, refused.detail)
        except Unanswered:
            speech.end(Spoken.SENT)
            raise
        except DeviceError as error:
            speech.fail(error.reason, error.detail)
            raise
        finally:
            speech.fail(Reason.STOPPED, "no longer served")

    async def _say(self, request: Speak, exchange: Exchange, *, answers: bool) -> Spoken:
        if not answers:
            await exchange.tell(request)
            return Spoken.SENT
        reply = await exchange.ask_no_more_than_once(request)
        if isinstance(reply, Nack):
            raise _Refused(Reason.REJECTED, f"the controller refused to speak: {in_words(reply.error)}")
        return Spoken.SENT if reply is None else Spoken.CONFIRMED


class _Refused(DeviceError):
    """The card answers, and will not say this."""


def _compose(text: str, data_bytes: int) -> Speak:
    """The request that says `text`, as one line; raises DeviceError with UNSHOWABLE or TOO_LONG."""
    line = text.replace("\n", " ")
    if wrong := unshowable(line):
        raise DeviceError(Reason.UNSHOWABLE, in_words_of(wrong))
    request = Speak(line.encode("gbk"))
    size = len(encode_request(request))
    if size > data_bytes:
        raise DeviceError(Reason.TOO_LONG, f"{size} bytes to say it, and the card takes at most {data_bytes}")
    return request

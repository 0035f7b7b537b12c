"""The serial rating panel of Centerm 升腾 as a driver. Unverified: see the protocol module."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from drivers.device import Condition, DeviceError, LinkLost, Reason, Report, State
from drivers.link.stream import Link
from drivers.panel.capability import Emit, Press
from drivers.panel.centerm_protocol import KEYS, RatingDecoder, Request, encode_request

GARBLED_BYTES = 6
"""As many bytes as two ratings, and no rating among them: a wrong baud rate or another device. A shorter burst is
what a panel sends while it is plugged in."""


@dataclass(frozen=True, slots=True)
class CentermOptions:
    """The options of a Centerm panel.

    `levels`: the level of each of its three keys. The keys say very satisfied, satisfied and dissatisfied; in the
    five levels of 好差评 these very words (非常满意, 满意, 不满意) are 5, 4 and 2.
    """

    levels: tuple[int, int, int] = (5, 4, 2)

    def __post_init__(self) -> None:
        if len(self.levels) != len(KEYS) or not all(1 <= level <= 5 for level in self.levels):
            raise ValueError(f"levels = {list(self.levels)}: expected {len(KEYS)} levels from 1 to 5, one for each key")


class CentermPanel:
    """A Centerm panel. It asks when invited, and answers only when a key is pressed.

    Its silence proves nothing, so at its best it is `READY` with `NEVER_ANSWERS`. It has no way to thank.
    """

    def __init__(self, options: CentermOptions, report: Report, emit: Emit) -> None:
        self._options = options
        self._report = report
        self._emit = emit
        self._link: Link | None = None
        self._sending = asyncio.Lock()
        self._asking = False
        self._stalled = False
        self._garbled = False
        self._reported: Condition | None = None

    async def serve(self, link: Link) -> None:
        """Read ratings until the line goes. A panel that came back amid an invitation is asked again."""
        self._link, self._reported = link, None
        self._stalled = self._garbled = False
        try:
            self._update()
            if self._asking:
                await self._send(Request.ASK)
            await self._read(link)
        finally:
            self._link = None

    async def _read(self, link: Link) -> None:
        decoder = RatingDecoder()
        skipped_before = 0
        while True:
            ratings = decoder.feed(await link.read())
            now_s = asyncio.get_running_loop().time()
            for rating in ratings:
                self._asking = False  # the panel stops asking by itself
                self._emit(Press(self._options.levels[rating.key - 1], now_s))
            if ratings:
                skipped_before = decoder.skipped_bytes
            self._garbled = decoder.skipped_bytes - skipped_before >= GARBLED_BYTES
            self._update()

    async def invite(self) -> None:
        """Have the panel ask for a rating: now, or when it comes back before `thank` or `dismiss`."""
        self._asking = True
        await self._send(Request.ASK)

    async def thank(self) -> None:
        """The panel has no way to thank; the invitation is over."""
        self._asking = False

    async def dismiss(self) -> None:
        """Have the panel stop asking."""
        self._asking = False
        await self._send(Request.CANCEL)

    async def _send(self, request: Request) -> None:
        """Send `request`; a line that takes no bytes is reported, and still read: presses may get through."""
        async with self._sending:
            link = self._link
            if link is None:
                raise DeviceError(Reason.NOT_PRESENT, "the panel is not connected")
            try:
                await link.write(encode_request(request))
                await link.drain()
            except LinkLost as error:
                self._stalled = error.reason is Reason.NOT_DRAINING
                self._update()
                raise
            self._stalled = False
            self._update()

    def _update(self) -> None:
        """Report the condition if it has changed."""
        condition = self._condition()
        if condition != self._reported and self._link is not None:
            self._reported = condition
            self._report(condition)

    def _condition(self) -> Condition:
        if self._stalled:
            return Condition(State.DEGRADED, (Reason.NOT_DRAINING,), "the panel cannot be told to ask")
        if self._garbled:
            return Condition(State.DEGRADED, (Reason.GARBLED,), "bytes that are no ratings: wrong baud rate?")
        return Condition(State.READY, (Reason.NEVER_ANSWERS,))

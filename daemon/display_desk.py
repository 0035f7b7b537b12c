"""One LED board: what it should show, and what became of each text. Lives in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from daemon.commands import Reply, Status
from daemon.events import DisplayFailed, DisplayShown, DisplaySpeechFailed, DisplaySpoken
from daemon.store.database import Transaction
from daemon.store.journal import settle_command
from daemon.store.store import Store
from drivers.device import DeviceError, Reason
from drivers.display.capability import Display, Shown, Spoken, Voice

PATTERN = "■" * 8
PATTERN_S = 2.0
"""What a board shows to whoever looks after it before opening, and how long."""


class DisplayDesk:
    """The texts of one board. The newest wins; the driver shows it again when the board comes back."""

    def __init__(
        self,
        name: str,
        display: Display,
        store: Store,
        tasks: asyncio.TaskGroup,
        reply: Callable[[Reply], None],
    ) -> None:
        self._name = name
        self._display = display
        self._store = store
        self._tasks = tasks
        self._reply = reply
        self._shows = 0
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._text: str | None = None  # what the board has to show, as far as this run knows

    async def try_out(self) -> None:
        """Show a pattern for a moment, and then what was there before. Raises DeviceError.

        A board of which nobody knows what it shows is left as it is. What is on its way there comes first.
        """
        while self._under_way:
            await self._quiet.wait()
        shows, before = self._shows, self._text
        if before is None:
            return
        try:
            await self._display.show(PATTERN)
            await asyncio.sleep(PATTERN_S)
        except (DeviceError, asyncio.CancelledError):
            if self._shows == shows:
                self.show(before)  # or the pattern would stay, and come back with the board
            raise
        if self._shows == shows:  # else there is something newer
            await self._display.show(before)

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None:
        """Show `text`, beginning at once; the outcome is an event, and the final reply of `command` if there is one.

        `recorded` is set once the command is in the store, where its outcome comes after it.
        """
        self._shows += 1
        self._under_way += 1
        self._quiet.clear()
        shown = self._display.show(text)
        self._tasks.create_task(self._follow(shown, text, command, recorded))

    def speak(self, text: str) -> None:
        """Speak `text`, if the board has a voice; the outcome is an event."""
        voice = self._display.voice
        if voice is not None:
            self._tasks.create_task(self._speak(voice, text))

    async def _speak(self, voice: Voice, text: str) -> None:
        try:
            spoken = await voice.speak(text)
        except DeviceError as error:
            self._unspoken(text, error.reason, error.detail)
            return
        if spoken is Spoken.SUPERSEDED:
            self._unspoken(text, Reason.SUPERSEDED, "too many newer texts were to be spoken")
            return
        event = DisplaySpoken(display=self._name, text=text, confirmed=spoken is Spoken.CONFIRMED)
        self._store.post(lambda change: change.emit(event))

    def _unspoken(self, text: str, reason: Reason, detail: str) -> None:
        event = DisplaySpeechFailed(display=self._name, text=text, reason=reason, detail=detail)
        self._store.post(lambda change: change.emit(event))

    async def _follow(
        self, showing: Awaitable[Shown], text: str, command: str | None, recorded: asyncio.Event | None
    ) -> None:
        shown = await _outcome(showing)
        if not _is_void(shown):
            self._text = text
        self._under_way -= 1
        if not self._under_way:
            self._quiet.set()
        if recorded is not None:
            await recorded.wait()
        if isinstance(shown, DeviceError):
            self._fail(text, command, shown.reason, shown.detail)
            return
        if shown is Shown.SUPERSEDED:
            self._fail(text, command, Reason.SUPERSEDED, "a newer text took its place")
            return
        confirmed = shown is Shown.CONFIRMED
        event = DisplayShown(display=self._name, text=text, confirmed=confirmed)
        self._settle(event, command, Status.DONE if confirmed else Status.UNCONFIRMED)

    def _fail(self, text: str, command: str | None, reason: Reason, detail: str) -> None:
        event = DisplayFailed(display=self._name, text=text, reason=reason, detail=detail)
        self._settle(event, command, Status.FAILED, reason)

    def _settle(
        self, event: DisplayShown | DisplayFailed, command: str | None, status: Status, reason: str | None = None
    ) -> None:
        if command is None:
            self._store.post(lambda change: change.emit(event))
            return
        reply = Reply(id=command, status=status, reason=reason, detail=getattr(event, "detail", ""))
        self._tasks.create_task(self._answer(event, reply))

    async def _answer(self, event: DisplayShown | DisplayFailed, reply: Reply) -> None:
        def change(transaction: Transaction) -> bool:
            transaction.emit(event)
            return settle_command(transaction, reply)

        # a command that could not be stored when it came was answered then
        if await self._store.keep(change):
            self._reply(reply)


def _is_void(shown: Shown | DeviceError) -> bool:
    """Whether the board will never show that text, nor when it comes back."""
    if isinstance(shown, DeviceError):
        return shown.reason in (Reason.UNSHOWABLE, Reason.TOO_LONG, Reason.REJECTED)
    return shown is Shown.SUPERSEDED


async def _outcome(showing: Awaitable[Shown]) -> Shown | DeviceError:
    try:
        return await showing
    except DeviceError as error:
        return error

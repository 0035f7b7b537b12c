"""One LED board: what it should show, and what became of each text. Lives in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from daemon.commands import Reply, Status
from daemon.database import Transaction
from daemon.events import DisplayFailed, DisplayShown
from daemon.journal import settle_command
from daemon.store import Store
from drivers.device import DeviceError, Reason
from drivers.display.capability import Display, Shown


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

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None:
        """Show `text`; the outcome is an event, and the final reply of `command` if there is one.

        `recorded` is set once the command is in the store, where its outcome comes after it.
        """
        self._tasks.create_task(self._show(text, command, recorded))

    async def _show(self, text: str, command: str | None, recorded: asyncio.Event | None) -> None:
        shown = await self._try(text)
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

    async def _try(self, text: str) -> Shown | DeviceError:
        try:
            return await self._display.show(text)
        except DeviceError as error:
            return error

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

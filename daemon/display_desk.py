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

    def show(self, text: str, command: str | None = None) -> None:
        """Show `text`; the outcome is an event, and the final reply of `command` if there is one."""
        self._tasks.create_task(self._show(text, command))

    async def _show(self, text: str, command: str | None) -> None:
        try:
            shown = await self._display.show(text)
        except DeviceError as error:
            self._fail(text, command, error.reason, error.detail)
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
        def change(transaction: Transaction) -> None:
            transaction.emit(event)
            settle_command(transaction, reply)

        await self._store.keep(change)
        self._reply(reply)

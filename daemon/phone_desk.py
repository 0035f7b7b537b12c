"""One phone line: what its driver says, taken into the store in order. Lives in the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from daemon.calendar import Calendar
from daemon.phones import end, end_interrupted, line_of, mask, name_caller, ring
from daemon.settings import Phone
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError
from drivers.phone.capability import CallEnded, Caller, PhoneEvent, Ring

log = logging.getLogger(__name__)


class PhoneDesk:
    """The calls of one line."""

    def __init__(
        self,
        phone: str,
        counter: str | None,
        rules: Phone,
        opening: Calendar,
        store: Store,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._phone = phone
        self._store = store
        self._tasks = tasks
        self.follow(counter, rules, opening)

    def follow(self, counter: str | None, rules: Phone, opening: Calendar) -> None:
        """The rules from now on, the counter where the phone stands, and the opening hours there."""
        self._line = line_of(self._phone, counter, rules, opening)
        self._mask_caller = rules.mask_caller

    async def resume(self) -> None:
        """After a restart: a call that rang then is over, and how is unknown."""
        line = self._line
        await self._store.keep(lambda change: end_interrupted(change, line))

    def happened(self, event: PhoneEvent) -> None:
        """The driver saw something on the line. What counts is the rules, and the counter, at that moment."""
        line = self._line
        match event:
            case Ring(count):
                self._keep(lambda change: ring(change, line, count))
            case Caller(number):
                shown = mask(number) if self._mask_caller else number
                self._keep(lambda change: name_caller(change, line.phone, shown))
            case CallEnded():
                self._keep(lambda change: end(change, line, event))

    def _keep(self, change: Callable[[Transaction], None]) -> None:
        self._tasks.create_task(self._store_it(change))

    async def _store_it(self, change: Callable[[Transaction], None]) -> None:
        try:
            await self._store.transact(change)
        except StoreError as error:
            log.error("phone %s: what happened was not stored: %s", self._phone, error)

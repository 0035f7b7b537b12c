"""One phone line: what its driver says, taken into the store in order. Lives in the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from daemon.database import Transaction
from daemon.phones import end, end_interrupted, mask, name_caller, ring
from daemon.settings import Phone
from daemon.store import Store, StoreError
from drivers.phone.capability import CallEnded, Caller, PhoneEvent, Ring

log = logging.getLogger(__name__)


class PhoneDesk:
    """The calls of one line."""

    def __init__(self, phone: str, counter: str | None, rules: Phone, store: Store, tasks: asyncio.TaskGroup) -> None:
        self._phone = phone
        self._counter = counter
        self._rules = rules
        self._store = store
        self._tasks = tasks

    def follow(self, counter: str | None, rules: Phone) -> None:
        """The rules from now on, and the counter where the phone stands."""
        self._counter = counter
        self._rules = rules

    async def resume(self) -> None:
        """After a restart: a call that rang then is over, and how is unknown."""
        counter = self._counter
        await self._store.keep(lambda change: end_interrupted(change, self._phone, counter))

    def happened(self, event: PhoneEvent) -> None:
        """The driver saw something on the line. What counts is the rules, and the counter, at that moment."""
        counter, allowed = self._counter, self._rules.rings
        match event:
            case Ring(count):
                self._keep(lambda change: ring(change, self._phone, counter, count, allowed))
            case Caller(number):
                shown = mask(number) if self._rules.mask_caller else number
                self._keep(lambda change: name_caller(change, self._phone, shown))
            case CallEnded():
                self._keep(lambda change: end(change, self._phone, counter, event, allowed))

    def _keep(self, change: Callable[[Transaction], None]) -> None:
        self._tasks.create_task(self._store_it(change))

    async def _store_it(self, change: Callable[[Transaction], None]) -> None:
        try:
            await self._store.transact(change)
        except StoreError as error:
            log.error("phone %s: what happened was not stored: %s", self._phone, error)

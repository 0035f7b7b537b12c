"""Keeps one device served, and says how it is. The one reconnect loop of the daemon's devices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from daemon.backoff import Delays, backoff
from drivers.catalog import Driver
from drivers.device import Condition, DeviceError, State

log = logging.getLogger(__name__)

ALIVE_S = 90.0
"""A supervisor that has neither begun an attempt nor waited for one in this time, and serves nothing, is stuck."""


class Supervisor:
    """One device: opens its link, serves it, and opens it anew, for ever. Only a bug or a cancellation gets out.

    `open_link` gives an open link or raises DeviceError. `changed` is told each new condition, in the event
    loop. Silence is a state: a device that was never reached is `absent`, one that was not tried yet `unknown`.
    """

    def __init__(
        self,
        name: str,
        open_link: Callable[[], Awaitable[Any]],
        changed: Callable[[Condition], None],
        *,
        delays: Delays = backoff,
    ) -> None:
        self._name = name
        self._open_link = open_link
        self._changed = changed
        self._delays = delays
        self._waits = delays()
        self._wake = asyncio.Event()
        self._ticked_s = asyncio.get_running_loop().time()
        self._serving = False
        self.condition = Condition(State.UNKNOWN, (), "not tried yet")

    def report(self, condition: Condition) -> None:
        """The driver's word: the device has answered, or its condition changed."""
        self._waits = self._delays()
        self._become(condition)

    def wake(self) -> None:
        """Something was plugged in somewhere: try now."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the loop serves its device, or has lately tried to."""
        return self._serving or asyncio.get_running_loop().time() - self._ticked_s < ALIVE_S

    async def run(self, driver: Driver) -> NoReturn:
        """Serve `driver` for ever."""
        while True:
            await self._attempt(driver)
            await self._rest(next(self._waits))

    async def _attempt(self, driver: Driver) -> None:
        self._tick()
        try:
            link = await self._open_link()
        except DeviceError as error:
            self._lost(error)
            return
        self._serving = True
        try:
            await driver.serve(link)
        except DeviceError as error:
            self._lost(error)
        finally:
            self._serving = False
            link.close()

    async def _rest(self, seconds: float) -> None:
        self._tick()
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            self._tick()

    def _lost(self, error: DeviceError) -> None:
        self._become(Condition(State.ABSENT, (error.reason,), error.detail))

    def _become(self, condition: Condition) -> None:
        before, self.condition = self.condition, condition
        if (before.state, before.reasons) == (condition.state, condition.reasons):
            return  # another detail alone is no news
        level = logging.INFO if condition.state is State.READY else logging.WARNING
        log.log(level, "device %s is %s%s", self._name, condition.state, _because(condition))
        self._changed(condition)

    def _tick(self) -> None:
        self._ticked_s = asyncio.get_running_loop().time()


def _because(condition: Condition) -> str:
    reasons = ", ".join(condition.reasons)
    return f" ({reasons}{': ' + condition.detail if condition.detail else ''})" if reasons else ""

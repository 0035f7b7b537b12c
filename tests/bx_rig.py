"""What the tests of the BX driver share: a simulated board on a real line, and a driver kept on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from drivers.device import Condition, DeviceError, State
from drivers.display.bx import BxDisplay
from drivers.display.bx_options import BxOptions
from drivers.display.bx_voice import BxVoice
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from simulators.bx_display import BxDisplaySimulator
from simulators.stage import Endpoint, Stage

FAST = BxOptions(answer_s=0.15, refresh_s=0.02, monitor_s=0.2, busy_s=0.01)
DEADLINE_S = 10.0
READY = Condition(State.READY)


def nobody(condition: Condition) -> None:
    """For tests that do not look at conditions."""


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; a test that waits in vain fails by this deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.002)


async def open_link(url: str) -> DescriptorLink:
    link = parse_link(url)
    return await (open_serial if link.scheme == "serial" else open_tcp)(link)


class Hall:
    """A board on a line, its driver, and a supervisor that opens the line again and again."""

    def __init__(self, stage: Stage, options: BxOptions) -> None:
        self.stage = stage
        self.board = stage.simulator
        self.conditions: list[Condition] = []
        self.errors: list[DeviceError] = []
        self.seen: list[str] = []
        self.display = BxDisplay(options, self.conditions.append)
        self.board.changed = self._look

    def _look(self) -> None:
        if self.text is not None and self.seen[-1:] != [self.text]:
            self.seen.append(self.text)

    @property
    def text(self) -> str | None:
        """What the screen shows."""
        areas = self.state["areas"]
        assert len(areas) <= 1
        return areas[0]["text"] if areas else None

    @property
    def state(self) -> Any:
        return self.board.state()

    @property
    def voice(self) -> BxVoice:
        assert self.display.voice is not None
        return self.display.voice

    @property
    def spoken(self) -> list[str]:
        """What was said aloud."""
        found: list[str] = self.state["spoken"]
        return found

    async def supervise(self) -> None:
        while True:
            try:
                link = await open_link(self.stage.endpoint.url)
                try:
                    await self.display.serve(link)
                finally:
                    link.close()
            except DeviceError as error:
                self.errors.append(error)
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def hall(
    endpoint: Endpoint, options: BxOptions = FAST, *, answers: bool = True, told: str = "", **board: Any
) -> AsyncIterator[Hall]:
    """A hall whose driver has reached the board, if it `answers`; the board was `told` something before that."""
    simulator = BxDisplaySimulator(**{"reply_s": 0.002, "boot_s": 0.05, **board})
    async with Stage(simulator, endpoint) as stage:
        if told:
            stage.command(told)
        here = Hall(stage, options)
        supervisor = asyncio.create_task(here.supervise())
        try:
            if answers:
                await until(lambda: bool(here.conditions))
            yield here
        finally:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor

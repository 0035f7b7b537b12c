"""What the tests of the modem driver share: a simulated modem on a real line, at the true cadence in quick motion."""

from __future__ import annotations

import asyncio
import functools
import os
import selectors
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import pytest

from drivers.device import Condition
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.phone.capability import CallEnded, Caller, PhoneEvent, Ring
from drivers.phone.modem import ModemOptions, ModemPhone
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import Endpoint, Stage

Arguments = ParamSpec("Arguments")
CYCLE_S = 5.0
UNREAD_S = 0.5
CUT_S = 0.025
DEFAULT = ModemOptions()
REPORTED = ModemOptions(hook="reported")


class Underway:
    """How many bytes were written and not yet read: the kernel carries them when it has the time."""

    def __init__(self) -> None:
        self.bytes = 0
        self._write, self._read = os.write, os.read

    def write(self, descriptor: int, data: Any) -> int:
        written = self._write(descriptor, data)
        self.bytes += written
        return written

    def read(self, descriptor: int, most: int) -> bytes:
        data = self._read(descriptor, most)
        self.bytes -= len(data)
        return data


class QuickSelector(selectors.DefaultSelector):
    """Never sleeps until a timer: when no descriptor is ready, the clock is put forward instead.

    Bytes that are on their way are waited for, and so is a node that a thread opens or closes; what nobody has read for
    `UNREAD_S` was not meant to be. The beginning and the end of a line cannot be counted: that is what the wait of
    `CUT_S` is for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        threads = any(thread.name.startswith("node ") for thread in threading.enumerate())
        on_its_way = threads or underway.bytes > 0
        ready = super().select(UNREAD_S if on_its_way else CUT_S if timeout > UNREAD_S else CUT_S / 8)
        if not ready and not threads:
            underway.bytes = 0
            self.now_s += timeout
        return ready


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by its selector's clock."""

    def __init__(self) -> None:
        self.selector = QuickSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now_s

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Without a limit: since Python 3.12 there is one of five minutes, which pass here at once."""
        await super().shutdown_default_executor()


underway = Underway()


def quick(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run `test` in a loop of its own in which waiting takes no time, counting what is on its way."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        underway.bytes = 0
        with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=QuickLoop) as runner:
            patch.setattr(os, "write", underway.write)
            patch.setattr(os, "read", underway.read)
            runner.run(test(*args, **kwargs))

    return run


@dataclass
class Bench:
    """A driver at work on a simulated modem, and all it said."""

    stage: Stage
    simulator: ModemPhoneSimulator
    options: ModemOptions
    events: list[PhoneEvent] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    links: list[DescriptorLink] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.driver = ModemPhone(self.options, self.report, self.emit)

    def emit(self, event: PhoneEvent) -> None:
        self.events.append(event)
        self.happened.set()

    def report(self, condition: Condition) -> None:
        self.conditions.append(condition)
        self.happened.set()

    def serve(self, link: DescriptorLink) -> None:
        self.links.append(link)
        self.serving = asyncio.create_task(self.driver.serve(link))
        self.serving.add_done_callback(lambda _: self.happened.set())

    async def until(self, condition: Callable[[], bool], seconds: float = 300) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.serving.done():
                    await self.serving
                self.happened.clear()
                await self.happened.wait()

    async def ready(self) -> None:
        await self.until(lambda: bool(self.conditions))

    async def ended(self, calls: int = 1) -> CallEnded:
        await self.until(lambda: len(self.calls()) == calls)
        return self.calls()[-1]

    def calls(self) -> list[CallEnded]:
        return [event for event in self.events if isinstance(event, CallEnded)]

    def rings(self) -> list[int]:
        return [event.count for event in self.events if isinstance(event, Ring)]

    def callers(self) -> list[Caller]:
        return [event for event in self.events if isinstance(event, Caller)]


async def open_link(endpoint: Endpoint) -> DescriptorLink:
    url = parse_link(endpoint.url)
    return await (open_serial(url) if url.scheme == "serial" else open_tcp(url))


@asynccontextmanager
async def bench(
    endpoint: Endpoint, options: ModemOptions = DEFAULT, *, before: tuple[str, ...] = ()
) -> AsyncIterator[Bench]:
    async with Stage(ModemPhoneSimulator(), endpoint) as stage:
        assert isinstance(stage.simulator, ModemPhoneSimulator)
        made = Bench(stage, stage.simulator, options)
        made.simulator.changed = made.happened.set
        for command in before:
            stage.command(command)
        link = await open_link(endpoint)
        made.serve(link)
        try:
            yield made
        finally:
            made.serving.cancel()
            await asyncio.gather(made.serving, return_exceptions=True)
            for opened in made.links:
                opened.close()

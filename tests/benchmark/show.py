"""A command → the first byte on the display's wire."""

from __future__ import annotations

import asyncio
import time

from simulators.bx_display import BxDisplaySimulator
from simulators.stage import PtyEndpoint, Stage
from tests.benchmark.bed import PATIENCE_S, Bed, Ear, Parts, command, pause, topic_as_long_as
from tests.benchmark.figures import Line, latency
from tests.harness import ROOT

WARM_UP = 20
TOPIC = topic_as_long_as(f"{ROOT}/command/display/show")
SHOWN = f"{ROOT}/event/display/shown"


class WatchedDisplay(BxDisplaySimulator):
    """A display that notes when bytes arrive, and how many."""

    def __init__(self) -> None:
        super().__init__(reply_s=0.002, boot_s=0.05)
        self.arrived: asyncio.Queue[tuple[float, int]] = asyncio.Queue()

    def forget(self) -> None:
        """What came before is of no interest."""
        while not self.arrived.empty():
            self.arrived.get_nowait()

    def receive(self, data: bytes) -> None:
        self.arrived.put_nowait((time.perf_counter(), len(data)))
        super().receive(data)


async def measure(bed: Bed) -> list[Line]:
    """Texts by command, and bytes of the reference, by turns."""
    rounds = 30 if bed.quick else 1000
    display, plain = WatchedDisplay(), WatchedDisplay()
    path = bed.directory / "plain"
    async with bed.kiosk(Parts(display)), bed.ear(SHOWN) as ear, Stage(plain, PtyEndpoint(path)):
        size = (await _shown(ear, display, "综合业务"))[1]
        with bed.reference("show", path, TOPIC, size):
            kioskd_s, reference_s = [], []
            for number in range(WARM_UP + rounds):
                kioskd_s.append((await _shown(ear, display, f"请A{number % 1000:03d}到1号窗口"))[0])
                await pause()
                reference_s.append((await _arrival(ear, plain, TOPIC, command("display/show")[1]))[0])
    return [latency("command → first byte to the display", kioskd_s[WARM_UP:], reference_s[WARM_UP:], 0.5, 1.5)]


async def _shown(ear: Ear, display: WatchedDisplay, text: str) -> tuple[float, int]:
    """Seconds from the command to its first byte, and how many came with it."""
    await pause()
    found = await _arrival(ear, display, *command("display/show", display="led-1", text=text))
    await ear.hear(SHOWN)
    return found


async def _arrival(ear: Ear, display: WatchedDisplay, topic: str, payload: bytes) -> tuple[float, int]:
    display.forget()
    began_s = time.perf_counter()
    ear.publish(topic, payload)
    async with asyncio.timeout(PATIENCE_S):
        at_s, size = await display.arrived.get()
    return at_s - began_s, size

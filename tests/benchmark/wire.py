"""How long a slip takes on a serial line, beside what the line itself needs for its bytes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from drivers.device import Condition, State
from drivers.link.serial import open_serial
from drivers.link.url import parse_link
from drivers.printer.capability import Outcome
from drivers.printer.escpos import EscposOptions, EscposPrinter
from drivers.printer.page import Cut, Page, Span
from drivers.printer.page import Line as PaperLine
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import BITS_PER_BYTE, PtyEndpoint, Stage
from tests.benchmark.bed import PATIENCE_S, Bed
from tests.benchmark.figures import Line

BAUDS = (9600, 38400, 115200)
WORDS = "材料齐全后请到3号窗口办理，咨询电话12345"
LINES_PER_BAUD = 40 / 9600
"""Two seconds at every rate: on a ticket the timers of the simulated line would count for more than the line."""


class WatchedPrinter(EscposPrinterSimulator):
    """A printer that notes when its bytes arrive."""

    def __init__(self) -> None:
        super().__init__(mm_per_s=None)
        self.arrivals: list[tuple[float, int]] = []

    def receive(self, data: bytes) -> None:
        self.arrivals.append((time.perf_counter(), len(data)))
        super().receive(data)


@dataclass(slots=True)
class Told:
    """What the driver said of its printer."""

    state: State | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def report(self, condition: Condition) -> None:
        self.state = condition.state
        self.news.set()


async def measure(bed: Bed) -> list[Line]:
    """The same slip at each rate."""
    return [await _at(bed, baud) for baud in (BAUDS[-1:] if bed.quick else BAUDS)]


async def _at(bed: Bed, baud: int) -> Line:
    printer, told = WatchedPrinter(), Told()
    texts = (
        f"{number:03d}　材料齐全后请到3号窗口办理，咨询电话12345" for number in range(round(baud * LINES_PER_BAUD))
    )
    lines = (PaperLine((Span(text),)) for text in texts)
    slip = Page((*lines, Cut()))
    driver = EscposPrinter(EscposOptions(), told.report)
    async with Stage(printer, PtyEndpoint(bed.directory / f"printer-{baud}", baud=baud)) as stage:
        link = await open_serial(parse_link(stage.endpoint.url))
        serving = asyncio.create_task(driver.serve(link))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while told.state is not State.READY:
                    await told.news.wait()
                    told.news.clear()
                printer.arrivals.clear()
                result = await driver.print_page(slip)
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            link.close()
    assert result.outcome is Outcome.PRINTED, result
    # the first bytes are taken to have begun as long before they arrived as they need on the wire
    wire_s = sum(size for _, size in printer.arrivals) * BITS_PER_BYTE / baud
    first_s, first_bytes = printer.arrivals[0]
    taken_s = printer.arrivals[-1][0] - first_s + first_bytes * BITS_PER_BYTE / baud
    what = f"slip of {result.total} bytes at {baud} baud"
    return Line(what, f"{taken_s:.3f} s", f"{wire_s:.3f} s", taken_s / wire_s, 1.1)

"""What the tests of the printer's driver share: a simulated printer on a real line, and a driver kept on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from drivers.device import Condition, DeviceError, Reason, State
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.printer.escpos import EscposOptions, EscposPrinter
from drivers.printer.escpos_text import columns
from drivers.printer.page import PLAIN, Cut, Line, Page, QrCode, Rule, Span, Style
from simulators.escpos_model import MODELS, EscposModel
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint

PATIENCE_S = 10.0

FAST = EscposOptions(
    columns=16, answer_s=0.15, poll_s=0.02, stall_s=0.3, confirm_s=0.3, chunk_bytes=32
)  # fmt: skip


def text(words: str, column: int = 0, style: Style = PLAIN) -> Line:
    """A line that says `words`, from `column` on."""
    return Line((Span(words, column, style),))


def centred(words: str, style: Style = PLAIN, width: int = 48) -> Line:
    """A line with `words` in the middle of `width` columns."""
    return text(words, (width - columns(words) * style.width) // 2, style)


TICKET = Page((centred("取号单", Style(bold=True), 16), text("A012"), Rule(), text("请到3号窗口"), Cut()), 16)
TICKET_LINES = ["     取号单", "A012", "-" * 16, "请到3号窗口"]

HALL_TICKET = Page((
    centred("行政服务中心", Style(2, 2, bold=True)),
    centred("请到③号窗口·“综合受理”…"),
    centred("A012", Style(4, 4)),
    Rule(),
    text("前面等候：3人　￥0.00 $5"),
    QrCode("https://例.cn/?n=A012"),
    text("龍囍镕喆é㈠"),
    Cut(),
))  # fmt: skip
HALL_TICKET_LINES = [
    " " * 12 + "行政服务中心", " " * 10 + "请到③号窗口·“综合受理”…", " " * 16 + "A012", "-" * 48,
    "前面等候：3人　￥0.00 $5", "龍囍镕喆é㈠",
]  # fmt: skip


async def until(true: Callable[[], bool]) -> None:
    """Wait until `true()`, at most `PATIENCE_S`."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.002)


class Rig:
    """A printer, its line, its driver, and everything the driver reported."""

    def __init__(self, printer: EscposPrinterSimulator, endpoint: Endpoint, options: EscposOptions) -> None:
        self.printer = printer
        self.stage = Stage(printer, endpoint)
        self.reports: list[Condition] = []
        self.driver = EscposPrinter(options, self.reports.append)
        self.errors: list[DeviceError] = []
        self.served = 0

    @property
    def condition(self) -> tuple[State, tuple[Reason, ...]] | None:
        return (self.reports[-1].state, self.reports[-1].reasons) if self.reports else None

    async def ready(self) -> None:
        await until(lambda: self.condition == (State.READY, ()))

    async def met(self) -> None:
        """Return when the driver knows what its printer can do."""
        await until(lambda: self.condition is not None and self.condition[0] is State.READY)

    async def faulted(self, *reasons: Reason) -> None:
        await until(lambda: self.condition == (State.FAULTED, reasons))

    async def open(self) -> DescriptorLink:
        url = parse_link(self.stage.endpoint.url)
        return await (open_tcp(url) if url.scheme == "tcp" else open_serial(url))

    async def keep(self) -> None:
        """Serve one link after another, as the daemon's supervisor does."""
        while True:
            try:
                link = await self.open()
            except DeviceError:
                await asyncio.sleep(0.005)
                continue
            self.served += 1
            try:
                await self.driver.serve(link)
            except DeviceError as error:
                self.errors.append(error)
            finally:
                link.close()


@asynccontextmanager
async def rig(
    where: Path | None = None,
    model: EscposModel = MODELS["full"],
    options: EscposOptions = FAST,
    printer: EscposPrinterSimulator | None = None,
) -> AsyncIterator[Rig]:
    """A driver kept on a printer that prints at once: over TCP, or over a pty at `where`."""
    printer = printer or EscposPrinterSimulator(model, columns=max(options.columns, 16), mm_per_s=None)
    endpoint: Endpoint = PtyEndpoint(where) if where else TcpEndpoint()
    it = Rig(printer, endpoint, options)
    async with it.stage:
        keeping = asyncio.create_task(it.keep())
        try:
            yield it
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

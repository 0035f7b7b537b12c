"""Long slips, slow printers and small buffers: nothing is lost, nobody waits too long, and memory stays bounded."""

from __future__ import annotations

import asyncio
import dataclasses
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from drivers.device import Condition, DeviceError, State
from drivers.link.serial import open_serial
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.printer.capability import Outcome, PrintResult
from drivers.printer.escpos import EscposOptions, EscposPrinter
from drivers.printer.escpos_job import STRETCH_BYTES
from drivers.printer.page import Bitmap, Cut, Page, Picture
from simulators.escpos_board import HandshakePty, PrinterBoard
from simulators.escpos_model import MODELS
from simulators.escpos_paper import Image
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage
from tests import virtual_time
from tests.escpos_rig import FAST, text, until
from tests.print_department import Cable

FEE_LINES = [f"{number:03}　一次性使用无菌注射器　　12.50" for number in range(500)]
FEE_LIST = Page((*map(text, FEE_LINES), Cut()))
LOGO = Page((Picture(Bitmap(576, 400, bytes(range(72)) * 400)), text("A012"), Cut()))
SMALL_BUFFER_BYTES = 128


async def print_in_virtual_time(
    printer: EscposPrinterSimulator, page: Page, moves: list[tuple[int, int]]
) -> tuple[PrintResult, float]:
    """The result, and how many seconds it took."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()

    def report(condition: Condition) -> None:
        if condition.state is State.READY:
            ready.set()

    cable, driver = Cable(), EscposPrinter(EscposOptions(), report)
    async with Stage(printer, cable):
        link = await cable.connect()
        serving = asyncio.create_task(driver.serve(link))
        await ready.wait()
        began_s = loop.time()
        result = await driver.print_page(page, progress=lambda sent, total: moves.append((sent, total)))
        took_s = loop.time() - began_s
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        link.close()
    return result, took_s


@pytest.mark.parametrize("model", ["full", "gs-r", "no-asb"])
def test_a_list_that_takes_longer_than_any_patience_is_printed_whole(model: str) -> None:
    """At 50 mm/s, and with a buffer that holds it all: the driver's patience is 20 s for an answer."""
    printer = EscposPrinterSimulator(MODELS[model], mm_per_s=50, buffer_bytes=1 << 20)
    moves: list[tuple[int, int]] = []
    result, took_s = virtual_time.run(print_in_virtual_time(printer, FEE_LIST, moves))
    assert (result.outcome, result.sent) == (Outcome.PRINTED, result.total)
    assert took_s > 500 * 30 / 8 / 50
    assert printer.paper.slips[0].lines == FEE_LINES
    assert printer.paper.slips[0].cut == "partial"
    # what the printer is told is never far ahead of what it has said that it printed
    assert len(moves) > result.total / STRETCH_BYTES
    assert [sent for sent, _ in moves] == sorted({sent for sent, _ in moves})


def test_a_raster_logo_is_printed_dot_for_dot() -> None:
    printer = EscposPrinterSimulator(mm_per_s=100, buffer_bytes=1 << 16)
    result, _ = virtual_time.run(print_in_virtual_time(printer, LOGO, []))
    assert result.outcome is Outcome.PRINTED
    bands = [item for item in printer.paper.slips[0].items if isinstance(item, Image)]
    assert "".join(band.bits for band in bands) == (bytes(range(72)) * 400).hex()
    assert sum(band.height_dots for band in bands) == 400


def test_a_long_slip_takes_no_more_memory_than_itself_and_its_bytes() -> None:
    pages = [Page((*map(text, FEE_LINES * times), Cut())) for times in (1, 4)]
    peaks = []
    for page in pages:
        printer = EscposPrinterSimulator(mm_per_s=None)
        tracemalloc.start()
        result, _ = virtual_time.run(print_in_virtual_time(printer, page, []))
        peaks.append((tracemalloc.get_traced_memory()[1], result.total))
        tracemalloc.stop()
    (small, small_bytes), (large, large_bytes) = peaks
    # the simulated paper keeps its lines in the same process, up to a bound: most of it is that
    assert large - small < 40 * (large_bytes - small_bytes)
    assert large < 16 << 20


@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
async def test_a_slow_printer_with_a_small_buffer_is_not_overrun(pty: bool, tmp_path: Path) -> None:
    """It has 16 bytes of room when it says so: handshake lines or a shut window hold the host back, in its kernel."""
    printer = EscposPrinterSimulator(mm_per_s=4000, buffer_bytes=SMALL_BUFFER_BYTES)
    lines = FEE_LINES[:60]
    reports: list[Condition] = []
    driver = EscposPrinter(dataclasses.replace(FAST, columns=48, answer_s=2, stall_s=5, confirm_s=5), reports.append)
    endpoint = HandshakePty(tmp_path / "printer") if pty else PrinterBoard()
    async with Stage(printer, endpoint):
        url = parse_link(endpoint.url)
        link = await (open_serial(url) if pty else open_tcp(url))
        serving = asyncio.create_task(driver.serve(link))
        await until(lambda: bool(reports) and reports[-1].state is State.READY)
        result = await driver.print_page(Page((*map(text, lines), Cut())))
        serving.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await serving
        link.close()
    assert (result.outcome, printer.discarded) == (Outcome.PRINTED, 0)
    assert printer.printed_text().splitlines() == lines

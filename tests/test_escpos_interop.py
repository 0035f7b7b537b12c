"""Witnesses from outside: unmodified python-escpos 3.1 prints on the simulated printer and reads its status."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from escpos.printer import Dummy, Network, Serial
from PIL import Image as Picture

from drivers.printer.escpos_layout import lay_out
from drivers.printer.escpos_line import Layout
from drivers.printer.page import Page, QrCode
from simulators.escpos_paper import Barcode, Image, Qr
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint
from tests.escpos_rig import until

Witness = tuple[Stage, EscposPrinterSimulator, Callable[[], Any]]


@pytest.fixture(params=["network", "serial"])
async def witness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Witness]:
    """A simulated printer on its line, and how python-escpos opens that line."""
    printer = EscposPrinterSimulator(mm_per_s=None)
    if request.param == "network":
        tcp = TcpEndpoint()
        endpoint: Endpoint = tcp
        open_client = lambda: Network("127.0.0.1", tcp.port, timeout=5)  # noqa: E731
    else:
        endpoint = PtyEndpoint(tmp_path / "printer")
        # it waits for 16 bytes and gets one: so long takes each answer, and silence it calls paper enough
        open_client = lambda: Serial(str(tmp_path / "printer"), timeout=0.5)  # noqa: E731
    async with Stage(printer, endpoint) as stage:
        yield stage, printer, open_client


async def test_python_escpos_prints_a_ticket(witness: Witness) -> None:
    _, printer, open_client = witness

    def print_ticket() -> None:
        client = open_client()
        client.hw("INIT")
        client.set(align="center", bold=True, custom_size=True, width=2, height=2)
        client.text("行政服务中心\n")
        client.set(align="left", bold=False, normal_textsize=True)
        client.text("请A012号到3号窗口，谢谢。\n")
        client.text("plain\n")
        client.qr("https://例.cn/?n=A012", native=True, size=5)
        client.barcode("A012", "CODE39", function_type="B")
        client.image(Picture.new("1", (16, 8)))
        client.cut()
        client.close()

    await asyncio.to_thread(print_ticket)
    await until(lambda: len(printer.paper.slips) == 2)
    slip = printer.paper.slips[0]
    assert [line for line in slip.lines if line.strip()] == ["行政服务中心", "请A012号到3号窗口，谢谢。", "plain"]
    title = slip.as_json()["items"][0]
    assert (title["align"], title["spans"][0]["style"]["width"], title["spans"][0]["style"]["bold"]) == (
        "centre",
        2,
        True,
    )
    assert [item.data for item in slip.items if isinstance(item, Qr)] == ["https://例.cn/?n=A012"]
    assert [item.data for item in slip.items if isinstance(item, Barcode)] == ["A012"]
    picture = Image(16, 8, "ffff" * 8)
    assert [item for item in slip.items if isinstance(item, Image)] == [picture]
    assert slip.cut == "full"
    assert list(printer.unknown_commands) == []


async def test_python_escpos_reads_the_status(witness: Witness) -> None:
    stage, _, open_client = witness

    def read_status() -> tuple[bool, int]:
        client = open_client()
        status = client.is_online(), client.paper_status()
        client.close()
        return status

    assert await asyncio.to_thread(read_status) == (True, 2)
    stage.command("paper-near-end")
    assert await asyncio.to_thread(read_status) == (True, 1)
    stage.command("paper-end")
    assert await asyncio.to_thread(read_status) == (False, 0)
    stage.command("refill")
    stage.command("cover-open")
    assert await asyncio.to_thread(read_status) == (False, 2)
    stage.command("cover-close")
    assert await asyncio.to_thread(read_status) == (True, 2)


@pytest.mark.parametrize("data", ["A012", "https://例.cn/?n=A012", "1" * 600])
@pytest.mark.parametrize("module_dots", [1, 6, 16])
def test_our_qr_code_is_python_escpos_native_one(data: str, module_dots: int) -> None:
    dummy = Dummy()
    dummy.qr(data, ec=1, size=module_dots, native=True)
    layout = Layout("gb18030", 48, "partial", four_byte=False, fs_size=False)
    (piece,) = lay_out(Page((QrCode(data, module_dots),)), layout)
    assert piece == b"\x1b\x61\x01" + dummy.output


def test_the_driver_does_without_the_heavy_half_of_python_escpos(tmp_path: Path) -> None:
    code = (
        "import logging, sys\n"
        "import drivers.printer.escpos\n"
        "assert 'escpos.escpos' not in sys.modules\n"
        "assert 'PIL' not in sys.modules\n"
        "assert not logging.getLogger().handlers\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=Path(__file__).parent.parent)
    assert list(tmp_path.iterdir()) == []

"""A ticket printer on the USB, end to end: our driver over usb:// links, and unmodified python-escpos 3.1 beside it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from escpos.exceptions import DeviceNotFoundError
from escpos.printer import Usb
from PIL import Image as Picture
from usb.core import USBError

from drivers.device import Reason, State
from drivers.link.url import parse_link
from drivers.link.usb import open_usb
from drivers.printer.capability import Outcome, PrintResult
from drivers.printer.page import Cut, Page
from simulators.escpos_model import MODELS
from simulators.escpos_paper import Barcode, Image, Qr
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.escpos_rig import FAST, HALL_TICKET, HALL_TICKET_LINES, TICKET, TICKET_LINES, Rig, text, until
from tests.usbip_backend import UsbIpBackend

NEXT = Page((text("A013"), Cut()), 16)
PATIENT = dataclasses.replace(FAST, answer_s=0.4, stall_s=0.6, confirm_s=0.6, poll_s=0.05)


class UsbRig(Rig):
    """A driver kept on a printer at one place of the USB."""

    backend: UsbIpBackend

    async def open(self) -> Any:
        return await open_usb(parse_link("usb://1209:0002?path=1-1"), self.backend)


@asynccontextmanager
async def rig(model: str = "full", columns: int = FAST.columns, **settings: Any) -> AsyncIterator[UsbRig]:
    options = dataclasses.replace(PATIENT, columns=columns)
    printer = EscposPrinterSimulator(MODELS[model], columns=columns, **{"mm_per_s": None, **settings})
    endpoint = UsbIpEndpoint(port=0)
    it = UsbRig(printer, endpoint, options)
    async with it.stage:
        it.backend = UsbIpBackend(("127.0.0.1", endpoint.port), kernel_driver=True)
        keeping = asyncio.create_task(it.keep())
        try:
            yield it
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await until(lambda: it.backend.opened == 0)
    await asyncio.to_thread(it.backend.detach_all)


@pytest.mark.parametrize("model", ["full", "gs-r", "plain"])
async def test_a_ticket_is_printed_as_the_printer_can_tell(model: str) -> None:
    async with rig(model, columns=48) as it:
        await it.ready()
        result = await it.driver.print_page(HALL_TICKET)
        assert result.outcome is (Outcome.UNCONFIRMED if model == "plain" else Outcome.PRINTED)
        await until(lambda: it.printer.printed_text().splitlines() == HALL_TICKET_LINES)
        assert (it.backend.resets, it.backend.configured) == (0, 0)
        assert it.backend.kernel_drivers == set()


async def test_a_full_buffer_is_waited_for_and_nothing_is_lost() -> None:
    # 64 bytes of buffer and a slow motor: the endpoint says NAK for most of the ticket
    async with rig(columns=48, mm_per_s=400, buffer_bytes=64) as it:
        it.driver._options = dataclasses.replace(it.driver._options, stall_s=5, confirm_s=5)
        await it.ready()
        result = await it.driver.print_page(HALL_TICKET)
        assert result.outcome is Outcome.PRINTED
        assert it.printer.discarded == 0
        assert it.printer.printed_text().splitlines() == HALL_TICKET_LINES


async def test_paper_end_is_told_and_gone_again() -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command("paper-end")
        await it.faulted(Reason.PAPER_END)
        result = await it.driver.print_page(TICKET)
        assert (result.outcome, result.reason, result.sent) == (Outcome.FAILED, Reason.PAPER_END, 0)
        it.stage.command("refill")
        await it.ready()


def whole_slips(printer: EscposPrinterSimulator) -> int:
    return sum(slip.lines == TICKET_LINES and slip.cut is not None for slip in printer.paper.slips)


def check_truth(result: PrintResult, printer: EscposPrinterSimulator) -> None:
    """What was said of the ticket is what is on the paper."""
    printed = whole_slips(printer)
    assert printed <= 1
    if result.outcome is Outcome.PRINTED:
        assert printed == 1
    if result.outcome is Outcome.FAILED:
        assert printed == 0
    if not result.paper:
        assert not set(TICKET_LINES) & {line for slip in printer.paper.slips for line in slip.lines}


async def pulled_after(model: str, at: int) -> PrintResult:
    """Pull the printer `at` bytes after the ticket was begun, plug it in again, and print the next."""
    async with rig(model) as it:
        await it.ready()
        it.stage.command(f"cut after {at}")
        result = await asyncio.wait_for(it.driver.print_page(TICKET), 10)
        check_truth(result, it.printer)
        await until(lambda: it.stage.cut)
        it.stage.command("restore")
        while (after := await it.driver.print_page(NEXT)).outcome is Outcome.FAILED:
            await asyncio.sleep(0.01)  # it is being found and met again
        await until(lambda: any(slip.cut and "A013" in slip.lines for slip in it.printer.paper.slips))
        assert (after.outcome, it.served) == (Outcome.PRINTED if model == "full" else Outcome.UNCONFIRMED, 2)
        check_truth(result, it.printer)
        return result


@pytest.mark.parametrize("model", ["full", "plain"])
async def test_pulled_at_any_moment_the_truth_is_told_and_the_next_ticket_prints(model: str) -> None:
    async with rig(model) as it:
        await it.ready()
        before = it.printer.received
        await it.driver.print_page(TICKET)
        total = it.printer.received - before
    few = asyncio.Semaphore(8)

    async def one(at: int) -> PrintResult:
        async with few:
            return await pulled_after(model, at)

    results = await asyncio.gather(*(one(at) for at in {*range(1, total, 17), total - 1, total}))
    outcomes = Counter(result.outcome for result in results)
    assert 3 < outcomes[Outcome.FAILED] < outcomes.total()


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_one_stall_is_got_over(direction: str) -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command(f"stall {direction}")
        result = await it.driver.print_page(TICKET)
        assert result.outcome is Outcome.PRINTED
        assert it.printer.printed_text().splitlines() == TICKET_LINES
        assert it.errors == []


async def test_an_endpoint_that_refuses_for_good_is_a_lost_printer() -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command("stall in 1000")
        await until(lambda: it.errors != [])
        assert it.errors[0].reason is Reason.DISCONNECTED
        assert it.condition != (State.UNKNOWN, ())


# python-escpos 3.1, as it is


@asynccontextmanager
async def witness(*, kernel_driver: bool = False) -> AsyncIterator[tuple[Stage, EscposPrinterSimulator, UsbIpBackend]]:
    printer = EscposPrinterSimulator(mm_per_s=None)
    endpoint = UsbIpEndpoint(port=0)
    async with Stage(printer, endpoint) as stage:
        backend = UsbIpBackend(("127.0.0.1", endpoint.port), kernel_driver=kernel_driver)
        try:
            yield stage, printer, backend
        finally:
            await asyncio.to_thread(backend.detach_all)


def client(backend: UsbIpBackend) -> Any:
    return Usb(0x1209, 0x0002, usb_args={"backend": backend}, in_ep=0x82, out_ep=0x01)


async def test_python_escpos_prints_a_ticket() -> None:
    def print_ticket(backend: UsbIpBackend) -> None:
        it = client(backend)
        it.hw("INIT")
        it.set(align="center", bold=True, custom_size=True, width=2, height=2)
        it.text("行政服务中心\n")
        it.set(align="left", bold=False, normal_textsize=True)
        it.text("请A012号到3号窗口，谢谢。\n")
        it.qr("https://例.cn/?n=A012", native=True, size=5)
        it.barcode("A012", "CODE39", function_type="B")
        it.image(Picture.new("1", (16, 8)))
        it.cut()
        it.close()

    async with witness() as (_, printer, backend):
        await asyncio.to_thread(print_ticket, backend)
        slip = printer.paper.slips[0]
        lines = [line.strip() for line in slip.lines if line.strip()]
        assert lines == ["行政服务中心", "请A012号到3号窗口，谢谢。"]
        assert [item.data for item in slip.items if isinstance(item, Qr)] == ["https://例.cn/?n=A012"]
        assert [item.data for item in slip.items if isinstance(item, Barcode)] == ["A012"]
        assert [item for item in slip.items if isinstance(item, Image)] == [Image(16, 8, "ffff" * 8)]
        assert (slip.cut, list(printer.unknown_commands)) == ("full", [])
        # Unlike our link it configures and resets the device whenever it opens it. A real printer then forgets what
        # it has not printed yet; the reset of a port is no transfer, so over USB/IP the simulator does not hear of it.
        assert (backend.configured, backend.resets) == (1, 1)


async def test_python_escpos_reads_the_status() -> None:
    def read_status(backend: UsbIpBackend) -> tuple[bool, int]:
        it = client(backend)
        try:
            return it.is_online(), it.paper_status()
        finally:
            it.close()

    async with witness() as (stage, _, backend):
        for command, status in (
            ("clear", (True, 2)),
            ("paper-near-end", (True, 1)),
            ("paper-end", (False, 0)),
            ("refill", (True, 2)),
            ("cover-open", (False, 2)),
        ):
            stage.command(command)
            assert await asyncio.to_thread(read_status, backend) == status


async def test_python_escpos_takes_a_pulled_printer_for_a_bug_and_one_that_is_absent_for_absent() -> None:
    def use(backend: UsbIpBackend, it: Any) -> None:
        with pytest.raises(USBError, match="No such device"):  # not an error of its own: whoever prints must know pyusb
            it.text("A012\n")
        with pytest.raises(DeviceNotFoundError):
            client(backend).open()

    async with witness() as (stage, _, backend):
        it = client(backend)
        await asyncio.to_thread(it.open)
        stage.command("cut")
        await asyncio.to_thread(use, backend, it)


async def test_python_escpos_leaves_the_kernel_driver_to_others_than_libusb() -> None:
    """It looks at the backend's name; ours asks the backend itself, which libusb answers as this one does."""

    def print_text(backend: UsbIpBackend) -> None:
        with pytest.raises(USBError, match="busy"):
            client(backend).text("A012\n")

    async with witness(kernel_driver=True) as (_, printer, backend):
        await asyncio.to_thread(print_text, backend)
        assert printer.received == 0

"""USB printer links against simulated devices over USB/IP: the real link code, through pyusb, without a kernel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link import usb_link
from drivers.link.catalog import SCHEMES
from drivers.link.url import LinkUrl, LinkUrlError, parse_link
from drivers.link.usb import UsbOptions, open_usb, usb_options
from drivers.link.usb_class import PortStatus, decode_device_id, decode_port_status
from drivers.link.usb_link import UsbLink
from simulators.device import Command, Wire
from simulators.stage import Stage
from simulators.usb_function import PrinterInterface
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.usbip_backend import UsbIpBackend

ANY = parse_link("usb://1209:0002")
PATIENCE_S = 5.0
PACKET_BYTES = 64
ROOT = Path(__file__).parent.parent


class Recorder:
    """A device that keeps what it is sent, and says what it is told to say."""

    KIND: ClassVar[str] = "printer"
    DOES_NOT_IMITATE: ClassVar[str] = "everything"
    one_way = False

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.received = bytearray()
        self.status = {"paper_end": False, "offline": False, "error": False}
        self.wire: Wire | None = None

    def attach(self, wire: Wire) -> None:
        self.wire = wire

    def detach(self) -> None:
        self.wire = None

    def receive(self, data: bytes) -> None:
        self.received += data

    def say(self, data: bytes) -> None:
        assert self.wire is not None
        self.wire.send(data)

    def close(self) -> None:
        """Nothing runs."""

    @property
    def commands(self) -> Mapping[str, Command]:
        return {}

    def state(self) -> Mapping[str, Any]:
        return {"status": self.status, "model": {"one_way": self.one_way}}


class Bench:
    """Devices, each on a bus of its own, and the backend that finds them."""

    def __init__(self, serials: tuple[str, ...], *, kernel_driver: bool) -> None:
        self.devices = [Recorder() for _ in serials]
        self.endpoints = [UsbIpEndpoint(port=0, serial=serial) for serial in serials]
        self.stages = [Stage(*pair) for pair in zip(self.devices, self.endpoints, strict=True)]
        for stage in self.stages:
            stage.restore()
        addresses = [("127.0.0.1", endpoint.port) for endpoint in self.endpoints]
        self.backend = UsbIpBackend(*addresses, kernel_driver=kernel_driver)

    @property
    def device(self) -> Recorder:
        return self.devices[0]

    @property
    def stage(self) -> Stage:
        return self.stages[0]

    @asynccontextmanager
    async def link(self, url: LinkUrl = ANY, stall_s: float = PATIENCE_S) -> AsyncIterator[UsbLink]:
        link = await open_usb(url, self.backend, stall_s=stall_s)
        try:
            yield link
        finally:
            link.close()
            await until(lambda: self.backend.opened == 0)


@asynccontextmanager
async def bench(*serials: str, kernel_driver: bool = False) -> AsyncIterator[Bench]:
    it = Bench(serials or ("A",), kernel_driver=kernel_driver)
    try:
        yield it
    finally:
        for stage in it.stages:
            await stage.__aexit__()
        await asyncio.to_thread(it.backend.detach_all)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.002)


async def fails(url: LinkUrl, it: Bench) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await open_usb(url, it.backend)
    assert it.backend.opened == 0
    return caught.value


# URLs


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("usb://0416:5011", UsbOptions(0x0416, 0x5011)),
        ("usb://04b8:0e15?path=1-1.2", UsbOptions(0x04B8, 0x0E15, path="1-1.2")),
        ("usb://ffff:ffff?serial=A+1%20/2", UsbOptions(0xFFFF, 0xFFFF, "A 1 /2")),
        ("usb://ffff:ffff?serial=A&path=12-3.4.5.6.7.8.9", UsbOptions(0xFFFF, 0xFFFF, "A", "12-3.4.5.6.7.8.9")),
    ],
)
def test_a_device_is_named_by_vendor_and_product(text: str, options: UsbOptions) -> None:
    link = parse_link(text)
    assert usb_options(link) == options
    assert parse_link(str(link)) == link
    assert str(link).startswith(text.partition("?")[0])


def test_hexadecimal_letters_may_be_large() -> None:
    assert parse_link("usb://04B8:0E15") == parse_link("usb://04b8:0e15")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("usb://", "expected usb://VENDOR:PRODUCT"),
        ("usb:///dev/usb/lp0", "expected usb://VENDOR:PRODUCT"),
        ("usb://0416", "four hexadecimal digits each"),
        ("usb://416:5011", "four hexadecimal digits each"),
        ("usb://0416:501g", "four hexadecimal digits each"),
        ("usb://0x0416:0x5011", "four hexadecimal digits each"),
        ("usb://0416:5011/x", "expected usb://VENDOR:PRODUCT"),
        ("usb://0416:5011?path=", "such as 1-1.2"),
        ("usb://0416:5011?path=1.2", "such as 1-1.2"),
        ("usb://0416:5011?path=0-1", "such as 1-1.2"),
        ("usb://0416:5011?path=1-1.2.3.4.5.6.7.8", "such as 1-1.2"),
        ("usb://0416:5011?serial=", "leave it out for any"),
        ("usb://0416:5011?baud=9600", "no option 'baud' \\(known: serial, path\\)"),
        ("file://dev/usb/lp0", "three slashes"),
        ("file:///", "three slashes"),
        ("file:///dev/usb/lp0?baud=9600", "no option 'baud'"),
    ],
)
def test_a_wrong_url_says_what_was_expected(text: str, expected: str) -> None:
    link = parse_link(text)
    with pytest.raises(LinkUrlError, match=expected):
        SCHEMES[link.scheme][1](link)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=12))
def test_any_name_is_a_link_or_a_named_error(name: str) -> None:
    try:
        link = parse_link(f"usb://{name}")
        usb_options(link)
    except LinkUrlError:
        return
    assert parse_link(str(link)) == link


# Bytes


async def test_bytes_go_both_ways_and_nothing_makes_the_printer_forget() -> None:
    async with bench() as it, it.link() as link:
        data = bytes(range(256)) * 40 + b"odd"
        await link.write(data)
        await link.drain()
        assert it.device.received == data
        it.device.say(b"\x12")
        it.device.say(b"\x10\0\0\0" * 50)
        heard = b""
        while len(heard) < 201:
            heard += await asyncio.wait_for(link.read(), PATIENCE_S)
        assert heard == b"\x12" + b"\x10\0\0\0" * 50
        assert (it.backend.resets, it.backend.configured) == (0, 0)


async def test_a_cancelled_read_loses_nothing() -> None:
    async with bench() as it, it.link() as link:
        for number in range(20):
            reading = asyncio.create_task(link.read())
            await asyncio.sleep(0.001 * (number % 3))
            it.device.say(b"%d" % number)
            reading.cancel()
            (outcome,) = await asyncio.gather(reading, return_exceptions=True)
            got = outcome if isinstance(outcome, bytes) else await asyncio.wait_for(link.read(), PATIENCE_S)
            assert got == b"%d" % number


async def test_reading_waits_without_the_event_loop_waiting() -> None:
    async with bench() as it, it.link() as link:
        reading = asyncio.create_task(link.read())
        longest_s = 0.0
        for _ in range(100):
            before_s = time.monotonic()
            await asyncio.sleep(0.005)
            longest_s = max(longest_s, time.monotonic() - before_s)
        assert longest_s < usb_link.POLL_MS / 1000
        it.device.say(b"!")
        assert await asyncio.wait_for(reading, PATIENCE_S) == b"!"


async def test_what_the_printer_class_tells() -> None:
    async with bench() as it, it.link() as link:
        assert await link.port_status() == PortStatus(paper_empty=False, selected=True, error=False)
        it.device.status |= {"paper_end": True, "offline": True, "error": True}
        assert await link.port_status() == PortStatus(paper_empty=True, selected=False, error=True)
        assert await link.device_id() == {
            "MFG": "kioskd", "MDL": "simulated printer", "CMD": "ESC/POS", "CLS": "PRINTER"
        }  # fmt: skip


def test_port_status_and_device_id_by_the_book() -> None:
    assert decode_port_status(0x18) == PortStatus(paper_empty=False, selected=True, error=False)
    assert decode_port_status(0x30) == PortStatus(paper_empty=True, selected=True, error=True)
    right = b"\0\x17MFG:A;MDL: B C ;x;CLS:D"
    assert decode_device_id(right) == {"MFG": "A", "MDL": "B C", "CLS": "D"}
    assert decode_device_id(b"\x17\0" + right[2:]) == decode_device_id(right)
    assert decode_device_id(b"") == decode_device_id(b"\0") == {}


@given(st.binary(max_size=1100))
def test_any_device_id_is_read(answer: bytes) -> None:
    assert all(key == key.strip().upper() for key in decode_device_id(answer))


# Which device


async def test_two_equal_printers_are_told_apart() -> None:
    async with bench("A", "B") as it:
        for url, index in (
            ("serial=A", 0),
            ("serial=B", 1),
            ("path=1-1", 0),
            ("path=2-1", 1),
            ("serial=B&path=2-1", 1),
        ):
            async with it.link(parse_link(f"usb://1209:0002?{url}")) as link:
                await link.write(url.encode())
                assert it.devices[index].received.endswith(url.encode())
                assert url.encode() not in it.devices[1 - index].received


async def test_which_of_two_is_never_guessed() -> None:
    async with bench("A", "A") as it:
        error = await fails(ANY, it)
        assert error.reason is Reason.WRONG_DEVICE
        assert "at 1-1, 2-1: add path=" in error.detail
        assert (await fails(parse_link("usb://1209:0002?serial=A"), it)).reason is Reason.WRONG_DEVICE
        assert not it.devices[0].received + it.devices[1].received


@pytest.mark.parametrize(
    ("query", "detail"),
    [("?serial=B", "no USB device 1209:0002 with serial number B"), ("?path=3-1", "no USB device 1209:0002 at 3-1")],
)
async def test_another_device_is_not_taken_for_it(query: str, detail: str) -> None:
    async with bench("A") as it:
        error = await fails(parse_link(f"usb://1209:0002{query}"), it)
        assert (error.reason, error.detail) == (Reason.NOT_PRESENT, detail)
        assert (await fails(parse_link("usb://1209:0003"), it)).reason is Reason.NOT_PRESENT


async def test_without_permission_the_remedy_is_told() -> None:
    async with bench("A") as it:
        it.backend.denied = True
        for url in ("usb://1209:0002", "usb://1209:0002?serial=A"):
            error = await fails(parse_link(url), it)
            assert error.reason is Reason.PERMISSION
            assert "/dev/bus/usb/001/002" in error.detail
            assert 'ATTR{idVendor}=="1209", ATTR{idProduct}=="0002", GROUP="lp"' in error.detail
        it.backend.denied = False
        async with it.link():
            pass


async def test_a_printer_that_another_program_has_is_busy() -> None:
    async with bench() as it, it.link() as link:
        with pytest.raises(DeviceError) as caught:
            await open_usb(ANY, it.backend)
        assert caught.value.reason is Reason.BUSY
        await link.write(b"mine")
        assert it.device.received == b"mine"


async def test_the_kernel_driver_is_sent_away_and_called_back() -> None:
    async with bench(kernel_driver=True) as it:
        for _ in range(3):
            async with it.link() as link:
                assert it.backend.kernel_drivers == set()
                await link.write(b"x")
            assert it.backend.kernel_drivers == {(1, 0)}


async def test_a_device_without_a_printer_interface_is_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.usb_function.PrinterInterface.bInterfaceSubClass", 3)
    async with bench(kernel_driver=True) as it:
        error = await fails(ANY, it)
        assert (error.reason, error.detail) == (Reason.WRONG_DEVICE, "USB device 1-1 has no printer interface")
        assert it.backend.kernel_drivers == {(1, 0)}


async def test_a_receipt_printer_with_the_maker_s_own_class_is_a_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.usb_function.PrinterInterface.bInterfaceClass", 0xFF)
    async with bench() as it, it.link() as link:
        await link.write(b"x")
        it.device.say(b"\x12")
        assert await asyncio.wait_for(link.read(), PATIENCE_S) == b"\x12"


async def test_of_the_alternate_settings_the_one_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PrinterInterface.descriptor_block
    chosen: list[int] = []

    def one_way_and_both_ways(self: PrinterInterface) -> bytes:
        second = bytearray(whole(self))
        second[3] = 1  # bAlternateSetting
        first = bytes((9, 4, 0, 0, 1, 7, 1, 1, 0)) + second[9:16]
        return bytes(first + second)

    monkeypatch.setattr(PrinterInterface, "descriptor_block", one_way_and_both_ways)
    monkeypatch.setattr(PrinterInterface, "set_alt", lambda _, alt: chosen.append(alt))
    async with bench() as it, it.link() as link:
        assert chosen == [1]
        await link.write(b"x")
        it.device.say(b"\x12")
        assert await asyncio.wait_for(link.read(), PATIENCE_S) == b"\x12"
        assert (await link.device_id())["CLS"] == "PRINTER"


# Faults


@pytest.mark.parametrize("after", [0, 1, PACKET_BYTES, PACKET_BYTES + 1, 1000])
async def test_pulled_at_a_byte_the_count_is_never_short_and_at_most_two_packets_long(after: int) -> None:
    async with bench() as it, it.link() as link:
        it.stage.command(f"cut after {after}" if after else "cut")
        with pytest.raises(LinkLost) as caught:
            await link.write(bytes(2000))
        assert caught.value.reason is Reason.DISCONNECTED
        assert len(it.device.received) == after
        # one packet is in the endpoint's own memory, one was under way
        assert after <= caught.value.sent <= after + 2 * PACKET_BYTES
        assert it.stage.cut


async def test_a_silent_printer_that_is_pulled_is_missed_at_once() -> None:
    async with bench() as it, it.link() as link:
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0.01)
        it.stage.command("cut")
        with pytest.raises(LinkLost, match="disconnected"):
            await asyncio.wait_for(reading, 1)
        for again in (link.read(), link.write(b"x"), link.port_status()):
            with pytest.raises(LinkLost):
                await again


async def test_a_printer_that_came_back_is_the_same_printer() -> None:
    async with bench("A", "B", kernel_driver=True) as it:
        url = parse_link("usb://1209:0002?path=1-1")
        for number in range(3):
            async with it.link(url) as link:
                await link.write(b"%d" % number)
                it.stage.command("cut")
                with pytest.raises(LinkLost):
                    await asyncio.wait_for(link.read(), PATIENCE_S)
            assert (await fails(url, it)).reason is Reason.NOT_PRESENT
            it.stage.command("restore")
        assert it.device.received == b"012"


@pytest.mark.parametrize("stalls", [1, 2, 100])
@pytest.mark.parametrize("direction", ["in", "out"])
async def test_a_stall_is_cleared_once(stalls: int, direction: str) -> None:
    async with bench() as it, it.link() as link:
        await link.write(bytes(100))
        it.stage.command(f"stall {direction} {stalls}")
        if direction == "in":
            it.device.say(b"!")
        exchange: Any = link.read() if direction == "in" else link.write(b"x" * 100)
        if stalls == 1:
            assert await asyncio.wait_for(exchange, PATIENCE_S) in (b"!", None)
            assert it.device.received == bytes(100) + (b"x" * 100 if direction == "out" else b"")
            return
        with pytest.raises(LinkLost, match="refuses every transfer") as caught:
            await asyncio.wait_for(exchange, PATIENCE_S)
        assert (caught.value.reason, caught.value.sent) == (Reason.DISCONNECTED, 0)
        assert it.device.received == bytes(100)


async def test_a_printer_that_takes_nothing_more_is_not_draining() -> None:
    async with bench() as it, it.link(stall_s=0.5) as link:
        await link.write(b"x" * 100)
        it.device.say(b"\x13")  # full: the endpoint has one more packet taken, and then says NAK
        with pytest.raises(LinkLost) as caught:
            await link.write(b"y" * 1000)
        assert (caught.value.reason, caught.value.sent) == (Reason.NOT_DRAINING, PACKET_BYTES)
        it.device.say(b"\x11")
        await link.write(b"z")
        assert it.device.received == b"x" * 100 + b"y" * PACKET_BYTES + b"z"


async def test_a_cancelled_write_ends_with_its_packet() -> None:
    async with bench() as it, it.link() as link:
        it.device.say(b"\x13")
        writing = asyncio.create_task(link.write(b"y" * 1000))
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        it.device.say(b"\x11")
        await link.write(b"z")
        taken = bytes(it.device.received)
        assert taken.endswith(b"z")
        assert set(taken[:-1]) <= {ord("y")}
        assert len(taken) - 1 in (PACKET_BYTES, 2 * PACKET_BYTES)


async def test_close_is_at_once_and_ends_whoever_waits() -> None:
    async with bench(kernel_driver=True) as it:
        link = await open_usb(ANY, it.backend)
        it.device.say(b"\x13")
        waiting = [asyncio.create_task(each) for each in (link.read(), link.write(bytes(1000)))]
        await asyncio.sleep(0.05)
        begun_s = time.monotonic()
        link.close()
        link.close()
        assert time.monotonic() - begun_s < 0.05
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LinkLost, LinkLost]
        await until(lambda: it.backend.opened == 0)
        assert time.monotonic() - begun_s < 1
        assert it.backend.kernel_drivers == {(1, 0)}


async def test_opened_again_right_after_close() -> None:
    async with bench(kernel_driver=True) as it:
        for number in range(5):
            link = await open_usb(ANY, it.backend)
            reading = asyncio.create_task(link.read())
            await link.write(b"%d" % number)
            link.close()
            with pytest.raises(LinkLost):
                await reading
        assert it.device.received == b"01234"
        await until(lambda: it.backend.opened == 0)


async def test_an_opening_that_is_cancelled_keeps_nothing() -> None:
    async with bench(kernel_driver=True) as it:
        for delay_s in (0, 0.001, 0.003, 0.01):
            opening = asyncio.create_task(open_usb(ANY, it.backend))
            await asyncio.sleep(delay_s)
            opening.cancel()
            (outcome,) = await asyncio.gather(opening, return_exceptions=True)
            if isinstance(outcome, UsbLink):
                outcome.close()
        async with it.link() as link:
            await link.write(b"x")
            assert it.device.received == b"x"


async def test_a_one_way_printer_is_missed_when_it_is_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_link, "LIFE_SIGN_S", 0.02)
    monkeypatch.setattr(Recorder, "one_way", True)
    async with bench() as it, it.link() as link:
        await link.write(b"x")
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0.1)
        assert not reading.done()
        it.stage.command("cut")
        with pytest.raises(LinkLost):
            await asyncio.wait_for(reading, 1)


async def test_where_there_is_no_usb_nothing_is_present() -> None:
    with pytest.raises(DeviceError) as caught:
        await open_usb(parse_link("usb://1209:0010"))
    assert caught.value.reason is Reason.NOT_PRESENT


@pytest.mark.parametrize("missing", ["usb", "usb.core"])
def test_without_pyusb_the_extra_is_named(missing: str) -> None:
    code = (
        "import sys, asyncio\n"
        f"sys.modules[{missing!r}] = None\n"
        "from drivers.link.url import parse_link\n"
        "from drivers.link.catalog import SCHEMES\n"
        "from drivers.device import DeviceError\n"
        "try: asyncio.run(SCHEMES['usb'][0](parse_link('usb://1209:0002')))\n"
        "except DeviceError as error: print(error.reason, error.detail)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('unsupported usb links need pyusb: pip install "kioskd[usb]"')


def test_pyusb_is_loaded_when_it_is_needed() -> None:
    code = "import sys, drivers.link.catalog, simulators.cli; print([m for m in sys.modules if m[:3] == 'usb'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""USB printer links against simulated devices over USB/IP: bytes both ways, and which device is meant."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.device import DeviceError, Reason
from drivers.link import usb_link
from drivers.link.url import parse_link
from drivers.link.usb import open_usb
from drivers.link.usb_class import PortStatus, decode_device_id, decode_port_status
from simulators.usb_function import PrinterInterface
from tests.usb_rig import ANY, PATIENCE_S, bench, fails


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

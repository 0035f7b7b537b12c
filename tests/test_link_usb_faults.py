"""USB printer links against simulated devices over USB/IP: pulled, stalled, deaf, and without pyusb."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import pytest

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link import usb_link
from drivers.link.url import parse_link
from drivers.link.usb import open_usb
from drivers.link.usb_link import UsbLink
from tests.usb_rig import ANY, PACKET_BYTES, PATIENCE_S, ROOT, Recorder, bench, fails, until


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

"""Simulated devices served over USB/IP, as the usbip library's own host and a pyusb host see them."""

from __future__ import annotations

import asyncio
import errno
import json
import random
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import usb.core
import usb.util
import usbip
from evdev import ecodes
from hypothesis import given
from hypothesis import strategies as st
from usbip.classes.host.hid import HIDDriver
from usbip.host import list_devices

from drivers.panel.keypad_protocol import DEFAULT_KEYS, KEY_CODES
from simulators import usbip_protocol as protocol
from simulators.boot_keyboard import MODIFIERS, ROLL_OVER, USAGES, BootKeyboard
from simulators.device import CommandError
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.keypad import KeypadSimulator, key_report
from simulators.stage import Stage
from simulators.usbip_endpoint import MAX_CONNECTIONS, UsbIpEndpoint
from simulators.usbip_protocol import MAX_TRANSFER_BYTES, ImportDevice, ListDevices, Submit, Unlink, UsbIpError
from tests.usbip_backend import COMMAND, UsbIpBackend

PATIENCE_S = 5.0
LIST = bytes.fromhex("0111 8005 00000000")
IMPORT = bytes.fromhex("0111 8003 00000000") + b"1-1".ljust(32, b"\0")

UP, DOWN, REPEAT = 0, 1, 2


@asynccontextmanager
async def served(simulator: Any, serial: str = "") -> AsyncIterator[tuple[Stage, usbip.USBIP]]:
    """A simulated device on a port of its own, and the library's way there."""
    endpoint = UsbIpEndpoint(port=0, serial=serial)
    async with Stage(simulator, endpoint) as stage:
        yield stage, usbip.USBIP("127.0.0.1", endpoint.port)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.002)


def connect(way: usbip.USBIP) -> socket.socket:
    return socket.create_connection((way.host, way.port), PATIENCE_S)


async def exchange(way: usbip.USBIP, sent: bytes) -> bytes:
    """Everything that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection(way.host, way.port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        return b""  # hung up on before it had read everything
    finally:
        writer.close()


# The library's own host


async def test_the_library_s_host_prints_and_asks() -> None:
    printer = EscposPrinterSimulator(mm_per_s=None)

    def host(way: usbip.USBIP) -> None:
        (found,) = list_devices(way)
        assert (found["idVendor"], found["idProduct"], found["busid"]) == (0x1209, 0x0002, "1-1")
        assert found["interfaces"] == [(7, 1, 2)]
        with usbip.open(0x1209, 0x0002, transport=way) as handle:
            assert handle.control(0xA1, 1, 0, 0, 1) == b"\x18"
            assert handle.bulk_out(0x01, b"A012\n\x10\x04\x01") == 8
            assert handle.bulk_in(0x82, 64) == b"\x12"
            assert handle.control(0x21, 2, 0, 0, b"") == 0
            with pytest.raises(usbip.Stall):
                handle.control(0xA1, 9, 0, 0, 1)
            with pytest.raises(usbip.Stall):
                handle.bulk_in(0x83, 64)

    async with served(printer) as (stage, way):
        await asyncio.to_thread(host, way)
        assert printer.printed_text() == "A012"
        await until(lambda: stage.endpoint.attached is None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "status"),
    [("paper-end", 0x28), ("cover-open", 0x08), ("cutter-error", 0x00), ("paper-near-end", 0x18)],
)
async def test_the_port_status_is_the_printer_s(command: str, status: int) -> None:
    def ask(way: usbip.USBIP) -> int:
        with usbip.open(transport=way) as handle:
            answer: bytes = handle.control(0xA1, 1, 0, 0, 1)
            return answer[0]

    async with served(EscposPrinterSimulator()) as (stage, way):
        assert await asyncio.to_thread(ask, way) == 0x18
        stage.command(command)
        assert await asyncio.to_thread(ask, way) == status


async def test_one_host_has_the_device_and_others_may_look() -> None:
    async with served(EscposPrinterSimulator()) as (_, way):
        with connect(way) as first:
            first.sendall(IMPORT)
            assert len(await asyncio.to_thread(first.recv, 1000)) == 8 + 312
            assert len(list_busids(await exchange_list(way))) == 1
            with connect(way) as second:
                second.sendall(IMPORT)
                assert await asyncio.to_thread(second.recv, 1000) == bytes.fromhex("0111 0003 00000002")
        with connect(way) as third:
            third.sendall(IMPORT.replace(b"1-1", b"9-9"))
            assert await asyncio.to_thread(third.recv, 1000) == bytes.fromhex("0111 0003 00000004")


async def exchange_list(way: usbip.USBIP) -> list[Any]:
    found: list[Any] = await asyncio.to_thread(list_devices, way)
    return found


def list_busids(found: list[Any]) -> list[str]:
    return [each["busid"] for each in found]


# kioskd simulate


async def test_kioskd_simulate_serves_a_device_and_says_how_to_attach_it() -> None:
    def print_on(port: int) -> bytes:
        with usbip.open(0x1209, 0x0002, transport=usbip.USBIP("127.0.0.1", port)) as handle:
            handle.bulk_out(0x01, b"A012\n\x10\x04\x01")
            answer: bytes = handle.bulk_in(0x82, 64)
            return answer

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "simulate", "escpos", "--usbip", "0", "--json", "--until-eof",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    serving = json.loads(await asyncio.wait_for(process.stdout.readline(), 2 * PATIENCE_S))
    port = int(re.fullmatch(r"usbip --tcp-port (\d+) attach -r 127.0.0.1 -b 1-1", serving["first"])[1])  # type: ignore[index]
    assert serving["link"] == f"usb://1209:0002?serial=SIM{port}"
    assert await asyncio.to_thread(print_on, port) == b"\x12"
    process.stdin.close()
    out, _ = await asyncio.wait_for(process.communicate(), 2 * PATIENCE_S)
    assert process.returncode == 0
    assert b'"A012"' in out


@pytest.mark.parametrize("kind", ["bx", "modem"])
async def test_only_what_is_a_usb_device_is_served_as_one(kind: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "simulate", kind, "--usbip", "0",
        stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    _, err = await asyncio.wait_for(process.communicate(), 2 * PATIENCE_S)
    assert process.returncode == 2
    assert b"--usbip" in err


# What is no USB/IP


@pytest.mark.parametrize(
    "sent",
    [
        bytes(100),
        b"GET / HTTP/1.1\r\n\r\n",
        random.Random(3).randbytes(100_000),
        IMPORT + bytes(48),
        IMPORT + COMMAND.pack(1, 1, 0, 0, 1, 0, MAX_TRANSFER_BYTES + 1, 0, 0, 0, bytes(8)),
        IMPORT + COMMAND.pack(1, 1, 0, 0, 1, 0, -1, 0, 0, 0, bytes(8)),
        IMPORT + COMMAND.pack(1, 1, 0, 2, 1, 0, 1, 0, 0, 0, bytes(8)),
        IMPORT + COMMAND.pack(1, 1, 0, 1, 2, 0, 64, 0, 0, 0, bytes(8)) * 300,
    ],
    ids=["zeros", "http", "noise", "command-0", "too-long", "negative", "direction", "too-many"],
)
async def test_what_is_no_usb_ip_is_hung_up_on_and_the_device_is_there_for_the_next(sent: bytes) -> None:
    async with served(EscposPrinterSimulator()) as (stage, way):
        answer = await exchange(way, sent)
        assert len(answer) in (0, 8 + 312)
        assert stage.endpoint.attached is None  # type: ignore[attr-defined]
        assert len(await exchange_list(way)) == 1


async def test_connections_are_bounded() -> None:
    async with served(EscposPrinterSimulator()) as (_, way):
        idle = [await asyncio.open_connection(way.host, way.port) for _ in range(MAX_CONNECTIONS)]
        try:
            assert await exchange(way, b"") == b""
        finally:
            for _, writer in idle:
                writer.close()
        while not (answer := await exchange(way, LIST + bytes(8))):
            await asyncio.sleep(0.002)
        assert answer[:12].hex() == "011100050000000000000001"


@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.binary(max_size=200), st.binary(max_size=60))
def test_requests_are_read_whole_byte_by_byte_and_with_more_behind(
    number: int, endpoint: int, data: bytes, more: bytes
) -> None:
    out = COMMAND.pack(1, number, 65538, 0, endpoint, 0, len(data), 0, 0, 0, b"12345678") + data
    into = COMMAND.pack(1, number, 65538, 1, endpoint, 0, 512, 0, 0, 0, b"12345678")
    unlink = COMMAND.pack(2, number, 65538, 0, 0, 77, 0, 0, 0, 0, bytes(8))
    expected = [
        Submit(number, endpoint, len(data), b"12345678", data),
        Submit(number, 0x80 | endpoint, 512, b"12345678", b""),
        Unlink(number, 77),
    ]
    buffer = bytearray(out + into + unlink + more[:47])
    assert [protocol.take_command(buffer) for _ in range(4)] == [*expected, None]
    assert buffer == more[:47]
    buffer, found = bytearray(), []
    for byte in out + into + unlink:
        buffer.append(byte)
        if command := protocol.take_command(buffer):
            found.append(command)
    assert found == expected


def test_operations_are_read_byte_by_byte() -> None:
    for whole, expected in ((LIST, ListDevices()), (IMPORT, ImportDevice("1-1"))):
        buffer = bytearray()
        for byte in whole[:-1]:
            buffer.append(byte)
            assert protocol.take_operation(buffer) is None
        buffer += whole[-1:] + b"more"
        assert protocol.take_operation(buffer) == expected
        assert buffer == b"more"
    with pytest.raises(UsbIpError):
        protocol.take_operation(bytearray(b"\x01\x06" + LIST[2:]))


def test_answers_are_those_of_the_kernel_s_document() -> None:
    submit = Submit(0xD05, 0x82, 8, bytes(8), b"")
    header = (protocol.encode_submitted(submit, 0, b"abc"))[:-3]
    assert struct.unpack(">12I", header) == (3, 0xD05, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0)
    stalled = protocol.encode_submitted(Submit(1, 0x01, 2, bytes(8), b"xx"), protocol.STALLED)
    assert struct.unpack_from(">ii", stalled, 20) == (-errno.EPIPE, 0)
    assert struct.unpack_from(">IIIIIi", protocol.encode_unlinked(Unlink(9, 5), in_time=True)) == (4, 9, 0, 0, 0, -104)
    assert struct.unpack_from(">IIIIIi", protocol.encode_unlinked(Unlink(9, 5), in_time=False)) == (4, 9, 0, 0, 0, 0)


async def test_a_soft_reset_empties_every_buffer() -> None:
    def host(way: usbip.USBIP) -> None:
        with usbip.open(transport=way) as handle:
            handle.bulk_out(0x01, b"never printed\x10\x04\x01")
            handle.control(0x23, 2, 0, 0, b"")  # as Linux asks for it; the specification has 0x21
            handle.bulk_out(0x01, b"A012\n\x10\x04\x02")
            assert handle.bulk_in(0x82, 64) == b"\x12"

    printer = EscposPrinterSimulator(mm_per_s=None)
    async with served(printer) as (_, way):
        await asyncio.to_thread(host, way)
        assert printer.printed_text() == "A012"


@asynccontextmanager
async def with_host(simulator: Any) -> AsyncIterator[tuple[Stage, Any]]:
    """A simulated device, and the pyusb device that a host sees."""
    async with served(simulator, "K1") as (stage, way):
        backend = UsbIpBackend((way.host, way.port))
        device = await asyncio.to_thread(usb.core.find, backend=backend, idVendor=0x1209)
        try:
            yield stage, device
        finally:
            await asyncio.to_thread(usb.util.dispose_resources, device)
            await asyncio.to_thread(backend.detach_all)


async def test_resets_leave_no_transfer_behind() -> None:
    async with with_host(EscposPrinterSimulator()) as (_, device):
        reading = asyncio.create_task(asyncio.to_thread(device.read, 0x82, 64, 5000))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(device.ctrl_transfer, 0x21, 2, 0, 0, b"")  # SOFT_RESET: who waits goes on waiting
        await asyncio.to_thread(device.write, 0x01, b"\x10\x04\x01", 1000)
        assert bytes(await reading) == b"\x12"
        reading = asyncio.create_task(asyncio.to_thread(device.read, 0x82, 64, 5000))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(device.ctrl_transfer, 0x00, 9, 1, 0, b"")  # SET_CONFIGURATION: everything ends
        with pytest.raises(usb.core.USBError) as caught:
            await reading
        assert caught.value.errno == errno.ESHUTDOWN


# Keypads


async def test_a_keypad_is_a_boot_keyboard() -> None:
    def look(device: Any) -> None:
        interface = device[0][0, 0]
        assert (interface.bInterfaceClass, interface.bInterfaceSubClass, interface.bInterfaceProtocol) == (3, 1, 1)
        (endpoint,) = interface
        assert (endpoint.bEndpointAddress, endpoint.bmAttributes, endpoint.wMaxPacketSize) == (0x81, 3, 8)
        assert list(interface.extra_descriptors[:2]) == [9, 0x21]
        length = interface.extra_descriptors[7] | interface.extra_descriptors[8] << 8
        described = bytes(device.ctrl_transfer(0x81, 6, 0x2200, 0, 255))
        assert len(described) == length
        assert described[:4] == b"\x05\x01\x09\x06"  # generic desktop, keyboard
        assert device.ctrl_transfer(0x21, 0x0A, 0, 0, b"") == 0  # SET_IDLE
        assert device.ctrl_transfer(0x21, 0x09, 0x0200, 0, b"\x01") == 1  # SET_REPORT: NumLock
        assert bytes(device.ctrl_transfer(0xA1, 0x03, 0, 0, 1)) == b"\x01"  # GET_PROTOCOL
        assert (device.manufacturer, device.product, device.serial_number) == ("kioskd", "simulated keypad", "K1")

    async with with_host(KeypadSimulator(hold_s=0.01)) as (stage, device):
        await asyncio.to_thread(look, device)
        assert stage.endpoint.url == "evdev:///dev/input/by-id/usb-kioskd_simulated_keypad_K1-event-kbd"


@pytest.mark.parametrize("key", DEFAULT_KEYS)
async def test_a_press_is_a_report_down_and_a_report_up(key: str) -> None:
    async with with_host(KeypadSimulator(hold_s=0.01)) as (stage, device):
        reading = asyncio.create_task(asyncio.to_thread(device.read, 0x81, 8, 5000))
        stage.command(f"press {key}")
        down = bytes(await reading)
        up = bytes(await asyncio.to_thread(device.read, 0x81, 8, 5000))
        assert down == bytes((0, 0, USAGES[KEY_CODES[key]], 0, 0, 0, 0, 0))
        assert up == bytes(8)


async def test_a_stuck_key_is_told_once_and_asked_for_at_any_time() -> None:
    async with with_host(KeypadSimulator(hold_s=0.01)) as (stage, device):
        stage.command("stuck KEY_1")
        assert bytes(await asyncio.to_thread(device.read, 0x81, 8, 5000))[2] == 0x1E
        with pytest.raises(usb.core.USBTimeoutError):
            await asyncio.to_thread(device.read, 0x81, 8, 400)  # longer than the kernel's delay before it repeats
        assert bytes(await asyncio.to_thread(device.ctrl_transfer, 0xA1, 1, 0x0100, 0, 8))[2] == 0x1E


async def test_a_key_that_is_held_when_the_keypad_is_plugged_in_is_told() -> None:
    def read(way: usbip.USBIP) -> bytes:
        with HIDDriver(usbip.open(0x1209, 0x0001, transport=way)) as host:
            report: bytes = host.read_report()
            return report

    async with served(KeypadSimulator()) as (stage, way):
        stage.command("cut")
        stage.command("stuck KEY_2")
        stage.command("restore")
        assert await asyncio.to_thread(read, way) == bytes((0, 0, USAGES[KEY_CODES["KEY_2"]], 0, 0, 0, 0, 0))


async def test_two_equal_keypads_on_different_ports() -> None:
    async with (
        served(KeypadSimulator(hold_s=0.01)) as (one, one_way),
        served(KeypadSimulator(hold_s=0.01)) as (two, two_way),
    ):

        def read(way: usbip.USBIP) -> bytes:
            with HIDDriver(usbip.open(0x1209, 0x0001, transport=way)) as host:
                attached.append(way)
                report: bytes = host.read_report()
                return report

        attached: list[usbip.USBIP] = []
        reading = [asyncio.create_task(asyncio.to_thread(read, way)) for way in (one_way, two_way)]
        await until(lambda: len(attached) == 2)
        one.command("press KEY_1")
        two.command("press KEY_5")
        assert [report[2] for report in await asyncio.gather(*reading)] == [0x1E, 0x22]
        assert one.endpoint.url != two.endpoint.url


def test_usages_are_the_kernel_s() -> None:
    """As in drivers/hid/hid-input.c, hid_keyboard[]: usage → key code, for a sample of every run."""
    kernel = {
        0x04: "KEY_A", 0x1D: "KEY_Z", 0x1E: "KEY_1", 0x27: "KEY_0", 0x28: "KEY_ENTER", 0x29: "KEY_ESC",
        0x2C: "KEY_SPACE", 0x2D: "KEY_MINUS", 0x31: "KEY_BACKSLASH", 0x33: "KEY_SEMICOLON", 0x38: "KEY_SLASH",
        0x39: "KEY_CAPSLOCK", 0x3A: "KEY_F1", 0x45: "KEY_F12", 0x46: "KEY_SYSRQ", 0x47: "KEY_SCROLLLOCK",
        0x49: "KEY_INSERT",
        0x4C: "KEY_DELETE", 0x4F: "KEY_RIGHT", 0x52: "KEY_UP", 0x53: "KEY_NUMLOCK", 0x54: "KEY_KPSLASH",
        0x58: "KEY_KPENTER", 0x59: "KEY_KP1", 0x61: "KEY_KP9", 0x62: "KEY_KP0", 0x63: "KEY_KPDOT",
    }  # fmt: skip
    found = {usage: code for code, usage in USAGES.items()}
    assert {usage: found[usage] for usage in kernel} == {usage: ecodes.ecodes[name] for usage, name in kernel.items()}
    assert len(found) == len(USAGES) == 94
    assert set(USAGES.values()) == {*range(0x04, 0x64)} - {0x32, 0x48}
    assert {key for key in DEFAULT_KEYS if KEY_CODES[key] not in USAGES} == set()


def reports(keyboard: BootKeyboard, *moves: tuple[str, int]) -> list[bytes]:
    return [report for key, value in moves for report in keyboard.feed(key_report(KEY_CODES[key], value, 0))]


def test_reports_by_the_book() -> None:
    keyboard = BootKeyboard()
    assert [
        report.hex() for report in reports(keyboard, ("KEY_LEFTSHIFT", DOWN), ("KEY_A", DOWN), ("KEY_A", REPEAT))
    ] == [
        "0200000000000000",
        "0200040000000000",
    ]
    seven = [(f"KEY_{digit}", DOWN) for digit in range(1, 7)]
    assert reports(keyboard, *seven)[-1] == bytes((2, 0, *[ROLL_OVER] * 6))
    assert reports(keyboard, ("KEY_A", UP))[-1].hex() == "02001e1f20212223"
    assert list(keyboard.feed(b"\x01" * 23)) == []
    with pytest.raises(CommandError, match="has no KEY_F13"):
        reports(keyboard, ("KEY_F13", DOWN))


@given(st.lists(st.tuples(st.sampled_from(sorted([*USAGES, *MODIFIERS])), st.sampled_from([UP, DOWN, REPEAT]))))
def test_any_moves_leave_the_keys_that_are_down(moves: list[tuple[int, int]]) -> None:
    keyboard, down = BootKeyboard(), set[int]()
    for code, value in moves:
        list(keyboard.feed(key_report(code, value, 0)))
        if value != REPEAT:
            (down.add if value == DOWN else down.discard)(code)
    usages = {USAGES[code] for code in down if code in USAGES}
    report = keyboard.report()
    assert len(report) == 8
    assert report[0] == sum(MODIFIERS.get(code, 0) for code in down)
    assert set(report[2:]) - {0} == ({ROLL_OVER} if len(usages) > 6 else usages)

"""``file://`` links: which nodes are taken, and the line itself over a socket pair, as no printer driver is here."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.file import FileLink, open_file
from drivers.link.url import parse_link

STALL_S = 0.1
DEADLINE_S = 5.0


async def reason_for(path: str) -> tuple[Reason, str]:
    with pytest.raises(DeviceError) as caught:
        await open_file(parse_link(f"file://{path}"))
    return caught.value.reason, caught.value.detail


async def test_what_cannot_be_a_link_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (await reason_for(str(tmp_path / "lp0")))[0] is Reason.NOT_PRESENT
    assert (await reason_for(str(tmp_path)))[0] is Reason.WRONG_DEVICE
    assert (await reason_for(str(tmp_path / "file" / "lp0")))[0] is Reason.WRONG_DEVICE
    reason, detail = await reason_for(str(tmp_path / "file"))
    assert (reason, "no character device" in detail) == (Reason.WRONG_DEVICE, True)
    reason, detail = await reason_for("/dev/null")
    assert (reason, "cannot say when" in detail) == (Reason.WRONG_DEVICE, True)


async def test_a_serial_port_belongs_to_another_link() -> None:
    ours, theirs = pty.openpty()
    try:
        reason, detail = await reason_for(os.ttyname(theirs))
        assert (reason, "serial://" in detail) == (Reason.WRONG_DEVICE, True)
    finally:
        os.close(ours)
        os.close(theirs)


async def test_a_character_device_is_read_and_written() -> None:
    link = await open_file(parse_link("file:///dev/random"))
    try:
        await link.write(b"anything")
        assert len(await asyncio.wait_for(link.read(), DEADLINE_S)) > 0
    finally:
        link.close()
    for again in (link.read(), link.write(b"x"), link.drain()):
        with pytest.raises(LinkLost):
            await again


@pytest.fixture
async def line() -> AsyncIterator[tuple[FileLink, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    link = FileLink(ours.fileno(), ours.close, stall_s=STALL_S)
    yield link, theirs
    link.close()
    theirs.close()


async def test_bytes_both_ways(line: tuple[FileLink, socket.socket]) -> None:
    link, device = line
    await link.write(b"ticket")
    await link.drain()
    assert device.recv(100) == b"ticket"
    device.send(b"\x12")
    assert await asyncio.wait_for(link.read(), DEADLINE_S) == b"\x12"


async def test_reading_nothing_is_no_end(line: tuple[FileLink, socket.socket]) -> None:
    link, device = line
    device.shutdown(socket.SHUT_WR)  # from here on every read gives nothing, as from usblp's silent printers
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0.2)
    assert not reading.done()
    await link.write(b"still")
    assert device.recv(100) == b"still"
    link.close()
    with pytest.raises(LinkLost):
        await asyncio.wait_for(reading, DEADLINE_S)


async def test_a_device_that_takes_no_more_is_not_draining(line: tuple[FileLink, socket.socket]) -> None:
    link, device = line
    with pytest.raises(LinkLost) as caught:
        await link.write(bytes(10_000_000))
    assert caught.value.reason is Reason.NOT_DRAINING
    with pytest.raises(LinkLost, match="no byte taken"):
        await link.drain()
    device.setblocking(False)
    taken = 0
    while True:
        try:
            taken += len(device.recv(1 << 20))
        except BlockingIOError:
            break
    assert taken == caught.value.sent


async def test_a_pulled_device_is_lost(line: tuple[FileLink, socket.socket]) -> None:
    link, device = line
    device.close()
    with pytest.raises(LinkLost) as caught:
        await link.write(b"x")
    assert (caught.value.reason, caught.value.sent) == (Reason.DISCONNECTED, 0)

"""The stage: simulators at the far end of real ptys, TCP ports and Unix sockets, with the line's faults."""

from __future__ import annotations

import asyncio
import random
import socket
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from simulators.catalog import SIMULATORS, make_simulator
from simulators.device import Command, CommandError, Wire
from simulators.line import FaultyLine
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint
from simulators.unix_endpoint import UnixEndpoint
from simulators.wire import MAX_UNSENT_BYTES

DEADLINE_S = 5.0


class EchoSimulator:
    """A device that answers every message with the same bytes."""

    KIND: ClassVar[str] = "test"
    DOES_NOT_IMITATE: ClassVar[str] = "anything"

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.wire: Wire | None = None
        self.hosts = 0
        self.received = bytearray()
        self.closed = False

    def attach(self, wire: Wire) -> None:
        self.hosts += 1
        self.wire = wire

    def detach(self) -> None:
        self.hosts -= 1
        self.wire = None

    def receive(self, data: bytes) -> None:
        self.received += data
        if self.wire is not None:
            self.wire.send(data)

    def close(self) -> None:
        self.closed = True

    @property
    def commands(self) -> Mapping[str, Command]:
        return {"say": Command(lambda words: self.receive(words[0].encode()), "send a word", "WORD")}

    def state(self) -> Mapping[str, Any]:
        return {"received": len(self.received)}


async def open_link(url: str) -> DescriptorLink:
    link = parse_link(url)
    return await (open_serial(link) if link.scheme == "serial" else open_tcp(link))


async def read_exactly(link: DescriptorLink, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(DEADLINE_S):
        while len(data) < size:
            data += await link.read()
    return data


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_host_talks_to_the_device(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    async with Stage(simulator, endpoint):
        link = await open_link(endpoint.url)
        await link.write(bytes(range(256)))
        assert await read_exactly(link, 256) == bytes(range(256))
        link.close()
    assert simulator.closed
    assert simulator.hosts == 0


async def test_cutting_the_cable_ends_the_link_and_restoring_it_brings_back_the_same_place(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    async with Stage(simulator, endpoint) as stage:
        url = endpoint.url
        link = await open_link(url)
        await link.write(b"1")
        await read_exactly(link, 1)
        stage.command("cut")
        with pytest.raises(LinkLost) as caught:
            await link.read()
        assert caught.value.reason is Reason.DISCONNECTED
        link.close()
        with pytest.raises(DeviceError) as refused:
            await open_link(url)
        assert refused.value.reason in (Reason.NOT_PRESENT, Reason.REFUSED)
        assert simulator.hosts == 0
        stage.command("cut")  # a second pull changes nothing
        stage.command("restore")
        assert endpoint.url == url
        again = await open_link(url)
        await again.write(b"2")
        assert await read_exactly(again, 1) == b"2"
        again.close()


async def test_a_host_may_come_and_go(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    async with Stage(simulator, endpoint):
        for number in range(5):
            link = await open_link(endpoint.url)
            await link.write(bytes([number]))
            assert await read_exactly(link, 1) == bytes([number])
            link.close()


async def test_a_newer_tcp_host_takes_the_place_of_the_older() -> None:
    simulator = EchoSimulator()
    endpoint = TcpEndpoint()
    async with Stage(simulator, endpoint):
        older = await open_link(endpoint.url)
        await until(lambda: simulator.hosts == 1)
        newer = await open_link(endpoint.url)
        with pytest.raises(LinkLost):
            await older.read()
        await newer.write(b"x")
        assert await read_exactly(newer, 1) == b"x"
        assert simulator.hosts == 1
        older.close()
        newer.close()


async def test_the_symlink_of_a_killed_stage_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    place = tmp_path / "device"
    place.symlink_to("/dev/pts/gone")
    descriptors = _open_descriptors()
    async with Stage(EchoSimulator(), PtyEndpoint(place)):
        (await open_link(f"serial://{place}")).close()
    assert not place.is_symlink()
    place.write_text("precious")
    with pytest.raises(FileExistsError):
        await Stage(EchoSimulator(), PtyEndpoint(place)).__aenter__()
    assert place.read_text() == "precious"
    await until(lambda: _open_descriptors() == descriptors)


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_unix_socket_left_behind_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    place = tmp_path / "keys"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(place))
    simulator = EchoSimulator()
    async with Stage(simulator, UnixEndpoint(place)) as stage:
        with socket.socket(socket.AF_UNIX) as host:
            host.connect(str(place))
            await until(lambda: simulator.hosts == 1)
            stage.command("say hello")
            assert host.recv(16) == b"hello"
            stage.command("cut")
            assert host.recv(16) == b""
        assert not place.exists()
        stage.command("restore")
        assert place.is_socket()
    assert not place.exists()
    place.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        await Stage(EchoSimulator(), UnixEndpoint(place)).__aenter__()
    assert place.read_text() == "precious"


async def test_half_lets_half_of_one_answer_through(endpoint: Endpoint) -> None:
    async with Stage(EchoSimulator(), endpoint) as stage:
        link = await open_link(endpoint.url)
        stage.command("half")
        assert stage.line.faults == ["half"]
        await link.write(b"abcdef")
        assert await read_exactly(link, 3) == b"abc"
        await link.write(b"ghi")
        assert await read_exactly(link, 3) == b"ghi"
        assert stage.line.faults == []
        link.close()


async def test_garbage_takes_the_place_of_one_answer(endpoint: Endpoint) -> None:
    stage = Stage(EchoSimulator(), endpoint)
    stage.line = FaultyLine(stage.simulator.receive, random.Random(1))
    async with stage:
        link = await open_link(endpoint.url)
        stage.command("garbage-next")
        await link.write(b"abcdef")
        assert await read_exactly(link, 6) == random.Random(1).randbytes(6)
        await link.write(b"ghi")
        assert await read_exactly(link, 3) == b"ghi"
        link.close()


async def test_noise_comes_at_once(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    stage = Stage(simulator, endpoint)
    stage.line = FaultyLine(simulator.receive, random.Random(2))
    async with stage:
        link = await open_link(endpoint.url)
        await until(lambda: simulator.hosts == 1)
        stage.command("noise 1000")
        assert await read_exactly(link, 1000) == random.Random(2).randbytes(1000)
        link.close()


class WatchedLine(FaultyLine):
    """A line that says what came over it, heard or not."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        super().__init__(receive)
        self.seen = bytearray()

    def receive(self, data: bytes) -> None:
        self.seen += data
        super().receive(data)


async def test_a_silent_device_hears_and_a_deaf_one_does_not(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    stage = Stage(simulator, endpoint)
    stage.line = line = WatchedLine(simulator.receive)
    async with stage:
        link = await open_link(endpoint.url)
        stage.command("silent")
        await link.write(b"heard")
        await until(lambda: simulator.received == b"heard")
        stage.command("deaf")
        await link.write(b"unheard")
        stage.command("silent off")
        assert stage.line.faults == ["deaf"]
        await until(lambda: line.seen == b"heardunheard")
        stage.command("deaf off")
        await link.write(b"again")
        assert await read_exactly(link, 5) == b"again"
        assert simulator.received == b"heardagain"
        link.close()


async def test_a_paced_line_takes_bytes_at_its_rate(tmp_path: Path) -> None:
    baud = 38_400
    simulator = EchoSimulator()
    endpoint = PtyEndpoint(tmp_path / "device", baud=baud)
    async with Stage(simulator, endpoint) as stage:
        stage.command("silent")
        link = await open_link(endpoint.url)
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        await link.write(bytes(2000))
        await until(lambda: len(simulator.received) == 2000)
        wire_s = 2000 * 10 / baud
        assert 0.95 * wire_s < loop.time() - start_s < 1.1 * wire_s + 0.1
        link.close()


async def test_a_host_that_never_reads_does_not_fill_the_memory(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    async with Stage(simulator, endpoint) as stage:
        link = await open_link(endpoint.url)
        await until(lambda: simulator.hosts == 1)
        tracemalloc.start()
        try:
            for _ in range(40):
                stage.command("noise 1000000")
            grown = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert grown < 2 * MAX_UNSENT_BYTES
        link.close()


async def test_a_command_that_is_not_known_names_those_that_are(endpoint: Endpoint) -> None:
    async with Stage(EchoSimulator(), endpoint) as stage:
        for text in ("", "explode", "silent maybe", "noise 0", "noise many", "noise 1000001"):
            with pytest.raises(CommandError):
                stage.command(text)
        with pytest.raises(CommandError, match="known: cut, deaf, garbage-next, half, noise, restore, say, silent"):
            stage.command("explode")


async def test_commands_show_on_the_page(endpoint: Endpoint) -> None:
    simulator = EchoSimulator()
    changes: list[None] = []
    simulator.changed = lambda: changes.append(None)
    async with Stage(simulator, endpoint) as stage:
        stage.command("silent")
    assert changes


def test_the_keypad_and_the_serial_panel_are_in_the_catalogue() -> None:
    for name in ("keypad", "centerm"):
        assert name in SIMULATORS
        assert make_simulator(name).KIND == "panel"

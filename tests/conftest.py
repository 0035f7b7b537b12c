"""What several tests need: a real mosquitto that can be killed, and a listener that hears what reaches subscribers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from simulators.stage import Endpoint, PtyEndpoint, TcpEndpoint

pytest_plugins = ["tests.browser_rig"]

START_S = 10.0


def pytest_configure() -> None:
    """What a shell starts in the background may ignore SIGINT, and hand that on to every process of a test."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def mosquitto_path() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A mosquitto of its own, on one port for its whole life. `config` may be changed before the next `start`."""

    host = "127.0.0.1"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        # By default a broker drops what exceeds 1000 messages for a slow subscriber.
        self.config = "allow_anonymous true\nmax_queued_messages 100000\n"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it accepts connections."""
        file = self.directory / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""  # else it would give up its right to read its own files
        file.write_text(f"listener {self.port} {self.host}\n{user}{self.config}", encoding="utf-8")
        path = mosquitto_path()
        assert path is not None
        with (self.directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([path, "-c", str(file)], stderr=log, stdout=log)
        self._wait_until_open()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running broker."""
        assert self._process is not None
        return self._process

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except ConnectionRefusedError:
                assert self._process is not None
                assert self._process.poll() is None, (self.directory / "mosquitto.log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "mosquitto does not listen"
                time.sleep(0.005)
            else:
                return

    def stop(self) -> None:
        """Stop in order: mosquitto tells its clients, and stores what it stores."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_S)
            self._process = None

    def kill(self) -> None:
        """As when the machine loses power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a subscriber got it."""

    topic: str
    payload: bytes
    retain: bool
    properties: Any


class Listener:
    """A plain paho subscriber, independent of the code under test. It connects again by itself."""

    def __init__(self, host: str, port: int, *, topic: str = "#", v5: bool = True, qos: int = 1) -> None:
        self.messages: list[Heard] = []
        self._topic = topic
        self._subscribed = threading.Event()
        protocol = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, "", protocol=protocol)
        self._client.reconnect_delay_set(0.05, 0.1)  # type: ignore[arg-type]
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_connect = lambda client, *_: client.subscribe(self._topic, qos)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        self._client.loop_start()
        assert self._subscribed.wait(START_S), "no SUBACK"

    def _on_message(self, _client: Client, _: object, message: MQTTMessage) -> None:
        heard = Heard(message.topic, bytes(message.payload), bool(message.retain), message.properties)
        self.messages.append(heard)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, properties: Any = None
    ) -> None:
        """Publish, and return when the broker has it."""
        self._client.publish(topic, payload, qos, retain, properties).wait_for_publish(START_S)

    def on(self, topic: str) -> list[bytes]:
        """The payloads heard on `topic`, in order."""
        return [heard.payload for heard in list(self.messages) if heard.topic == topic]

    @property
    def subscribed(self) -> bool:
        """Whether it hears what is published now."""
        return self._subscribed.is_set()

    def close(self) -> None:
        """Disconnect and end paho's thread."""
        self._client.disconnect()
        self._client.loop_stop()


class Cutter:
    """A TCP proxy before a broker that can abort both sides of every connection, and let none in."""

    host = "127.0.0.1"

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.refuse = False

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refuse:
                raise ConnectionRefusedError
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        sides = {writer, far_writer}
        self._writers |= sides
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            self._writers -= sides
            for side in sides:
                side.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    def cut(self) -> None:
        """Abort everything that is connected."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        """Cut everything, and wait until it is gone."""
        self.cut()
        await asyncio.gather(*self._tasks)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto that has not been started."""
    if mosquitto_path() is None:
        pytest.skip("mosquitto is not installed")
    process = Mosquitto(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    """A running mosquitto that keeps nothing on disk."""
    mosquitto.start()
    return mosquitto


Listen = Callable[..., Listener]


@pytest.fixture
def listen(mosquitto: Mosquitto) -> Iterator[Listen]:
    """Makes listeners on the test's mosquitto: ``listen("event/#", v5=False)``."""
    listeners: list[Listener] = []

    def make(topic: str = "#", **options: Any) -> Listener:
        listener = Listener(mosquitto.host, mosquitto.port, topic=topic, **options)
        listeners.append(listener)
        return listener

    yield make
    for listener in listeners:
        listener.close()


@pytest.fixture
async def cutter(mosquitto: Mosquitto) -> AsyncIterator[Cutter]:
    """A proxy before the test's mosquitto, which need not run yet."""
    proxy = Cutter(mosquitto.host, mosquitto.port)
    server = await asyncio.start_server(proxy.accept, proxy.host, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()
    await proxy.close()
    await server.wait_closed()


Until = Callable[..., Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """``await until(lambda: condition)``: waits for it, and fails after `within_s`."""

    async def wait(happened: Callable[[], object], within_s: float = START_S) -> None:
        deadline = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < deadline, f"not in {within_s:g} s"
            await asyncio.sleep(0.002)

    return wait


@pytest.fixture(params=["pty", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Endpoint:
    """Where a simulated device is reached: each of the two in turn."""
    return PtyEndpoint(tmp_path / "line") if request.param == "pty" else TcpEndpoint()


@pytest.fixture
def tcp() -> Endpoint:
    """The one of the two that will do where the line does not matter."""
    return TcpEndpoint()


@pytest.fixture
def pty(tmp_path: Path) -> Endpoint:
    """The other, for what takes a serial line, or its speed."""
    return PtyEndpoint(tmp_path / "line")


@pytest.fixture
def kills() -> int:
    """How often the daemon is killed: many times in the long form, ``LONG_TESTS=1``."""
    return 200 if os.environ.get("LONG_TESTS") else 20

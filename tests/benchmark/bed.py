"""What every row is measured on: a directory on a real disk, a broker of its own, an ear at the broker."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators.bx_display import BxDisplaySimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage
from tests.conftest import Listener, Mosquitto
from tests.harness import PROJECT, ROOT, SimulatedKiosk

PATIENCE_S = 30.0
QUICK_S = 0.0005
"""For what takes its time by itself: what is measured is kioskd, not how slow a modem or a board is."""

DISK = "/var/tmp"  # noqa: S108 (/tmp may be memory, on which every fsync is a lie)


E = TypeVar("E", bound="Ear")


@dataclass(frozen=True, slots=True)
class Sound:
    """A message as it arrived. `at_s` is of `time.perf_counter`."""

    at_s: float
    topic: str
    payload: bytes


class Ear:
    """A subscriber that notes when messages arrive. QoS 0: it is to be quick, and loopback loses nothing."""

    def __init__(self, broker: Mosquitto, *topics: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._sounds: asyncio.Queue[Sound] = asyncio.Queue()
        self._topics = topics
        self._subscribed = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 0) for topic in topics])
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._heard
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _heard(self, _client: Client, _: object, message: MQTTMessage) -> None:
        if message.retain:
            return  # it is from before the subscription
        sound = Sound(time.perf_counter(), message.topic, bytes(message.payload))
        self._loop.call_soon_threadsafe(self._sounds.put_nowait, sound)

    async def subscribed(self) -> None:
        """Return when the broker sends."""
        async with asyncio.timeout(PATIENCE_S):
            await self._subscribed.wait()

    async def hear(self, *topics: str) -> Sound:
        """The next message on one of `topics`; others before it are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                sound = await self._sounds.get()
                if not topics or sound.topic in topics:
                    return sound

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, without waiting."""
        self._client.publish(topic, payload, 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Tally(Ear):
    """An ear that only counts: for more messages than can be looked at one by one."""

    count = 0
    first_s = 0.0
    last_s = 0.0

    def _heard(self, _client: Client, _: object, _message: MQTTMessage) -> None:
        self.last_s = time.perf_counter()
        if self.count == 0:
            self.first_s = self.last_s
        self.count += 1

    @property
    def per_s(self) -> float:
        """Messages in a second, from the first to the last."""
        return (self.count - 1) / (self.last_s - self.first_s)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row wants to be different. `further`: devices beside the harness's, by name: driver and line."""

    display: BxDisplaySimulator | None = None
    further: Mapping[str, tuple[str, Stage]] = field(default_factory=dict)


class BenchKiosk(SimulatedKiosk):
    """A simulated kiosk whose display hangs on a pty, and whose daemon may be looked at from outside."""

    def __init__(self, directory: Path, broker: Mosquitto, listener: Listener, parts: Parts) -> None:
        super().__init__(directory, broker, listener, bounce_s=0)
        self.display = parts.display or self.display
        self.lines["display"] = Stage(self.display, PtyEndpoint(directory / "display"))
        self.phone = ModemPhoneSimulator(answer_s=QUICK_S, tenth_s=QUICK_S)
        self.lines["phone"] = Stage(self.phone, PtyEndpoint(directory / "phone"))
        self.lines |= {name: stage for name, (_, stage) in parts.further.items()}
        self._further = parts.further

    def write_configuration(self, **replacements: str) -> None:
        """As the harness's, with the further devices."""
        super().write_configuration(**{"refresh_s = 0.01": f"refresh_s = {QUICK_S}"}, **replacements)
        with self.configuration.open("a", encoding="utf-8") as file:
            for name, (driver, stage) in self._further.items():
                file.write(f'[devices.{name}]\ndriver = "{driver}"\nlink = "{stage.endpoint.url}"\n')

    async def ready(self) -> None:
        """Return when every device is ready."""
        await super().ready()
        for name in self._further:
            await self.device_is(name, "ready")

    @property
    def running(self) -> bool:
        """Whether the daemon was started and not stopped since."""
        return self._process is not None

    @property
    def rss_kb(self) -> int:
        """Resident memory of the daemon."""
        return rss_kb(self.process.pid)

    @property
    def cpu_s(self) -> float:
        """The time that the daemon's threads have had on a processor."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def rss_kb(process: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@dataclass(slots=True)
class Bed:
    """One row's own directory and broker. `quick`: fewer rounds, to see that it works."""

    directory: Path
    broker: Mosquitto
    quick: bool

    @asynccontextmanager
    async def kiosk(self, parts: Parts = Parts()) -> AsyncIterator[BenchKiosk]:
        """A kiosk whose daemon is ready. Nobody listens to it any more then but the row's own ears."""
        listener = Listener(self.broker.host, self.broker.port)
        async with BenchKiosk(self.directory, self.broker, listener, parts) as kiosk:
            kiosk.start()
            await kiosk.ready()
            listener.close()
            try:
                yield kiosk
            finally:
                if kiosk.running:
                    await kiosk.stop()

    @asynccontextmanager
    async def ear(self, *topics: str) -> AsyncIterator[Ear]:
        """An ear that hears `topics`."""
        async with _opened(Ear(self.broker, *topics)) as ear:
            yield ear

    @asynccontextmanager
    async def tally(self, topic: str) -> AsyncIterator[Tally]:
        """A count of what comes on `topic`."""
        async with _opened(Tally(self.broker, topic)) as tally:
            yield tally

    @contextmanager
    def reference(self, name: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
        """The process `name` of `references`, which has said that it is ready."""
        where = [self.broker.host, str(self.broker.port)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmark.references", name, *where, *map(str, arguments)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n", f"the reference {name} did not start"
            yield process
        finally:
            process.kill()
            process.communicate()


@asynccontextmanager
async def _opened(ear: E) -> AsyncIterator[E]:
    try:
        await ear.subscribed()
        yield ear
    finally:
        ear.close()


@contextmanager
def bed(*, quick: bool) -> Iterator[Bed]:
    """A directory and a running broker, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kioskd-", dir=DISK) as name:
        broker = Mosquitto(Path(name))
        broker.start()
        try:
            yield Bed(Path(name), broker, quick)
        finally:
            broker.kill()


@contextmanager
def bytecode_cached() -> Iterator[None]:
    """Processes started here keep their bytecode, as installed programs do, whatever this shell is set to."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="kioskd-bytecode-", dir=DISK) as cache:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def command(name: str, **data: Any) -> tuple[str, bytes]:
    """Topic and payload of a command."""
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    body = {"id": uuid.uuid4().hex, "deadline": deadline.isoformat(), "data": data}
    return f"{ROOT}/command/{name}", json.dumps(body).encode()


def topic_as_long_as(topic: str) -> str:
    """A topic of the reference, of the same length."""
    return "reference/".ljust(len(topic), "x")


async def pause() -> None:
    """Let everything come to rest between two measurements, for a time that is not in step with any timer."""
    await asyncio.sleep(random.uniform(0.004, 0.012))

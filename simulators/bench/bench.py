"""A whole hall: simulated devices, broker, daemon and the page over them, until somebody ends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from simulators.bench.broker import Broker, choose_broker
from simulators.bench.floor import Floor
from simulators.bench.hall import Hall
from simulators.bench.mqtt import Messages, command_line
from simulators.bench.picture import Picture
from simulators.bench.processes import Child, python_module
from simulators.bench.web import make_app

FAREWELL_S = 1
"""How long uvicorn waits for its connections. Streams end by themselves; this is for a browser that hangs."""

WATCHER_S = 5.0
"""How long the daemon waits for the watcher. A page that misses its first events is better than none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to put on the bench. `folder` holds everything that it writes; `language` is the hall's and the page's."""

    hall: Hall
    folder: Path
    listener: socket.socket
    language: str | None = None
    daemon: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """The bench stands: where to find it."""

    url: str
    configuration: Path
    broker: Broker


class Bench:
    """The parts of the bench, and what the page may do with them."""

    def __init__(self, plan: Plan, floor: Floor, broker: Broker, picture: Picture) -> None:
        self.configuration = plan.folder / "kioskd.toml"
        self.picture = picture
        self._plan = plan
        self._floor = floor
        self._broker = broker
        messages = Messages(picture, plan.hall.root)
        config = ("--config", str(self.configuration))
        send = python_module("daemon", "send", *config, "--batch")
        self._send = Child("send", send, picture, on_line=messages.replied)
        watch = python_module("daemon", "watch", *config, "--json", "--all", "--session", "bench")
        children = [
            Child("broker", broker.command, picture),
            Child("watch", watch, picture, on_line=messages.watched, on_error_line=self._watcher_said),
            self._send,
        ]
        if plan.daemon:
            children.append(Child("daemon", python_module("daemon", "run", *config), picture, wanted=False))
        self.children = {child.name: child for child in children}
        self._watching = asyncio.Event()

    def about(self) -> Mapping[str, Any]:
        """What does not change while the bench stands."""
        broker = self._broker
        return {
            **self._plan.hall.plan(),
            "simulators": self._floor.catalogue(),
            "language": self._plan.language,
            "configuration": str(self.configuration),
            "broker": {"name": broker.name, "port": broker.port, "speaks_mqtt_5": broker.speaks_mqtt_5},
        }

    async def start_daemon(self) -> None:
        """Start the daemon once somebody watches it, so that the page has its first event too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCHER_S):
                await self._watching.wait()
        if "daemon" in self.children:
            self.children["daemon"].start()

    def _watcher_said(self, line: bytes) -> None:
        if line == b"watching":
            self._watching.set()

    def device(self, name: str, text: str) -> None:
        """Run a simulator's command."""
        self._floor.command(name, text)

    async def slip(self, name: str, number: int) -> bytes:
        """A slip of a simulated printer as a PNG file."""
        return await self._floor.slip(name, number)

    def command(self, name: str, data: Mapping[str, Any]) -> None:
        """Send the daemon a command over MQTT."""
        self._send.write(command_line(name, data))

    def process(self, name: str, action: str) -> None:
        """Start, stop, restart or kill a program."""
        child = self.children[name]
        actions: Mapping[str, Callable[[], None]] = {
            "start": child.start,
            "stop": child.stop,
            "restart": child.restart,
            "kill": child.kill,
        }
        actions[action]()
        self.picture.note("process-told", name=name, action=action)


async def serve(plan: Plan, ended: asyncio.Event, ready: Callable[[Ready], None]) -> None:
    """Run the bench until `ended` is set; calls `ready` when the page can be opened."""
    picture = Picture()
    port: int = plan.listener.getsockname()[1]
    broker = choose_broker(plan.folder)
    async with Floor(plan.hall, plan.folder, picture) as floor:
        bench = Bench(plan, floor, broker, picture)
        text = plan.hall.configuration(
            floor.links, mqtt_port=broker.port, store=plan.folder / "kioskd.db", language=plan.language
        )
        bench.configuration.write_text(text, encoding="utf-8")
        picture.put("bench", bench.about())
        server = make_server(picture, bench, port=port)
        async with asyncio.TaskGroup() as parts:
            children = [parts.create_task(child.run(), name=name) for name, child in bench.children.items()]
            web = parts.create_task(server.serve([plan.listener]), name="web")
            starting = parts.create_task(bench.start_daemon(), name="starting")
            ready(Ready(f"http://localhost:{port}/", bench.configuration, broker))
            await ended.wait()
            picture.close()
            starting.cancel()
            server.should_exit = True
            await _end(children)
            await web


async def _end(children: list[asyncio.Task[None]]) -> None:
    """End the broker last: the daemon has something to say to it before it goes."""
    broker, *others = children
    for tasks in (others, [broker]):
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Server(uvicorn.Server):
    """Leaves the signals alone: the bench has more to end than its web server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(picture: Picture, bench: Bench, *, port: int) -> uvicorn.Server:
    """A web server for the page, to be run on a socket that listens on `port`."""
    return _Server(
        uvicorn.Config(
            make_app(picture, bench, port=port),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FAREWELL_S,
        )
    )

"""A whole simulated kiosk for tests: every simulator on a real line, the real daemon as a process, a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from simulators.bx_display import BxDisplaySimulator
from simulators.centerm_panel import CentermPanelSimulator
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.keypad import KeypadSimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from simulators.unix_endpoint import UnixEndpoint
from tests.conftest import Listener

ROOT = "kioskd/demo/k1"
PROJECT = Path(__file__).parent.parent
PATIENCE_S = 40.0  # for a machine that does a lot besides: with its disk busy, a start alone has taken half of it

DEVICES = ("printer-1", "led-1", "panel-1", "panel-2", "phone-1")

T = TypeVar("T")

CONFIGURATION = """\
hall = "demo"
kiosk = "{name}"
language = "zh-CN"

[mqtt]
host = "{host}"
port = {port}

[store]
path = "{directory}/kioskd.db"

[ticket]
hall_name = "区政务服务中心"
complaint_phone = "12345"

[rating]
timeout_s = 5
bounce_s = {bounce_s}

[services.a]
name = "综合业务"
prefix = "A"
printer = "printer-1"

[counters.1]
name = "1号窗口"
services = ["a"]
display = "led-1"
panel = "panel-1"
phone = "phone-1"

[counters.2]
name = "2号窗口"
services = ["a"]
panel = "panel-2"

[devices.printer-1]
driver = "escpos"
link = "{printer}"

[devices.led-1]
driver = "bx"
link = "{display}"
refresh_s = 0.01

[devices.panel-1]
driver = "keypad"
link = "{keypad}"

[devices.panel-2]
driver = "centerm"
link = "{evaluator}"

[devices.phone-1]
driver = "modem"
link = "{phone}"
hook = "reported"
ringing_stopped_s = 1.5
same_ring_s = 0.25  # half the time from ring to ring: as much may each come late
settle_s = 0.1
"""


async def until(condition: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """The first true value of `condition`; fails naming `what` when none comes in time."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}"
        await asyncio.sleep(0.005)


class MqttSide:
    """A kiosk as its hall knows it: what it publishes, and what it can be told."""

    patience_s = PATIENCE_S
    root = ROOT

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.heard_before = 0

    async def device_is(self, device: str, state: str) -> Mapping[str, Any]:
        """The device's status, once its state is `state`."""

        def status() -> Mapping[str, Any] | None:
            found = self.status(f"device/{device}")
            return found if found.get("state") == state else None

        found = await until(status, f"{device} to be {state}", self.patience_s)
        assert found is not None
        return found

    def status(self, topic: str) -> dict[str, Any]:
        """The last payload on a retained topic since the daemon was started, or nothing."""
        heard = self.listener.messages[self.heard_before :]
        payloads = [message.payload for message in heard if message.topic == f"{self.root}/{topic}"]
        found: dict[str, Any] = json.loads(payloads[-1]) if payloads and payloads[-1] else {}
        return found

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Every event heard whose type ends in `name`, in order, repetitions too."""
        heard = [m for m in list(self.listener.messages) if m.topic.startswith(f"{self.root}/event/")]
        events: list[dict[str, Any]] = [json.loads(message.payload) for message in heard]
        return [event for event in events if event["type"].endswith(name)]

    async def event(self, name: str, count: int = 1, **data: Any) -> dict[str, Any]:
        """The `count`-th event of a type, with these values in its data."""

        def matching() -> list[dict[str, Any]]:
            return [event for event in self.events(name) if data.items() <= event["data"].items()]

        await until(
            lambda: len(matching()) >= count, f"{count} × {name} {data}; heard {len(matching())}", self.patience_s
        )
        return matching()[count - 1]

    def send(self, name: str, *, command: str | None = None, deadline_s: float = 30.0, **data: Any) -> str:
        """Send a command; its id."""
        command = command or uuid.uuid4().hex
        deadline = datetime.now(UTC) + timedelta(seconds=deadline_s)
        body = {"id": command, "deadline": deadline.isoformat(), "data": data}
        self.listener.publish(f"{self.root}/command/{name}", json.dumps(body).encode())
        return command

    def replies(self, command: str) -> list[dict[str, Any]]:
        """The replies to a command so far."""
        return [json.loads(payload) for payload in self.listener.on(f"{self.root}/reply/{command}")]

    async def answer(self, command: str) -> dict[str, Any]:
        """The first final reply to a command."""

        def final() -> dict[str, Any] | None:
            return next((reply for reply in self.replies(command) if reply["status"] != "accepted"), None)

        reply = await until(final, f"the reply to {command}", self.patience_s)
        assert reply is not None
        return reply

    async def ask(self, name: str, **data: Any) -> dict[str, Any]:
        """Send a command and return its final reply."""
        return await self.answer(self.send(name, **data))


class SimulatedKiosk(MqttSide):
    """A kiosk with one counter. Use it as a context manager; the daemon is started by `start`."""

    def __init__(
        self, directory: Path, broker: Any, listener: Listener, *, bounce_s: float = 0.3, name: str = "k1"
    ) -> None:
        super().__init__(listener)
        self.name = name
        self.root = f"kioskd/demo/{name}"
        self.directory = directory
        self.printer = EscposPrinterSimulator(mm_per_s=None)
        self.display = BxDisplaySimulator(reply_s=0.002, boot_s=0.05)
        self.keypad = KeypadSimulator(hold_s=0.001)
        self.evaluator = CentermPanelSimulator()
        self.phone = ModemPhoneSimulator(on_s=0.1, off_s=0.4, answer_s=0.005, tenth_s=0.01)
        self.lines = {
            "printer": Stage(self.printer, PtyEndpoint(directory / "printer")),
            "display": Stage(self.display, TcpEndpoint()),
            "keypad": Stage(self.keypad, UnixEndpoint(directory / "keypad")),
            "evaluator": Stage(self.evaluator, PtyEndpoint(directory / "evaluator")),
            "phone": Stage(self.phone, PtyEndpoint(directory / "phone")),
        }
        self._broker = broker
        self._bounce_s = bounce_s
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        for line in self.lines.values():
            await line.__aenter__()
        self.write_configuration()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._process is not None:
            self.kill()
        for line in self.lines.values():
            await line.__aexit__()

    @property
    def configuration(self) -> Path:
        return self.directory / "kioskd.toml"

    @property
    def database(self) -> Path:
        return self.directory / "kioskd.db"

    @property
    def log(self) -> str:
        return (self.directory / "kioskd.log").read_text(encoding="utf-8")

    def write_configuration(self, **replacements: str) -> None:
        """Write ``kioskd.toml``, with words replaced."""
        urls = {name: line.endpoint.url for name, line in self.lines.items()}
        broker = {"host": self._broker.host, "port": self._broker.port}
        text = CONFIGURATION.format(name=self.name, directory=self.directory, bounce_s=self._bounce_s, **broker, **urls)
        for old, new in replacements.items():
            text = text.replace(old, new)
        self.configuration.write_text(text, encoding="utf-8")

    @property
    def slips(self) -> list[list[str]]:
        """The lines of every slip that came out whole and is not marked void, oldest first.

        Without the blanks that put them in the middle.
        """
        cut = (slip.lines for slip in self.printer.paper.slips if slip.cut and slip.lines)
        return [[line.strip() for line in lines] for lines in cut if "VOID" not in lines[-1]]

    # the process

    def start(self) -> None:
        """Start the daemon, not waiting for anything."""
        self.heard_before = len(self.listener.messages)
        with (self.directory / "kioskd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run", "--config", str(self.configuration)],
                cwd=PROJECT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    async def ready(self) -> None:
        """Return when every device is ready and the broker knows it."""
        await until(lambda: self.status("status").get("state") == "online", "online")
        for device in DEVICES:
            await self.device_is(device, "ready")

    async def heeds_signals(self) -> None:
        """Return when the daemon has got as far as to handle SIGHUP, the last one; until then signals just end it."""
        status = Path(f"/proc/{self.process.pid}/status")
        sighup = 1 << (signal.SIGHUP - 1)

        def caught() -> bool:
            (mask,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
            return bool(int(mask, 16) & sighup)

        await until(caught, "a handler of SIGHUP")

    async def quiet(self) -> None:
        """Return when all that the first start brings about was heard: states are told at once, events when stored."""
        await self.ready()
        for device in DEVICES:
            await self.event("device.changed", device=device, state="ready")
        # a board that was not reached yet is told to have failed, and shows it when it is
        await until(lambda: self.events("display.shown") or self.events("display.failed"), "a word of the board")

    def kill(self) -> None:
        """SIGKILL: as bad as it gets without pulling the plug."""
        self.process.kill()
        self.process.wait()
        self._process = None

    async def stop(self) -> float:
        """SIGTERM; seconds until the process has ended, which must have exit code 0."""
        process, began_s = self.process, time.monotonic()
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, "the daemon's end")
        assert process.returncode == 0, f"exit code {process.returncode}\n{self.log[-4000:]}"
        self._process = None
        return time.monotonic() - began_s

    # what is seen

    async def board_shows(self, text: str) -> None:
        """Return when the LED board shows `text` and nothing else."""
        await until(lambda: [area["text"] for area in self.display.state()["areas"]] == [text], f"{text} on the board")

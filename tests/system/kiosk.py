"""A kiosk in a virtual machine, with kioskd installed, and what is plugged into it."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Self

import pytest

from simulators.centerm_panel import CentermPanelSimulator
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage, TcpEndpoint
from tests.conftest import Listener, Mosquitto
from tests.harness import ROOT, MqttSide, until
from tests.system.machine import HOST, Machine

USB = "pci-0000:00:10.0-usb-0"
PRINTER_PORT, KEYPAD_PORT, PANEL_PORT = 1, 2, 3
START_S = 90.0

VOID, REPRINT = "作废 VOID", "补打"

HALL = f"""\
hall = "demo"
kiosk = "k1"

[mqtt]
host = "{HOST}"
port = PORT

[services.a]
name = "综合业务"
prefix = "A"
printer = "printer-1"

[counters.1]
name = "1号窗口"
services = ["a"]
panel = "panel-1"

[counters.2]
name = "2号窗口"
services = ["a"]
panel = "panel-2"
"""

PRINTER_LINK = f"serial:///dev/serial/by-path/{USB}:{PRINTER_PORT}:1.0-port0?baud=115200"
KEYPAD_LINK = f"evdev:///dev/input/by-path/{USB}:{KEYPAD_PORT}:1.0-event-kbd"

PRINTER = f"""
[devices.printer-1]
driver = "escpos"
link = "{PRINTER_LINK}"
"""

PANELS = f"""
[devices.panel-1]
driver = "keypad"
link = "{KEYPAD_LINK}"

[devices.panel-2]
driver = "centerm"
link = "serial:///dev/serial/by-path/{USB}:{PANEL_PORT}:1.0-port0?baud=9600"
"""

CONFIGURATION = HALL + PRINTER + PANELS
"""Everything on the USB, and the hall's broker on another machine."""


STORED_IDS = """\
import sqlite3
database = sqlite3.connect("/var/lib/kioskd/kioskd.db")
for (event,) in database.execute("SELECT json_extract(payload, '$.id') FROM event"):
    print(event)
"""

LIVES_ON = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]
"""For tests on the machine: it lives, in one event loop, as long as all of them."""


class Attached:
    """The devices on their cables: simulators in this process, at the far ends of the machine's USB adapters."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.printer = EscposPrinterSimulator()
        self.panel = CentermPanelSimulator()
        self._printer_at, self._panel_at = TcpEndpoint(), TcpEndpoint()
        self._stages = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stages.enter_async_context(Stage(self.printer, self._printer_at))
        await self._stages.enter_async_context(Stage(self.panel, self._panel_at))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stages.aclose()

    async def plug(self, *names: str) -> None:
        """Plug in some of them, or all."""
        for name in names or ("printer-1", "panel-1", "panel-2"):
            if name == "printer-1":
                await self._machine.plug_serial(name, PRINTER_PORT, self._printer_at.port)
            elif name == "panel-2":
                await self._machine.plug_serial(name, PANEL_PORT, self._panel_at.port)
            else:
                await self._machine.plug_keyboard(name, KEYPAD_PORT)

    def command(self, device: str, text: str) -> None:
        """Do something to the printer or the Centerm panel."""
        simulator = self.printer if device == "printer-1" else self.panel
        name, *words = text.split()
        simulator.commands[name].run(words)

    @property
    def slips(self) -> list[list[str]]:
        """The lines of every slip that came out whole, oldest first."""
        return [[line.strip() for line in slip.lines] for slip in self.printer.paper.slips if slip.cut]

    @property
    def numbers(self) -> list[str]:
        """The numbers that people hold: those on slips that do not say that they are void, or a second copy."""
        good = (slip for slip in self.slips if not {VOID, REPRINT} & set(slip))
        return [line for slip in good for line in slip if re.fullmatch(r"A\d{3}", line)]


class InstalledKiosk(MqttSide):
    """kioskd on `machine`, at the hall's `broker`; what it does is heard by `listener`."""

    patience_s = 60.0

    def __init__(self, machine: Machine, broker: Mosquitto, listener: Listener) -> None:
        super().__init__(listener)
        self.machine = machine
        self.broker = broker

    async def run(self, command: str, within_s: float = 60.0) -> str:
        """A command in the machine that must succeed; what it printed."""
        return await self.machine.shell.run(command, within_s)

    async def write(self, path: str, text: str) -> None:
        """Write a file in the machine; its mode and owner stay."""
        await self.run(f"printf %s {shlex.quote(text)} >{path}")

    async def configure(self, text: str = CONFIGURATION) -> None:
        """Have this configuration in force in a new run of the service, and be online at the hall's broker."""
        await self.write("/etc/kioskd/kioskd.toml", self.with_broker(text))
        await self.restart()

    def with_broker(self, text: str) -> str:
        """A configuration with the port of the hall's broker."""
        return text.replace("PORT", str(self.broker.port))

    async def restart(self) -> None:
        """Restart the service; returns when it is online."""
        self.heard_before = len(self.listener.messages)
        await self.run("systemctl restart kioskd || { journalctl --no-pager -o cat -u kioskd -n 20; exit 1; }", START_S)
        await self.online()

    async def online(self) -> None:
        """Return when a run that began after `heard_before` is online."""
        await until(lambda: self.status("status").get("state") == "online", "online", START_S)

    async def started(self) -> dict[str, Any]:
        """The event with which the run that is online began."""
        return await self.event("daemon.started", boot=self.status("status")["boot"])

    async def ready(self, *devices: str) -> None:
        """Return when these devices are ready."""
        for device in devices:
            await self.device_is(device, "ready")

    async def attach(self, device: Stage) -> None:
        """Have the machine's kernel attach a device that is served over USB/IP here: at the first free port."""
        typed = device.endpoint.preparation.replace("127.0.0.1", HOST)
        await self.run(f"modprobe -a vhci-hcd usblp; {typed}")

    async def property(self, name: str, unit: str = "kioskd") -> str:
        """One property of a unit, as systemctl shows it."""
        return await self.run(f"systemctl show -P {name} {unit}")

    async def stored(self) -> set[str]:
        """The id of every event in the database. The service must be stopped."""
        return set((await self.run(f"python3 -c {shlex.quote(STORED_IDS)}")).split())

    async def seconds_to_ready(self, device: str, node_appears: str) -> float:
        """From the kernel's latest message that matches `node_appears` to the device's present state, "ready"."""
        status = self.status(f"device/{device}")
        assert status["state"] == "ready", status
        said = await self.run(f"dmesg --time-format=iso | grep -P {shlex.quote(node_appears)} | tail -n 1")
        ready, node = status["since"], said.split()[0].replace(",", ".")
        return (datetime.fromisoformat(ready) - datetime.fromisoformat(node)).total_seconds()


def unbroken(listener: Listener) -> dict[str, int]:
    """How many events were heard of each database. None is missing; what was heard twice is the same to the byte."""
    seen: dict[str, dict[int, bytes]] = {}
    for message in list(listener.messages):
        if message.topic.startswith(f"{ROOT}/event/"):
            event = json.loads(message.payload)
            epoch, sequence = str(event["id"]).rpartition("-")[0], int(event["sequence"])
            assert seen.setdefault(epoch, {}).setdefault(sequence, message.payload) == message.payload
    missing = {epoch: set(range(1, max(numbers) + 1)) - set(numbers) for epoch, numbers in seen.items()}
    assert not any(missing.values()), missing
    return {epoch: len(numbers) for epoch, numbers in seen.items()}

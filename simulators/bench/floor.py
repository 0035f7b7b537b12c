"""The simulated devices of the hall, each at the far end of its own line."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from drivers.printer.escpos_text import RASTER
from simulators.bench import paper
from simulators.bench.hall import Hall, HallError, Table
from simulators.bench.picture import Picture
from simulators.bench.tap import Direction, TappedLine
from simulators.catalog import SIMULATORS
from simulators.device import Simulator
from simulators.escpos_board import HandshakePty, PrinterBoard
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint
from simulators.unix_endpoint import UnixEndpoint

SHARED_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "escpos": {"encoding": "code", "columns": "columns", "fs_size": "fs_size"},
    "bx": {name: name for name in ("address", "card", "width_dots", "height_dots", "voice")},
    "keypad": {"keys": "keys"},
}
"""What both ends of a line have to agree on: the driver's option → the simulator's argument."""


class Floor:
    """Every simulated device, by name. Use it as ``async with Floor(…) as floor``: the lines are open inside."""

    def __init__(self, hall: Hall, folder: Path, picture: Picture) -> None:
        self._hall = hall
        self._picture = picture
        self._stages = {name: self._stage(name, table, folder) for name, table in hall.simulated.items()}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            for name, stage in self._stages.items():
                await opening.enter_async_context(stage)
                self._picture.provide(f"device/{name}", partial(self.state, name))
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._open.aclose()
        for stage in self._stages.values():
            if isinstance(stage.line, TappedLine):
                stage.line.flush()

    @property
    def links(self) -> Mapping[str, str]:
        """Where a host finds each device."""
        return {name: self._link(name) for name in self._stages}

    def _link(self, name: str) -> str:
        """The endpoint's URL with the options of the device's own link, such as its flow control."""
        url = self._stages[name].endpoint.url
        scheme, _, options = str(self._hall.devices[name].get("link", "")).partition("?")
        same_kind = scheme.partition(":")[0] == url.partition(":")[0]
        return f"{url.partition('?')[0]}?{options}" if same_kind and options else url

    def command(self, name: str, text: str) -> None:
        """Do something to a device. Raises KeyError for no such device, CommandError for no such command."""
        self._stages[name].command(text)
        self._picture.changed(f"device/{name}")

    def state(self, name: str) -> Mapping[str, Any]:
        """What a person sees of a device, and of its cable."""
        stage = self._stages[name]
        return {"state": _shown(stage.simulator), "cut": stage.cut, "faults": stage.line.faults}

    async def slip(self, name: str, number: int) -> bytes:
        """A slip of printer `name` as a PNG file. Raises KeyError for no such one, CommandError without a font."""
        simulator = self._stages[name].simulator
        if not isinstance(simulator, EscposPrinterSimulator):
            raise KeyError(name)
        return await paper.picture_of(simulator.paper, number)

    def catalogue(self) -> Mapping[str, Any]:
        """What does not change while the bench runs: where each device is, what it can be told, what it is not."""
        return {
            name: {
                "kind": stage.simulator.KIND,
                "link": self._link(name),
                "does_not_imitate": stage.simulator.DOES_NOT_IMITATE,
                "commands": {key: {"usage": c.usage, "help": c.help} for key, c in stage.commands.items()},
            }
            for name, stage in self._stages.items()
        }

    def _stage(self, name: str, table: Table, folder: Path) -> Stage:
        simulator = _simulator(name, table)
        make_line = partial(TappedLine, show=partial(self._on_the_wire, name))
        stage = Stage(simulator, _endpoint(name, table, folder), make_line=make_line)
        simulator.changed = partial(self._picture.changed, f"device/{name}")
        return stage

    def _on_the_wire(self, name: str, direction: Direction, data: bytes) -> None:
        self._picture.add("wire", {"device": name, "direction": direction, "bytes": data.hex(" ")})
        self._picture.changed(f"device/{name}")  # a fault of the line may have been used up


def _shown(simulator: Simulator) -> Mapping[str, Any]:
    """What a person sees of it; of its paper, what the page needs to ask for pictures."""
    if isinstance(simulator, EscposPrinterSimulator):
        return {**simulator.front(), "slips": paper.shown(simulator.paper)}
    return simulator.state()


def _simulator(name: str, table: Table) -> Simulator:
    driver = table["driver"]
    module, kind = SIMULATORS[driver]
    shared = {argument: table[key] for key, argument in SHARED_OPTIONS.get(driver, {}).items() if key in table}
    if shared.get("code") == RASTER:
        del shared["code"]  # its printer has no Chinese font, and is sent none to print
    try:
        simulator: Simulator = getattr(import_module(module), kind)(**shared)
    except (ValueError, TypeError, KeyError) as error:
        raise HallError(f"devices.{name}: the simulator cannot be set up like this: {error}") from error
    return simulator


def _endpoint(name: str, table: Table, folder: Path) -> Endpoint:
    """A line of the kind that the device's own link has, as fast as that one."""
    link = urlsplit(str(table.get("link", "")))
    if table["driver"] == "keypad":
        return UnixEndpoint(folder / name)
    prints = table["driver"] == "escpos"  # its buffer can be full
    if link.scheme == "tcp":
        return PrinterBoard() if prints else TcpEndpoint()
    baud = dict(parse_qsl(link.query)).get("baud", "")
    pty = HandshakePty if prints else PtyEndpoint
    return pty(folder / name, baud=int(baud) if baud.isdecimal() and int(baud) > 0 else None)

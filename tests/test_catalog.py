"""Parity: whatever the catalogue of drivers names is there, whole, and has its simulator, vectors and tests."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivers.catalog import DRIVERS, Entry, Kind
from drivers.device import Condition
from drivers.display.capability import Display
from drivers.link.catalog import SCHEMES
from drivers.panel.capability import Panel
from drivers.printer.capability import Printer
from simulators.catalog import SIMULATORS, make_simulator

if TYPE_CHECKING:
    from drivers.catalog import Driver
    from drivers.display.bx import BxDisplay
    from drivers.panel.centerm import CentermPanel
    from drivers.panel.keypad import KeypadPanel
    from drivers.phone.modem import ModemPhone
    from drivers.printer.escpos import EscposPrinter
    from simulators.bx_display import BxDisplaySimulator
    from simulators.centerm_panel import CentermPanelSimulator
    from simulators.device import Simulator
    from simulators.escpos_printer import EscposPrinterSimulator
    from simulators.keypad import KeypadSimulator
    from simulators.modem_phone import ModemPhoneSimulator

    def has_its_capability(
        escpos: EscposPrinter, bx: BxDisplay, centerm: CentermPanel, keypad: KeypadPanel
    ) -> tuple[Printer, Display, Panel, Panel]:
        """Checked by mypy alone: method for method, argument for argument."""
        return escpos, bx, centerm, keypad

    def is_a_driver(
        escpos: EscposPrinter, bx: BxDisplay, centerm: CentermPanel, keypad: KeypadPanel, modem: ModemPhone
    ) -> tuple[Driver, ...]:
        return escpos, bx, centerm, keypad, modem

    def is_a_simulator(
        escpos: EscposPrinterSimulator,
        bx: BxDisplaySimulator,
        centerm: CentermPanelSimulator,
        keypad: KeypadSimulator,
        modem: ModemPhoneSimulator,
    ) -> tuple[Simulator, ...]:
        return escpos, bx, centerm, keypad, modem


ROOT = Path(__file__).parent.parent
VECTORS = sorted((ROOT / "tests" / "vectors").glob("*.toml"))
CAPABILITIES: dict[Kind, type | None] = {
    Kind.PRINTER: Printer,
    Kind.DISPLAY: Display,
    Kind.PANEL: Panel,
    Kind.PHONE: None,  # a phone is asked nothing
}

each_driver = pytest.mark.parametrize(("name", "entry"), DRIVERS.items(), ids=list(DRIVERS))
each_simulator = pytest.mark.parametrize("name", SIMULATORS)


def public_methods(kind: type) -> set[str]:
    return {name for name, member in vars(kind).items() if callable(member) and not name.startswith("_")}


def linted(contract: str) -> dict[str, Any]:
    """The import contract whose name begins so."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (found,) = [each for each in contracts if each["name"].startswith(contract)]
    assert isinstance(found, dict)
    return found


@each_driver
def test_a_driver_can_be_made_from_its_defaults(name: str, entry: Entry) -> None:
    conditions: list[Condition] = []
    driver = entry.make(entry.options_class()(), conditions.append, lambda _: None)
    assert inspect.iscoroutinefunction(driver.serve)
    assert list(inspect.signature(driver.serve).parameters) == ["link"]
    assert conditions == []  # nothing was asked of the device yet
    capability = CAPABILITIES[entry.kind]
    for method in public_methods(capability) if capability else ():
        asked, offered = getattr(capability, method), getattr(driver, method)
        assert inspect.iscoroutinefunction(offered) is inspect.iscoroutinefunction(asked)


@each_driver
def test_the_options_of_a_driver_are_plain_frozen_data_with_defaults(name: str, entry: Entry) -> None:
    options = entry.options_class()
    assert is_dataclass(options)
    assert options.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(options)
    assert options.__doc__
    for field in fields(options):
        assert field.default is not MISSING or field.default_factory is not MISSING, field.name


@each_driver
def test_every_link_of_a_driver_can_be_opened(name: str, entry: Entry) -> None:
    assert entry.schemes
    assert set(entry.schemes) <= set(SCHEMES)


@each_driver
def test_a_driver_has_its_simulator_vectors_and_tests(name: str, entry: Entry) -> None:
    assert name in SIMULATORS
    assert (ROOT / "tests" / "vectors" / f"{name}.toml").is_file()
    assert list((ROOT / "tests").glob(f"test_{name}*.py"))


@each_driver
def test_a_simulator_is_kept_from_the_driver_it_stands_opposite_to(name: str, entry: Entry) -> None:
    assert entry.module in linted("a simulator may use a protocol module")["forbidden_modules"]


def test_every_protocol_module_is_kept_from_input_and_output() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("drivers/*/*_protocol.py")}
    assert modules
    assert modules <= set(linted("protocol modules do no input or output")["source_modules"])


def test_no_simulator_is_without_a_driver() -> None:
    assert set(SIMULATORS) <= set(DRIVERS)


def test_the_catalogues_load_no_device_before_it_is_needed() -> None:
    code = (
        "import sys, drivers.catalog, simulators.catalog; "
        "print([name for name in sys.modules if name in {entry.module for entry in drivers.catalog.DRIVERS.values()}"
        " | {module for module, _ in simulators.catalog.SIMULATORS.values()}])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@each_simulator
async def test_a_simulator_shows_itself(name: str) -> None:
    simulator = make_simulator(name)
    try:
        assert name in DRIVERS
        assert DRIVERS[name].kind == simulator.KIND
        assert len(simulator.DOES_NOT_IMITATE) > len("nothing")
        state = simulator.state()
        assert json.loads(json.dumps(state)) == state
        assert simulator.commands
        for command in simulator.commands.values():
            assert command.help
            assert "\n" not in command.help + command.usage
    finally:
        simulator.close()


@each_simulator
async def test_a_simulator_takes_noise_with_nobody_on_the_line(name: str) -> None:
    simulator = make_simulator(name)
    try:
        for data in (b"", b"\0" * 5000, bytes(range(256)) * 20):
            simulator.receive(data)
        simulator.detach()
        await asyncio.sleep(0)
    finally:
        simulator.close()
        simulator.close()


@pytest.mark.parametrize("path", VECTORS, ids=[path.stem for path in VECTORS])
def test_vectors_name_their_device_and_source(path: Path) -> None:
    document = tomllib.loads(path.read_text("utf-8"))
    assert path.stem in DRIVERS
    assert document["device"].strip()
    assert is_public(document["source"])
    names = [vector["name"] for vector in document["vector"]]
    assert len(names) == len(set(names)) > 0
    for vector in document["vector"]:
        assert vector["direction"] in {"to-device", "from-device"}, vector["name"]
        assert bytes.fromhex(vector["bytes"]), vector["name"]
        assert is_public(vector["source"]), vector["name"]
        assert isinstance(vector["verified"], bool), vector["name"]


def is_public(source: str) -> bool:
    """Whether `source` can be one that a reader elsewhere can look up: no path of the machine it was written on."""
    return bool(source.strip()) and not any(word.startswith(("/", "./", "../")) for word in source.split())


@each_driver
def test_modules_of_the_catalogue_are_where_it_says(name: str, entry: Entry) -> None:
    module = import_module(entry.module)
    assert module.__doc__
    assert entry.module.split(".")[:2] == ["drivers", entry.kind.value]
    assert getattr(module, entry.driver).__doc__

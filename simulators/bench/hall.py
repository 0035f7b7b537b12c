"""The hall on the bench: a kioskd.toml whose devices are simulated, and the same file with the bench's own links."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.bench.toml_text import toml_text
from simulators.catalog import SIMULATORS

DEFAULT_HALL = Path(__file__).with_name("hall.toml")
ROOT = "kioskd/{hall}/{kiosk}"
"""The daemon's own default; kioskd.toml may name another."""

WILL_DELAY_S = 2
"""Whoever kills the daemon to see what happens should not have to wait for it."""

COUNTER_KEYS = ("name", "services", "display", "panel", "phone")

Table = Mapping[str, Any]


class HallError(ValueError):
    """The hall cannot be put on the bench; the message says why."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A configuration as its file has it. `real` names the devices that are not simulated, with their links."""

    tables: Table
    real: Mapping[str, str]

    @property
    def devices(self) -> Mapping[str, Table]:
        """Every device's table by its name."""
        return _named_tables(self.tables, "devices")

    @property
    def simulated(self) -> Mapping[str, Table]:
        """The devices that get a simulator."""
        return {name: table for name, table in self.devices.items() if name not in self.real}

    @property
    def root(self) -> str:
        """The topic root that the daemon will use."""
        root = str(self.tables.get("root", ROOT))
        return root.format(hall=self.tables.get("hall", ""), kiosk=self.tables.get("kiosk", ""))

    def plan(self) -> Mapping[str, Any]:
        """What the page has to know of the hall: names, and which device stands where."""
        tables = self.tables
        return {
            "title": _table(tables, "ticket").get("hall_name") or tables.get("hall", ""),
            "kiosk": tables.get("kiosk", ""),
            "root": self.root,
            "services": {name: _picked(table, ("name", "printer")) for name, table in self._services.items()},
            "counters": {name: _picked(table, COUNTER_KEYS) for name, table in self._counters.items()},
            "devices": {name: {**table, "link": self.real.get(name)} for name, table in self.devices.items()},
        }

    @property
    def _services(self) -> Mapping[str, Table]:
        return _named_tables(self.tables, "services")

    @property
    def _counters(self) -> Mapping[str, Table]:
        return _named_tables(self.tables, "counters")

    def configuration(self, links: Mapping[str, str], *, mqtt_port: int, store: Path, language: str | None) -> str:
        """A kioskd.toml for this bench: the hall's own, with `links` and the bench's broker and database."""
        devices = {name: {**table, "link": {**links, **self.real}[name]} for name, table in self.devices.items()}
        own = {
            "mqtt": {"host": "127.0.0.1", "port": mqtt_port, "will_delay_s": WILL_DELAY_S},
            "store": {**_table(self.tables, "store"), "path": str(store)},
            "devices": devices,
        }
        spoken = {"language": language} if language else {}
        return toml_text({**self.tables, **spoken, **own})


def read_hall(path: Path, real: Sequence[str]) -> Hall:
    """The hall in the file at `path`; `real` are words ``name=link``. Raises HallError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HallError(f"{path}: {error}") from error
    hall = Hall(tables, dict(_real_device(word) for word in real))
    if not hall.devices:
        raise HallError(f"{path}: no devices in it, and so nothing to simulate")
    for name, table in hall.simulated.items():
        if table.get("driver") not in SIMULATORS:
            known = ", ".join(SIMULATORS)
            raise HallError(f"{path}: devices.{name}: no simulator for driver {table.get('driver')!r}; known: {known}")
    for name in hall.real.keys() - hall.devices.keys():
        raise HallError(f"--real {name}: no such device; there are: {', '.join(hall.devices)}")
    return hall


def _real_device(word: str) -> tuple[str, str]:
    name, equals, link = word.partition("=")
    if not equals or "://" not in link:
        raise HallError(f"--real {word}: expected NAME=LINK, for example printer-1=serial:///dev/ttyUSB0?baud=9600")
    return name, link


def _table(tables: Table, key: str) -> Table:
    found = tables.get(key)
    return found if isinstance(found, Mapping) else {}


def _named_tables(tables: Table, key: str) -> Mapping[str, Table]:
    return {name: table for name, table in _table(tables, key).items() if isinstance(table, Mapping)}


def _picked(table: Table, keys: Sequence[str]) -> Mapping[str, Any]:
    return {key: table[key] for key in keys if key in table}

"""Every value in force, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from daemon.settings.calendar_file import CalendarFile
from daemon.settings.device import Device
from daemon.settings.faults import Loc
from daemon.settings.load import Configuration, dotted, place
from daemon.settings.sources import Layer
from daemon.texts import Text

HIDDEN = "••••••"
DEFAULT = Text("默认值", "default")


@dataclass(frozen=True, slots=True)
class Origin:
    """One key: its value as JSON has it, a secret hidden, and where it is from."""

    key: str
    value: Any
    source: Text


def origins(configuration: Configuration) -> Iterator[Origin]:
    """Every key there is, those of devices' drivers too, in the order of the settings."""
    for loc, value in _leaves((), configuration.settings):
        yield Origin(dotted(loc), _shown(value), _source(loc, configuration))


def _leaves(loc: Loc, value: object) -> Iterator[tuple[Loc, object]]:
    if isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from _leaves((*loc, key), getattr(value, key))
    elif isinstance(value, Device):
        yield (*loc, "driver"), value.driver
        yield (*loc, "link"), str(value.link)
        for field in fields(value.options):
            yield (*loc, field.name), getattr(value.options, field.name)
    elif isinstance(value, Mapping) and len(loc) == 1:
        for name, table in value.items():
            yield from _leaves((*loc, name), table)
    else:
        yield loc, value


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, CalendarFile):
        return str(value.path)
    return str(value) if isinstance(value, Path) else value


def _source(loc: Loc, configuration: Configuration) -> Text:
    if _holds(configuration.environment, loc):
        name = place(loc, configuration.environment)
        return Text(f"环境变量 {name}", f"environment variable {name}")
    if _holds(configuration.secrets, loc):
        path = place(loc, configuration.secrets)
        return Text(f"密码文件 {path}", f"secret in {path}")
    if _holds(configuration.file, loc):
        line = place(loc, configuration.file)
        where = f"{configuration.path}:{line}" if line else str(configuration.path)
        return Text(where, where)
    if _holds(configuration.profile, loc):
        name, rule = configuration.settings.profile, place(loc, configuration.profile)
        return Text(f"窗口类型 {name}：{rule}", f"profile {name}: {rule}")
    return DEFAULT


def _holds(layer: Layer, loc: Loc) -> bool:
    table: object = layer.values
    for part in loc:
        if not isinstance(table, Mapping) or part not in table:
            return False
        table = table[part]
    return True

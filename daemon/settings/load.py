"""Read a configuration, or say everything that is wrong with it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.settings.faults import Fault, InvalidSettings, Loc
from daemon.settings.model import Settings
from daemon.settings.profiles import read_profile
from daemon.settings.sources import Layer, Unreadable, read_environment, read_file, read_secrets
from daemon.settings.wording import WARNINGS
from daemon.texts import Language, Text

log = logging.getLogger(__name__)

DEFAULT_PATH = Path("/etc/kioskd/kioskd.toml")


@dataclass(frozen=True, slots=True)
class Problem:
    """One error and where it stands: in the file at a line, or in an environment variable."""

    file: str
    key: str
    line: int | None
    column: int | None
    variable: str | None
    expected: Text
    nearest: str | None

    def to(self, language: Language) -> str:
        """The whole error in one line."""
        place = self.file + "".join(f":{number}" for number in (self.line, self.column) if number)
        if self.variable:
            place = Text(f"环境变量 {self.variable}", f"environment variable {self.variable}").to(language)
        hint = (
            Text(f"；是否应为“{self.nearest}”？", f"; did you mean {self.nearest!r}?") if self.nearest else Text("", "")
        )
        return ": ".join(part for part in (place, self.key, self.expected.to(language)) if part) + hint.to(language)

    def __str__(self) -> str:
        return self.to("en")


class ConfigurationError(Exception):
    """The configuration cannot be used. `problems` has every error there is, and no secret."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, and how they came about. The layers hold raw values: secrets in them are SecretStr."""

    path: Path
    settings: Settings
    environment: Layer
    secrets: Layer
    file: Layer
    profile: Layer

    @property
    def warnings(self) -> tuple[Text, ...]:
        """What works, and is hardly meant."""
        return (*self.secrets.warnings, *_unreadable_files(self.settings), *_unserved(self.settings))


def _unreadable_files(settings: Settings) -> Iterator[Text]:
    for key in ("ca_file", "cert_file", "key_file"):
        path = getattr(settings.mqtt, key)
        if path and not os.access(path, os.R_OK):
            yield WARNINGS["not-readable"].fill(key=key, path=path)


def _unserved(settings: Settings) -> Iterator[Text]:
    served = {service for counter in settings.counters.values() for service in counter.services}
    return (WARNINGS["unserved"].fill(name=name) for name in settings.services if name not in served)


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in the file at `path`, those in `environ` over them and its profile's under them.

    Raises ConfigurationError. What is hardly meant is logged as a warning.
    """
    configuration = load_configuration(path, environ)
    for warning in configuration.warnings:
        log.warning("%s", warning.en)
    return configuration.settings


def load_configuration(path: Path, environ: Mapping[str, str]) -> Configuration:
    """As `load_settings`, with what `kioskd check` tells besides."""
    try:
        file = read_file(path)
    except Unreadable as error:
        raise ConfigurationError([_whole_file(path, error)]) from None
    environment = read_environment(environ, file.values)
    secrets = read_secrets(environ, environment, file)
    profile = read_profile(environment, file)
    faults = [*file.faults, *environment.faults, *secrets.faults, *profile.faults]
    try:
        settings = Settings(environment.values, secrets.values, file.values, profile.values)
    except InvalidSettings as error:
        faults.extend(error.faults)
    else:
        if not faults:
            return Configuration(path, settings, environment, secrets, file, profile)
    problems = [_locate(fault, path, environment, file) for fault in faults]
    raise ConfigurationError(sorted(problems, key=lambda problem: problem.line or 0))


def _whole_file(path: Path, error: Unreadable) -> Problem:
    return Problem(str(path), "", error.line, error.column, None, error.expected, None)


def _locate(fault: Fault, path: Path, environment: Layer, file: Layer) -> Problem:
    line = place(fault.loc, file)
    variable = place(fault.loc, environment) or (None if line else _named_below(fault.loc, environment))
    if variable:
        key = "" if fault.loc == (variable,) else dotted(fault.loc)
        return Problem(str(path), key, None, None, str(variable), fault.expected, fault.nearest)
    return Problem(str(path), dotted(fault.loc), int(line) if line else None, None, None, fault.expected, fault.nearest)


def place(loc: Loc, layer: Layer) -> int | str | None:
    """Where `loc` stands in `layer`, or else the innermost table around it that does."""
    return next((layer.places[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in layer.places), None)


def _named_below(loc: Loc, layer: Layer) -> int | str | None:
    """Something that `layer` has in the same table: that alone can have made the table."""
    return next((place for other, place in layer.places.items() if other[: len(loc) - 1] == loc[:-1]), None)


def dotted(loc: Loc) -> str:
    """A key as TOML writes it."""
    parts = [f"[{part}]" if isinstance(part, int) else "." + _quoted(part) for part in loc]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return key
    escaped = key.replace("\\", r"\\").replace('"', r"\"")
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped) + '"'

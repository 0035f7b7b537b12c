"""Where a configuration comes from: the TOML file, with the line of every key; the environment; files with secrets."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from daemon.settings.faults import Fault, Loc
from daemon.settings.model import PASSWORD
from daemon.settings.wording import EXPECTED, WARNINGS
from daemon.texts import Text

MAX_FILE_BYTES = 256_000
MAX_SECRET_BYTES = 4096
PREFIX = "KIOSKD_"
MAX_DEPTH = 3  # KIOSKD_DEVICES__LED_1__ADDRESS
PASSWORD_FILE: Loc = ("mqtt", "password_file")
CREDENTIAL = "mqtt-password"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""systemd names there the directory that holds the credentials of a service (systemd.exec, "Credentials")."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One source's raw tables, where each key of them stands, and what is wrong with the source itself."""

    values: dict[str, Any] = field(default_factory=dict)
    places: Mapping[Loc, int | str] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    warnings: Sequence[Text] = ()


class Unreadable(Exception):
    """The file as a whole gives nothing; with the place in it where that shows."""

    def __init__(self, expected: Text, line: int | None = None, column: int | None = None) -> None:
        super().__init__(expected.en)
        self.expected = expected
        self.line = line
        self.column = column


def read_file(path: Path) -> Layer:
    """The TOML file at `path`; its places are line numbers. Raises Unreadable."""
    text = _decode(_read(path, MAX_FILE_BYTES))
    values = _parse(text)
    places = dict(_lines(text))
    mqtt = values.get("mqtt")
    if isinstance(mqtt, dict) and mqtt.pop(PASSWORD[-1], None) is not None:
        return Layer(values, places, [Fault(PASSWORD, EXPECTED["password-in-file"])])
    return Layer(values, places)


def _read(path: Path, most: int) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(EXPECTED["not-regular"])
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise Unreadable(EXPECTED["no-file"]) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        detail = error.strerror if isinstance(error, OSError) else "no path"
        raise Unreadable(EXPECTED["not-readable"].fill(detail=detail)) from None
    if len(data) > most:
        raise Unreadable(EXPECTED["too-large"].fill(bytes=most))
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")  # editors on Windows put a byte order mark in front
    except UnicodeDecodeError as error:
        raise Unreadable(EXPECTED["not-utf8"], line=data.count(b"\n", 0, error.start) + 1) from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and what int() says of a number with thousands of digits
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
        if place is None:
            raise Unreadable(EXPECTED["syntax"].fill(detail=message)) from None
        line, column = (int(place[1]), int(place[2])) if place[1] else (text.count("\n") + 1, None)
        raise Unreadable(EXPECTED["syntax"].fill(detail=message[: place.start()]), line, column) from None
    except RecursionError:
        raise Unreadable(EXPECTED["syntax"].fill(detail="nested too deeply")) from None


_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


def _lines(text: str) -> Iterator[tuple[Loc, int]]:
    """The line of every key that begins one. tomllib tells none; a key inside an inline table has its table's line."""
    table: Loc = ()
    inside: str | None = None  # the quotes of the multi-line string that we are in
    for number, line in enumerate(text.split("\n"), start=1):
        if inside is None:
            if header := _HEADER.match(line):
                table = _path(header[1])
                yield table, number
            elif assignment := _ASSIGNMENT.match(line):
                yield (*table, *_path(assignment[1])), number
        inside = _still_inside(line, inside)


def _path(dotted: str) -> Loc:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))


def _still_inside(line: str, inside: str | None) -> str | None:
    for quotes in re.findall(r'"""|' + "'''", line):
        if inside is None:
            inside = quotes
        elif inside == quotes:
            inside = None
    return inside


def read_environment(environ: Mapping[str, str], file: Mapping[str, Any]) -> Layer:
    """The ``KIOSKD_…`` variables of `environ`; places are their names. An empty variable counts as not set.

    A variable's name cannot well hold ``-``: ``KIOSKD_DEVICES__PRINTER_1__LINK`` reaches ``devices.printer-1.link``
    where `file` has ``printer-1``.
    """
    values: dict[str, Any] = {}
    places: dict[Loc, int | str] = {}
    faults: list[Fault] = []
    for name in sorted(name for name, value in environ.items() if name.startswith(PREFIX) and value):
        parts = name.removeprefix(PREFIX).lower().split("__")
        if not all(parts) or len(parts) > MAX_DEPTH:
            loc: Loc = (name,)
            faults.append(Fault(loc, EXPECTED["variable"]))
        else:
            loc = _match(parts, file)
            if not _put(values, loc, _hidden(loc, environ[name])):
                faults.append(Fault(loc, EXPECTED["overlap"]))
        places[loc] = name
    return Layer(values, places, faults)


def _match(parts: Sequence[str], table: object) -> Loc:
    found: list[str] = []
    for part in parts:
        keys = list(table) if isinstance(table, Mapping) else []
        key = part if part in keys else next((key for key in keys if key.replace("-", "_") == part), part)
        table = table.get(key) if isinstance(table, Mapping) else None
        found.append(key)
    return tuple(found)


def _hidden(loc: Loc, value: str) -> str | SecretStr:
    return SecretStr(value) if loc == PASSWORD else value


def _put(values: dict[str, Any], loc: Loc, value: str | SecretStr) -> bool:
    for part in loc[:-1]:
        inner = values.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return False
        values = inner
    return values.setdefault(str(loc[-1]), value) is value


def read_secrets(environ: Mapping[str, str], environment: Layer, file: Layer) -> Layer:
    """The broker's password, from the file that ``mqtt.password_file`` names or else from systemd's credential.

    Nothing is read when the environment gives the password itself. Places are paths.
    """
    if _get(environment.values, PASSWORD) is not None:
        return Layer()
    named = _get(environment.values, PASSWORD_FILE) or _get(file.values, PASSWORD_FILE)
    directory = environ.get(CREDENTIALS_VARIABLE)
    if isinstance(named, str):
        return _secret(Path(named), PASSWORD_FILE)
    if directory and os.access(path := Path(directory, CREDENTIAL), os.F_OK):
        return _secret(path, PASSWORD)
    return Layer()


def _get(values: Mapping[str, Any], loc: Loc) -> object:
    found: object = values
    for part in loc:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _secret(path: Path, loc: Loc) -> Layer:
    places = {PASSWORD: str(path)}
    try:
        secret = _read(path, MAX_SECRET_BYTES).decode().removesuffix("\n").removesuffix("\r")
        open_to_all = path.stat().st_mode & stat.S_IROTH
    except Unreadable as error:
        return Layer({}, places, [Fault(loc, error.expected)])
    except (OSError, UnicodeDecodeError):
        secret, open_to_all = "", 0
    if not secret or not secret.isprintable():
        return Layer({}, places, [Fault(loc, EXPECTED["secret"])])
    warnings = [WARNINGS["world-readable"].fill(path=path)] if open_to_all else []
    return Layer({"mqtt": {"password": SecretStr(secret)}}, places, (), warnings)

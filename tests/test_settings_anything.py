"""Whatever stands in the file and the environment: it gives settings, or errors in words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.settings import ConfigurationError, load_settings

KIOSK = b"""\
hall = "demo"
kiosk = "k1"

[mqtt]
host = "broker.hall"
username = "k1"

[devices.led-1]
driver = "bx"
link = "tcp://10.0.0.9:5005"
"""

Tables = dict[str, Any]

KNOWN = (
    "hall",
    "kiosk",
    "root",
    "mqtt",
    "host",
    "port",
    "password",
    "password_file",
    "services",
    "counters",
    "devices",
)
MORE = ("name", "printer", "driver", "link", "keys", "levels", "a", "1", "ticket", "rating", "store", "path", "first")
KEYS = st.sampled_from(KNOWN + MORE) | st.text(max_size=6)
SCALARS = (
    st.text(max_size=12)
    | st.sampled_from(["a", "1", "escpos", "keypad", "tcp://h:1", "serial:///dev/x?baud=9", "tcp://[", "//", "{hall}"])
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.booleans()
    | st.just(datetime(2026, 11, 21, tzinfo=UTC))
    | st.just(date(2026, 11, 21))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def toml(value: object) -> str:
    """`value` as an inline TOML value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return quoted(value) if isinstance(value, str) else repr(value)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


def write(directory: Path, data: bytes) -> Path:
    path = directory / "kioskd.toml"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def read(path: Path, environ: Mapping[str, str]) -> None:
    """Read a configuration that may be anything. Nothing but ConfigurationError may come of a wrong one."""
    try:
        load_settings(path, environ)
    except ConfigurationError as error:
        problems = error.problems
    else:
        return
    assert problems
    for one in problems:
        assert one.to("en").startswith(("environment variable KIOSKD_", str(path)))
        assert one.to("zh-CN").startswith(("环境变量 KIOSKD_", str(path)))


@settings(deadline=None)
@given(data=st.binary(max_size=200))
@example(data=b"a." * 2_000 + b"a = 1")
@example(data=b"[" + b"a." * 2_000 + b"a]")
@example(data=b"__pydantic_self__ = 1\nself = 2\nlayers = 3\n_env_file = 4")
@example(data=b"hall = 9999999999999999999999")
def test_any_bytes_give_settings_or_errors(directory: Path, data: bytes) -> None:
    read(write(directory, data), {})


@settings(max_examples=300, deadline=None)
@given(tables=st.dictionaries(KEYS, VALUES, max_size=8), valid=st.booleans())
def test_any_tables_give_settings_or_errors(directory: Path, tables: Tables, valid: bool) -> None:
    named = {"hall": "h", "kiosk": "k", **tables} if valid else tables
    text = "\n".join(f"{quoted(key)} = {toml(value)}" for key, value in named.items())
    read(write(directory, text.encode()), {})


NAMES = st.lists(st.sampled_from([key.upper() for key in KNOWN + MORE]) | st.text(max_size=4), max_size=4)


@settings(deadline=None)
@given(environ=st.dictionaries(NAMES.map(lambda parts: "KIOSKD_" + "__".join(parts)), st.text(max_size=8), max_size=6))
def test_any_environment_gives_settings_or_errors(directory: Path, environ: dict[str, str]) -> None:
    read(write(directory, KIOSK), environ)

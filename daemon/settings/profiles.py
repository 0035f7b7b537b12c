"""Profiles: what the service rules ask of one kind of window, as a layer below ``kioskd.toml``.

A profile is laid out like ``kioskd.toml``. Its table ``[sources]`` names, for every key in it, the rules that the
value comes from, by the letters of docs/service-rules.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from daemon.settings.faults import Fault, nearest
from daemon.settings.sources import Layer
from daemon.settings.wording import EXPECTED
from daemon.shipped import shipped

KEY = "profile"
SOURCES = "sources"
SUFFIX = ".toml"


def profile_names() -> Sequence[str]:
    """The profiles that there are."""
    return sorted(path.stem for path in shipped("profiles").glob(f"*{SUFFIX}"))


def read_profile(environment: Layer, file: Layer) -> Layer:
    """The profile that `environment`, or else `file`, names; nothing when none is named. Places are rules."""
    name = environment.values.get(KEY, file.values.get(KEY))
    if not isinstance(name, str):
        return Layer()  # what it is instead, the settings say
    names = profile_names()
    if name not in names:
        return Layer(faults=[Fault((KEY,), EXPECTED["profile"].fill(known=", ".join(names)), nearest(name, names))])
    return load_profile(shipped("profiles") / f"{name}{SUFFIX}")


def load_profile(path: Path) -> Layer:
    """The shipped profile at `path`."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    sources = values.pop(SOURCES)
    return Layer(values, {loc: sources[".".join(loc)] for loc in _leaves((), values)})


def _leaves(loc: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves((*loc, key), value)
        else:
            yield (*loc, key)

"""Where templates are: a technician's beside the configuration, and those that kioskd brings along."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from daemon.shipped import shipped
from daemon.texts import SlipLanguage

SUFFIX = ".receipt"
OWN = "slips"
"""The folder beside ``kioskd.toml``."""


def shipped_slips(prefix: Path = Path(sys.prefix)) -> Path:
    """The folder of the shipped templates, with kioskd installed below `prefix`."""
    return shipped("slips", prefix)


def candidates(name: str, language: SlipLanguage, own: Path | None) -> Iterator[Path]:
    """Where the template `name` is looked for, what counts most first: own, own for every language, shipped."""
    if own is not None:
        yield own / language / f"{name}{SUFFIX}"
        yield own / f"{name}{SUFFIX}"
    yield shipped_slips() / language / f"{name}{SUFFIX}"

"""Text from the wire that is fit for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_line(text: str) -> str:
    """`text` without anything that could move a terminal's cursor or change its colours."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def pairs(data: Mapping[str, Any]) -> str:
    """Data as ``name=value``, without what is empty."""
    shown = {name: _shown(value) for name, value in data.items()}
    return one_line(" ".join(f"{name}={value}" for name, value in shown.items() if value))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    if isinstance(value, dict):
        return f"{{{pairs(value)}}}" if value else ""
    return "" if value is None else str(value)

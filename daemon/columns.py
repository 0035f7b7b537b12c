"""Tables for the terminal, where a Chinese character is two columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from unicodedata import combining, east_asian_width

GAP = "  "


def columns(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """`rows` as lines, every column as wide as its widest cell."""
    cells = [list(row) for row in rows]
    widths = [max(width(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True))
        yield GAP.join(padded).rstrip()


def width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(0 if combining(char) else 1 + (east_asian_width(char) in "WF") for char in text)

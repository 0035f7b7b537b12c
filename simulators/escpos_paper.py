"""The paper of a simulated printer: what stands on it, slip after slip, as a person would see it."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import Any

DOTS_PER_MM = 8
"""203 dpi."""

MAX_SLIPS = 50
MAX_ITEMS = 2000
"""What a page can show; older slips and later items of an endless one are forgotten."""


@dataclass(frozen=True, slots=True)
class Style:
    """How characters look. `width` and `height` magnify."""

    width: int = 1
    height: int = 1
    bold: bool = False
    underline: bool = False
    invert: bool = False
    upside_down: bool = False
    font: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of one style."""

    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Dots:
    """An image among the characters of a line, 24 dots high; `bits` row by row, the left dot highest, as hex."""

    width_dots: int
    bits: str

    @property
    def text(self) -> str:
        """An object replacement character: whoever reads the text of the line sees that something stands there."""
        return "\ufffc"

    @property
    def style(self) -> Style:
        """Plain: no mode of the printer touches an image."""
        return Style()


@dataclass(frozen=True, slots=True)
class Line:
    spans: tuple[Span | Dots, ...]
    align: str

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Qr:
    data: str
    module_dots: int
    level: str
    align: str


@dataclass(frozen=True, slots=True)
class Barcode:
    symbology: int
    data: str
    align: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of so many dots; `bits` row by row, the left dot highest, as hex."""

    width_dots: int
    height_dots: int
    bits: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Paper fed without printing."""

    dots: int


Item = Line | Qr | Barcode | Image | Blank


@dataclass(slots=True)
class Slip:
    """A stretch of paper: hanging from the printer until `cut` (full or partial) or `torn` by the end of its roll.

    `number` counts the slips of a printer; `changes` counts what happened to this one.
    """

    items: list[Item] = field(default_factory=list)
    cut: str | None = None
    torn: bool = False
    number: int = 0
    changes: int = 0

    @property
    def has_ink(self) -> bool:
        return any(not isinstance(item, Blank) for item in self.items)

    @property
    def lines(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Line)]

    def as_json(self) -> dict[str, Any]:
        items = [{"kind": type(item).__name__.lower(), **asdict(item)} for item in self.items]
        return {"items": items, "cut": self.cut, "torn": self.torn}


class Paper:
    """A roll: finished slips, oldest first, and the one in the printer's mouth, always the last.

    It is `columns` of single-width characters wide.
    """

    def __init__(self, columns: int = 48) -> None:
        self.columns = columns
        self.slips: deque[Slip] = deque([Slip()], maxlen=MAX_SLIPS)
        self.printed_mm = 0.0

    @property
    def hanging(self) -> Slip:
        return self.slips[-1]

    def put(self, item: Item, height_dots: int) -> float:
        """Print `item`; how many millimetres of paper it took."""
        items = self.hanging.items
        self.hanging.changes += 1
        if isinstance(item, Blank) and items and isinstance(items[-1], Blank):
            items[-1] = replace(items[-1], dots=items[-1].dots + item.dots)
        elif len(items) < MAX_ITEMS:
            items.append(item)
        moved = height_dots / DOTS_PER_MM
        self.printed_mm += moved
        return moved

    def cut(self, kind: str) -> None:
        self.hanging.cut = kind
        self._begin()

    def tear(self) -> None:
        """The roll ended, or was changed: what hung out of the printer goes with the old one."""
        if self.hanging.items:
            self.hanging.torn = True
            self._begin()

    def _begin(self) -> None:
        self.slips.append(Slip(number=self.hanging.number + 1))

    def take(self) -> None:
        """Somebody takes every finished slip away."""
        hanging = self.hanging
        self.slips.clear()
        self.slips.append(hanging)

"""A ReceiptLine document as parsed: what each of its lines asks for, before anybody knows how wide the paper is."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.printer.page import Align, Style

STAR = -1
"""The width of a column that takes its share of what the others leave."""

HIDDEN = 0
"""The width of a column that is not printed."""

RULED = -1
"""The border of columns with vertical rules between and around them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the properties before a line say about it.

    `widths` in characters, none for columns of equal width; `border` in characters, or `RULED`; `align`: where the
    whole line stands when it is narrower than the paper.
    """

    wrap: bool = True
    border: int = 1
    widths: tuple[int, ...] = ()
    align: Align = Align.CENTRE


@dataclass(frozen=True, slots=True)
class CodeOptions:
    """How codes are printed: `kind` is ReceiptLine's word. Module, height and cell in dots."""

    kind: str = "code128"
    module_dots: int = 2
    height_dots: int = 72
    text: bool = False
    cell_dots: int = 3
    level: str = "l"


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one style."""

    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Column:
    """One column's text, in the lines that its author broke it into."""

    align: Align
    lines: tuple[tuple[Run, ...], ...]


@dataclass(frozen=True, slots=True)
class TextRow:
    """A line of text in columns."""

    line: int
    frame: Frame
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A horizontal rule."""

    line: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class CutRow:
    """The paper is cut here."""

    line: int


@dataclass(frozen=True, slots=True)
class BorderRow:
    """The property `border` was set: vertical rules begin or end here, or neither."""

    line: int
    ruled: bool


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A QR code or a bar code: `options` say which."""

    line: int
    frame: Frame
    align: Align
    data: str
    options: CodeOptions


@dataclass(frozen=True, slots=True)
class ImageRow:
    """`data` is the picture's Base64."""

    line: int
    frame: Frame
    align: Align
    data: str


Row = TextRow | RuleRow | CutRow | BorderRow | CodeRow | ImageRow

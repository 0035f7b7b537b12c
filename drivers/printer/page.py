"""A slip, laid out and independent of any device: what every renderer starts from.

A page is so many columns wide: columns of the printer's own font, in which a double-byte character takes two (see
`drivers.printer.escpos_text.columns`). Whatever has a place in a line has it in columns, already wrapped and aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_COLUMNS = 48
"""80 mm paper. 58 mm paper has 32."""

COLUMN_DOTS = 12
"""The width of a column on a printer of 203 dots an inch (font A)."""


class Align(StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Style:
    """How characters look. `width` and `height` magnify 1 to 8 times."""

    width: int = 1
    height: int = 1
    bold: bool = False
    underline: bool = False
    invert: bool = False


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of one style that begin at `column`."""

    text: str
    column: int = 0
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line: spans from left to right that do not overlap, and the columns with a vertical rule in them."""

    spans: tuple[Span, ...]
    bars: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """How many times as high as a plain line it is."""
        return max((span.style.height for span in self.spans), default=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal rule: `columns` wide from `column` on, or up to the right edge of the page.

    `up` and `down` are the columns where a vertical rule meets it from above and from below.
    """

    column: int = 0
    columns: int | None = None
    up: tuple[int, ...] = ()
    down: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a code or picture stands: at a side or in the middle of `columns` from `column` on, or of the page."""

    align: Align = Align.CENTRE
    column: int = 0
    columns: int | None = None


CENTRED = Place()


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code. `module_dots` (1 to 16) is the edge of one module, `level` of error correction one of ``lmqh``."""

    data: str
    module_dots: int = 6
    level: str = "m"
    place: Place = CENTRED


class Symbology(StrEnum):
    UPC_A = "upc-a"
    UPC_E = "upc-e"
    EAN13 = "ean13"
    EAN8 = "ean8"
    CODE39 = "code39"
    ITF = "itf"
    CODABAR = "codabar"
    CODE93 = "code93"
    CODE128 = "code128"


@dataclass(frozen=True, slots=True)
class Barcode:
    """A barcode. `data` is what `drivers.printer.barcode.complete` made of it, check digit included where one stands.

    `module_dots` (2 to 6) is the width of the narrowest bar; `text`: with the data below in characters.
    """

    symbology: Symbology
    data: str
    module_dots: int = 2
    height_dots: int = 72
    text: bool = False
    place: Place = CENTRED


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Dots, row by row from the top. Each row begins with a new byte, its left dot in the highest bit; 1 is black."""

    width_dots: int
    height_dots: int
    rows: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of dots."""

    bitmap: Bitmap
    place: Place = CENTRED


@dataclass(frozen=True, slots=True)
class Feed:
    """Blank lines."""

    lines: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed the slip past the cutter and cut it off."""


Element = Line | Rule | QrCode | Barcode | Picture | Feed | Cut


@dataclass(frozen=True, slots=True)
class Page:
    """A whole slip, top to bottom."""

    elements: tuple[Element, ...]
    columns: int = DEFAULT_COLUMNS

"""A slip, laid out and independent of any device: what every renderer starts from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Align(StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Text:
    """One printed line, already broken to the paper's width. `width` and `height` magnify 1 to 8 times."""

    text: str
    align: Align = Align.LEFT
    width: int = 1
    height: int = 1
    bold: bool = False
    underline: bool = False
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code, centred. `module_dots` (1 to 16) is the edge of one module."""

    data: str
    module_dots: int = 6


@dataclass(frozen=True, slots=True)
class Feed:
    """Blank lines."""

    lines: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed the slip past the cutter and cut it off."""


Element = Text | Rule | QrCode | Feed | Cut


@dataclass(frozen=True, slots=True)
class Page:
    """A whole slip, top to bottom."""

    elements: tuple[Element, ...]

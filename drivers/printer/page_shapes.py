"""A page as shapes on paper: where each character, rule and code stands, in dots. What pictures of pages are made of.

The measures are those of font A on a printer of 203 dots an inch: a column of 12 dots, characters of 24, lines of 30.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.printer.dots import dots_of, left_dots
from drivers.printer.escpos_text import columns
from drivers.printer.page import (
    COLUMN_DOTS,
    Barcode,
    Bitmap,
    Cut,
    Element,
    Feed,
    Line,
    Page,
    Picture,
    QrCode,
    Rule,
    Style,
)

CHARACTER_DOTS = 24
LINE_DOTS = 30
RULE_DOTS = 2
MARGIN_DOTS = 24
"""Blank paper at each side, above and below: it makes the picture look like a slip."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character in its cell, the magnification included."""

    x: int
    y: int
    width: int
    height: int
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Block:
    """A black rectangle."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Dots:
    """A picture."""

    x: int
    y: int
    bitmap: Bitmap


@dataclass(frozen=True, slots=True)
class Tear:
    """Where the paper is cut."""

    y: int


Shape = Character | Block | Dots | Tear


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything on the paper, from the top."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


def drawing(page: Page) -> Drawing:
    """`page` on paper with a margin."""
    found: list[Shape] = []
    y = MARGIN_DOTS
    for element in page.elements:
        shapes = list(_shapes(element, page.columns, y))
        found += shapes
        y += _height(element)
    return Drawing(page.columns * COLUMN_DOTS + 2 * MARGIN_DOTS, y + MARGIN_DOTS, tuple(found))


def _height(element: Element) -> int:
    match element:
        case Line():
            return LINE_DOTS * element.height
        case Feed(lines=lines):
            return LINE_DOTS * lines
        case QrCode() | Picture():
            return dots_of(element).height_dots
        case Barcode(text=text):
            return dots_of(element).height_dots + (LINE_DOTS if text else 0)
        case Rule() | Cut():
            return LINE_DOTS


def _shapes(element: Element, page_columns: int, y: int) -> Iterator[Shape]:
    match element:
        case Line():
            yield from _line(element, y)
        case Rule():
            yield from _rule(element, page_columns, y)
        case QrCode() | Barcode() | Picture():
            yield from _graphic(element, page_columns, y)
        case Cut():
            yield Tear(y + LINE_DOTS // 2)
        case Feed():
            pass


def _x(column: int) -> int:
    return MARGIN_DOTS + column * COLUMN_DOTS


def _line(line: Line, y: int) -> Iterator[Shape]:
    """Characters stand on one base line, whatever their size."""
    height = LINE_DOTS * line.height
    for span in line.spans:
        x = _x(span.column)
        tall = CHARACTER_DOTS * span.style.height
        for character in span.text:
            wide = columns(character) * COLUMN_DOTS * span.style.width
            yield Character(x, y + height - tall - (LINE_DOTS - CHARACTER_DOTS) // 2, wide, tall, character, span.style)
            x += wide
    for bar in line.bars:
        yield Block(_x(bar) + (COLUMN_DOTS - RULE_DOTS) // 2, y, RULE_DOTS, height)


def _rule(rule: Rule, page_columns: int, y: int) -> Iterator[Shape]:
    width = rule.columns if rule.columns is not None else page_columns - rule.column
    middle = y + (LINE_DOTS - RULE_DOTS) // 2
    crossed = rule.up or rule.down
    inset = (COLUMN_DOTS - RULE_DOTS) // 2 if crossed else 0  # a table's rule ends in the middle of its outer ones
    yield Block(_x(rule.column) + inset, middle, width * COLUMN_DOTS - 2 * inset, RULE_DOTS)
    for bar in rule.up:
        yield Block(_x(bar) + (COLUMN_DOTS - RULE_DOTS) // 2, y, RULE_DOTS, middle - y)
    for bar in rule.down:
        yield Block(_x(bar) + (COLUMN_DOTS - RULE_DOTS) // 2, middle, RULE_DOTS, y + LINE_DOTS - middle)


def _graphic(element: QrCode | Barcode | Picture, page_columns: int, y: int) -> Iterator[Shape]:
    dots = dots_of(element)
    left = MARGIN_DOTS + left_dots(element.place, dots.width_dots, page_columns)
    yield Dots(left, y, dots)
    if isinstance(element, Barcode) and element.text:
        x = max(MARGIN_DOTS, left + (dots.width_dots - columns(element.data) * COLUMN_DOTS) // 2)
        top = y + dots.height_dots + (LINE_DOTS - CHARACTER_DOTS) // 2
        for place, character in enumerate(element.data):
            yield Character(x + place * COLUMN_DOTS, top, COLUMN_DOTS, CHARACTER_DOTS, character, Style())

"""Codes and pictures as dots, and where on the paper they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drivers.printer import barcode, qr
from drivers.printer.escpos_text import columns
from drivers.printer.page import COLUMN_DOTS, Align, Barcode, Bitmap, Line, Picture, Place, QrCode, Span

Graphic = QrCode | Barcode | Picture

_WHOLE_LINE = Place(Align.LEFT)


def dots_of(element: Graphic) -> Bitmap:
    """The dots of a code or picture; of a barcode, the bars alone."""
    match element:
        case QrCode():
            return _magnified(qr.matrix(element), element.module_dots)
        case Barcode():
            bars = [bar == "1" for bar in barcode.modules(element.symbology, element.data)]
            width = len(bars) * element.module_dots
            return Bitmap(width, element.height_dots, _row(bars, element.module_dots) * element.height_dots)
        case Picture(bitmap=bitmap):
            return bitmap


def width_dots(element: Graphic) -> int:
    """How wide `dots_of(element)` is."""
    match element:
        case QrCode():
            return qr.edge_modules(element) * element.module_dots
        case Barcode():
            return len(barcode.modules(element.symbology, element.data)) * element.module_dots
        case Picture(bitmap=bitmap):
            return bitmap.width_dots


def left_dots(place: Place, width_dots: int, page_columns: int) -> int:
    """Where on a page something `width_dots` wide begins."""
    room = (place.columns if place.columns is not None else page_columns) * COLUMN_DOTS
    left = {Align.LEFT: 0, Align.CENTRE: (room - width_dots) // 2, Align.RIGHT: room - width_dots}[place.align]
    return place.column * COLUMN_DOTS + left


def placed(element: Graphic) -> tuple[Picture | Line, ...]:
    """`element` as a picture from the left edge of the paper on, and the characters of a barcode below it."""
    dots = dots_of(element)
    place = element.place
    left = left_dots(place, dots.width_dots, place.columns or 0)
    picture = Picture(_indented(dots, left), _WHOLE_LINE)
    if not isinstance(element, Barcode) or not element.text:
        return (picture,)
    column = max(0, (left + (dots.width_dots - columns(element.data) * COLUMN_DOTS) // 2) // COLUMN_DOTS)
    return picture, Line((Span(element.data, column),))


def _magnified(modules: Sequence[Sequence[bool]], module_dots: int) -> Bitmap:
    rows = b"".join(_row(row, module_dots) * module_dots for row in modules)
    return Bitmap(len(modules[0]) * module_dots, len(modules) * module_dots, rows)


def _row(modules: Iterable[bool], module_dots: int) -> bytes:
    bits = "".join(("1" if module else "0") * module_dots for module in modules)
    return _packed(bits)


def _packed(bits: str) -> bytes:
    size = (len(bits) + 7) // 8
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def _indented(dots: Bitmap, left: int) -> Bitmap:
    """`dots` with so many white ones to the left."""
    row_bytes = (dots.width_dots + 7) // 8
    width = left + dots.width_dots
    size = (width + 7) // 8
    shift = size * 8 - width
    spare = row_bytes * 8 - dots.width_dots
    rows = (dots.rows[start : start + row_bytes] for start in range(0, len(dots.rows), row_bytes))
    moved = ((int.from_bytes(row, "big") >> spare << shift).to_bytes(size, "big") for row in rows)
    return Bitmap(width, dots.height_dots, b"".join(moved))

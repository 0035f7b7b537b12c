"""A page as plain text: what stands on each line, every character in its column."""

from __future__ import annotations

from drivers.printer.escpos_text import columns
from drivers.printer.page import Barcode, Cut, Element, Feed, Line, Page, Picture, QrCode, Rule

CROSSING, HORIZONTAL, VERTICAL = "+", "-", "|"


def as_text(page: Page) -> str:
    """`page` as lines of text. Magnified characters stand apart; codes and pictures stand as what they hold."""
    return "".join(line.rstrip() + "\n" for element in page.elements for line in _lines(element, page.columns))


def _lines(element: Element, width: int) -> list[str]:
    match element:
        case Line():
            return [_line(element)]
        case Rule():
            return [rule_text(element, width)]
        case Feed(lines=lines):
            return [""] * lines
        case QrCode(data=data):
            return [f"[QR {data}]"]
        case Barcode(symbology=symbology, data=data):
            return [f"[{symbology} {data}]"]
        case Picture(bitmap=bitmap):
            return [f"[{bitmap.width_dots} × {bitmap.height_dots}]"]
        case Cut():
            return ["=" * width]


def _line(line: Line) -> str:
    spans = [(span.column, _stretched(span.text, span.style.width)) for span in line.spans]
    pieces = sorted([*spans, *((bar, VERTICAL) for bar in line.bars)])
    text, used = "", 0
    for column, piece in pieces:
        text += " " * (column - used) + piece
        used = column + columns(piece)
    return text


def _stretched(text: str, width: int) -> str:
    return "".join(each + " " * (columns(each) * (width - 1)) for each in text)


def rule_text(rule: Rule, page_columns: int) -> str:
    """A horizontal rule in ASCII, which every printer's font has, from the left edge of the paper on."""
    width = rule.columns if rule.columns is not None else page_columns - rule.column
    crossings = {*rule.up, *rule.down}
    return " " * rule.column + "".join(
        CROSSING if column in crossings else HORIZONTAL for column in range(rule.column, rule.column + width)
    )

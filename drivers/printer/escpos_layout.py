"""From a laid-out page to the bytes of an ESC/POS printer.

The bytes of layout commands are python-escpos's (`escpos.constants`, MIT), but for FS (double-byte text), GS V with
feed, and GS ( k, which it has no constants for. Structure keeps the real-time commands 10 04, 10 05 and 10 14 out:
texts and QR data have no byte below 20, and no argument 10 is followed by a byte that would complete one; what dots
do about them: `drivers.printer.escpos_image`.
"""

from __future__ import annotations

from dataclasses import dataclass

from escpos import constants

from drivers.printer.escpos_codes import barcode, check_range, qr_code
from drivers.printer.escpos_glyphs import as_picture
from drivers.printer.escpos_image import raster
from drivers.printer.escpos_line import LINE_FEED, Layout, TextLine, restyle, text_line
from drivers.printer.escpos_text import RASTER, Unprintable, encode_text
from drivers.printer.page import (
    COLUMN_DOTS,
    PLAIN,
    Align,
    Barcode,
    Cut,
    Element,
    Feed,
    Line,
    Page,
    Picture,
    QrCode,
    Rule,
    Span,
    Style,
)
from drivers.printer.page_text import rule_text

ESC: bytes = constants.ESC
GS: bytes = constants.GS
CENTRED: bytes = constants.TXT_STYLE["align"]["center"]

PREAMBLE: bytes = constants.HW_INIT + ESC + b"R\x00" + constants.CODEPAGE_CHANGE + b"\x00" + b"\x1c\x2e"
"""ESC @ (initialise), ESC R 0 (no ¥ for $; unverified), ESC t 0 (CP437), FS . (single-byte mode). Prints nothing."""

MAX_FEED_LINES = 255
TEAR_OFF_LINES = 6
"""What brings the last line past the tear bar where there is no cutter; python-escpos feeds as much before a cut."""

CUTS: dict[str, bytes] = {
    "partial": GS + b"V\x42\x00",
    "full": GS + b"V\x41\x00",
    "none": ESC + b"d" + bytes((TEAR_OFF_LINES,)),
}
"""GS V 66/65 0: feed to the cutter and cut."""

_Other = Rule | QrCode | Barcode | Picture | Feed | Cut
"""What is no line of text."""

_ALIGN = {Align.LEFT: "left", Align.CENTRE: "center", Align.RIGHT: "right"}


def lay_out(page: Page, layout: Layout) -> list[bytes]:
    """The page as pieces of whole commands, one or more for each element, to follow `preamble`. No piece is longer
    than a printer takes: a picture goes in bands.

    Raises Unprintable when a text holds what neither the printer's code can carry nor an installed font can draw,
    ValueError for what no printer can do and for what is wider than its paper.
    """
    mode = _Mode()
    pieces: list[bytes] = []
    for element in (each for whole in page.elements for each in _parts(whole, layout)):
        if isinstance(element, TextLine):
            pieces.append(_change(mode, _Mode(element.first), layout) + element.data)
            mode = _Mode(element.last)
        else:
            wanted = _mode_for(element, mode)
            first, *others = _element(element, layout)
            pieces += [_change(mode, wanted, layout) + first, *others]
            mode = wanted
    return pieces


def preamble(layout: Layout) -> bytes:
    """What goes before every slip; a printer without Chinese would print the dot of FS ."""
    return constants.HW_INIT if layout.encoding == RASTER else PREAMBLE


def void_slip(layout: Layout) -> bytes:
    """Marks what hangs out of the printer as void and cuts it off."""
    word = "作廢" if layout.encoding == "big5" else "作废"
    return _marked(word, b" ", b"VOID", layout)


def unconfirmed_slip(layout: Layout) -> bytes:
    """Says below a slip that nobody knows whether it is whole, and cuts it off; one that was cut lies just above."""
    words = "以上小票未確認" if layout.encoding == "big5" else "以上小票未确认"
    return _marked(words, LINE_FEED, b"UNCONFIRMED", layout)


def _marked(words: str, between: bytes, latin: bytes, layout: Layout) -> bytes:
    if layout.encoding == RASTER:
        text = _drawn_words(words, layout) + CENTRED + latin
    else:
        text = CENTRED + encode_text(words, layout.encoding) + between + latin
    return text + LINE_FEED + CUTS[layout.cut]


def _drawn_words(words: str, layout: Layout) -> bytes:
    """`words` as dots; nothing where their font was taken away: every printer has the letters below them."""
    try:
        picture = as_picture(Line((Span(words, 0, Style(height=2)),)), layout.columns, layout.fonts)
    except Unprintable:
        return b""
    return b"".join(raster(picture.bitmap))


@dataclass(frozen=True, slots=True)
class _Mode:
    """What the printer must be told before it prints, and stays in after it."""

    style: Style = PLAIN
    align: Align = Align.LEFT


def _mode_for(element: _Other, mode: _Mode) -> _Mode:
    """The mode in which `element` is printed."""
    match element:
        case Rule():
            return _Mode()
        case QrCode(place=place) | Barcode(place=place) | Picture(place=place):
            return _Mode(PLAIN, place.align)
        case _:
            return mode


def _change(old: _Mode, new: _Mode, layout: Layout) -> bytes:
    align: bytes = constants.TXT_STYLE["align"][_ALIGN[new.align]] if old.align != new.align else b""
    return restyle(old.style, new.style, layout) + align


def _element(element: _Other, layout: Layout) -> list[bytes]:
    match element:
        case Rule():
            return [_fitting(rule_text(element, layout.columns), layout).encode("ascii") + LINE_FEED]
        case QrCode():
            return [qr_code(element)]
        case Barcode():
            return [barcode(element)]
        case Picture(bitmap=bitmap):
            check_range("dots of a picture's width", bitmap.width_dots, 1, layout.columns * COLUMN_DOTS)
            return raster(bitmap)
        case Feed(lines=lines):
            check_range("feed lines", lines, 0, MAX_FEED_LINES)
            return [ESC + b"d" + bytes((lines,))]
        case Cut():
            return [CUTS[layout.cut]]


def _fitting(text: str, layout: Layout) -> str:
    check_range("columns of a rule", len(text), 0, layout.columns)
    return text


def _parts(element: Element, layout: Layout) -> tuple[TextLine | _Other, ...]:
    """What stands in a part of the line is sent as dots: no command puts a printer's own code there.

    So is a line that cannot be sent as text, and for a printer without Chinese everything: then the paper is the
    picture that a preview shows.
    """
    if isinstance(element, Line):
        return (text_line(element, layout) or as_picture(element, layout.columns, layout.fonts),)
    if layout.encoding == RASTER and not isinstance(element, Feed | Cut):
        return (_drawn(element, layout),)
    if not isinstance(element, QrCode | Barcode | Picture) or element.place.columns is None:
        return (element,)
    from drivers.printer.dots import placed  # noqa: PLC0415 - libraries that most slips do without

    return tuple(part for each in placed(element) for part in _parts(each, layout))


def _drawn(element: Rule | QrCode | Barcode | Picture, layout: Layout) -> Picture:
    """`element` as the dots that a preview shows. What no other printer is sent, this one is not, either."""
    from drivers.printer.dots import width_dots  # noqa: PLC0415

    _element(element, layout)
    if not isinstance(element, Rule):
        check_range("dots of a code's width", width_dots(element), 1, layout.columns * COLUMN_DOTS)
    return as_picture(element, layout.columns, layout.fonts)

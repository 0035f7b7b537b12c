"""From a laid-out page to the bytes of an ESC/POS printer.

The bytes of layout commands are python-escpos's (`escpos.constants`, MIT), but for FS (double-byte text), GS V with
feed, and GS ( k, which it has no constants for. Structure keeps the real-time commands 10 04, 10 05 and 10 14 out:
texts and QR data have no byte below 20, and no argument 10 is followed by a byte that would complete one; what dots
do about them: `drivers.printer.escpos_image`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from escpos import constants

from drivers.printer.escpos_codes import barcode, check_range, qr_code
from drivers.printer.escpos_glyphs import as_picture, inline
from drivers.printer.escpos_image import raster
from drivers.printer.escpos_text import columns, encode_text, text_runs
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
from drivers.printer.page_text import VERTICAL, rule_text

ESC: bytes = constants.ESC
GS: bytes = constants.GS
LINE_FEED: bytes = constants.CTL_LF
CENTRED: bytes = constants.TXT_STYLE["align"]["center"]

PREAMBLE: bytes = constants.HW_INIT + ESC + b"R\x00" + constants.CODEPAGE_CHANGE + b"\x00" + b"\x1c\x2e"
"""ESC @ (initialise), ESC R 0 (no ¥ for $; unverified), ESC t 0 (CP437), FS . (single-byte mode). Prints nothing."""

MAX_FEED_LINES = 255
MAX_MAGNIFICATION = 8
MAX_FS_SIZE = 2
TEAR_OFF_LINES = 6
"""What brings the last line past the tear bar where there is no cutter; python-escpos feeds as much before a cut."""

CUTS: dict[str, bytes] = {
    "partial": GS + b"V\x42\x00",
    "full": GS + b"V\x41\x00",
    "none": ESC + b"d" + bytes((TEAR_OFF_LINES,)),
}
"""GS V 66/65 0: feed to the cutter and cut."""

_ALIGN = {Align.LEFT: "left", Align.CENTRE: "center", Align.RIGHT: "right"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How one printer wants its bytes. `columns` of single width, `cut` a key of `CUTS`.

    `four_byte`: its font has GB18030's four-byte characters. `fs_size`: GS ! does not magnify its Chinese
    characters, FS ! does, up to twice (escpos-php issue #931). `fonts`: where this machine has its own, for what
    the printer's code lacks.
    """

    encoding: str
    columns: int
    cut: str
    four_byte: bool
    fs_size: bool
    fonts: Path = Path("/usr/share/fonts")


def lay_out(page: Page, layout: Layout) -> list[bytes]:
    """The page as pieces of whole commands, one or more for each element, to follow `PREAMBLE`.

    Raises Unprintable when a text holds what neither the printer's code can carry nor an installed font can draw,
    ValueError for what no printer can do and for what is wider than its paper.
    """
    mode = _Mode()
    pieces: list[bytes] = []
    for element in (each for whole in page.elements for each in _parts(whole, layout)):
        wanted = _mode_for(element, mode, layout)
        first, *others = _element(element, wanted, layout)
        pieces += [_change(mode, wanted, layout) + first, *others]
        mode = _Mode(_last_style(element, wanted, layout), wanted.align)
    return pieces


def void_slip(layout: Layout) -> bytes:
    """Marks what hangs out of the printer as void and cuts it off."""
    word = "作廢" if layout.encoding == "big5" else "作废"
    text = encode_text(f"{word} VOID", layout.encoding)
    return CENTRED + text + LINE_FEED + CUTS[layout.cut]


@dataclass(frozen=True, slots=True)
class _Mode:
    """What the printer must be told before it prints, and stays in after it."""

    style: Style = PLAIN
    align: Align = Align.LEFT


def _mode_for(element: Element, mode: _Mode, layout: Layout) -> _Mode:
    """The mode in which `element` begins."""
    match element:
        case Line():
            return _Mode(_pieces_of(element, layout)[0].mode if element.spans or element.bars else mode.style)
        case Rule():
            return _Mode()
        case QrCode(place=place) | Barcode(place=place) | Picture(place=place):
            return _Mode(PLAIN, place.align)
        case _:
            return mode


def _last_style(element: Element, began: _Mode, layout: Layout) -> Style:
    if isinstance(element, Line) and (element.spans or element.bars):
        return _pieces_of(element, layout)[-1].mode
    return began.style


def _change(old: _Mode, new: _Mode, layout: Layout) -> bytes:
    align: bytes = constants.TXT_STYLE["align"][_ALIGN[new.align]] if old.align != new.align else b""
    return _restyle(old.style, new.style, layout) + align


def _restyle(old: Style, new: Style, layout: Layout) -> bytes:
    """The commands that lead from one style to another: none where nothing changes."""
    style = constants.TXT_STYLE
    out = b""
    if (old.width, old.height) != (new.width, new.height):
        out += _size(new.width, new.height, layout)
    if old.bold != new.bold:
        out += style["bold"][new.bold]
    if old.underline != new.underline:
        out += style["underline"][int(new.underline)] + b"\x1c\x2d" + bytes((new.underline,))  # FS -: Chinese text
    if old.invert != new.invert:
        out += style["invert"][new.invert]
    return out


def _size(width: int, height: int, layout: Layout) -> bytes:
    _check_size(width, height)
    magnified: dict[str, dict[int, int]] = constants.TXT_STYLE
    out: bytes = constants.TXT_SIZE + bytes((magnified["width"][width] | magnified["height"][height],))
    if layout.fs_size:
        check_range("width", width, 1, MAX_FS_SIZE)
        check_range("height", height, 1, MAX_FS_SIZE)
        out += b"\x1c\x21" + bytes((0x04 * (width - 1) | 0x08 * (height - 1),))
    return out


def _check_size(width: int, height: int) -> None:
    check_range("width", width, 1, MAX_MAGNIFICATION)
    check_range("height", height, 1, MAX_MAGNIFICATION)


def _element(element: Element, mode: _Mode, layout: Layout) -> list[bytes]:
    match element:
        case Line():
            return [_line(element, mode.style, layout)]
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


# --- text -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a line: text for the printer's own font, or `drawn`, being none of it."""

    text: str
    style: Style
    drawn: bool = False

    @property
    def mode(self) -> Style:
        """How the printer must be set for it: an image brings its style along."""
        return PLAIN if self.drawn else self.style


def _line(line: Line, style: Style, layout: Layout) -> bytes:
    """The line's text, beginning in `style`."""
    out = b""
    taken = 0
    for piece in _pieces_of(line, layout):
        out += _restyle(style, piece.mode, layout) + _piece(piece, layout)
        style = piece.mode
        taken += columns(piece.text) * piece.style.width
    check_range("columns of a line", taken, 0, layout.columns)
    return out + LINE_FEED


def _piece(piece: _Piece, layout: Layout) -> bytes:
    if piece.drawn:
        _check_size(piece.style.width, piece.style.height)
        return inline(piece.text, piece.style, layout.fonts)
    return encode_text(piece.text, layout.encoding, four_byte=layout.four_byte)


@lru_cache(maxsize=8)  # each line is asked for its style before, and after
def _pieces_of(line: Line, layout: Layout) -> list[_Piece]:
    """The line from left to right, the gaps in it filled with blanks; never empty for a line that is not."""
    bars = [Span(VERTICAL, bar, Style(height=line.height)) for bar in line.bars]
    pieces: list[_Piece] = []
    used = 0
    for span in sorted([*line.spans, *bars], key=lambda span: span.column):
        if span.column < used:
            raise ValueError(f"column {span.column} is taken twice")
        if span.column > used:
            pieces.append(_Piece(" " * (span.column - used), PLAIN))
        pieces += [_Piece(text, span.style, drawn) for text, drawn in _runs(span, layout)]
        used = span.column + columns(span.text) * span.style.width
    return pieces


def _runs(span: Span, layout: Layout) -> list[tuple[str, bool]]:
    return text_runs(span.text, layout.encoding, four_byte=layout.four_byte)


def _fitting(text: str, layout: Layout) -> str:
    check_range("columns of a rule", len(text), 0, layout.columns)
    return text


# --- codes and pictures -----------------------------------------------------------------------------------------------


def _parts(element: Element, layout: Layout) -> tuple[Element, ...]:
    """What stands in a part of the line is sent as dots: no command puts a printer's own code there.

    So is a magnified line with a character that has to be drawn: no image within a line is higher than a plain one.
    """
    if isinstance(element, Line):
        magnified = element.height > 1 and any(drawn for span in element.spans for _, drawn in _runs(span, layout))
        if not magnified:
            return (element,)
        for span in element.spans:
            _check_size(span.style.width, span.style.height)
        return (as_picture(element, layout.fonts),)
    if not isinstance(element, QrCode | Barcode | Picture) or element.place.columns is None:
        return (element,)
    from drivers.printer.dots import placed  # noqa: PLC0415 - libraries that most slips do without

    return placed(element)

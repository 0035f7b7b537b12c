"""One line of a page as the bytes of an ESC/POS printer: its text, its styles, and what its font lacks as images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from escpos import constants

from drivers.printer.escpos_codes import check_range
from drivers.printer.escpos_glyphs import inline
from drivers.printer.escpos_text import RASTER, columns, encode_text, text_runs
from drivers.printer.page import PLAIN, Line, Span, Style
from drivers.printer.page_text import VERTICAL

LINE_FEED: bytes = constants.CTL_LF
MAX_MAGNIFICATION = 8
MAX_FS_SIZE = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """How one printer wants its bytes. `columns` of single width, `cut` a key of `escpos_layout.CUTS`, `encoding` one
    of `escpos_text.ENCODINGS`, or `RASTER` for a printer that is sent dots alone.

    `four_byte`: its font has GB18030's four-byte characters. `fs_size`: GS ! does not magnify its Chinese
    characters, FS ! does, up to twice (escpos-php issue #931): larger ones are drawn. `fonts`: where this machine has
    its own, for what the printer's code lacks.
    """

    encoding: str
    columns: int
    cut: str
    four_byte: bool
    fs_size: bool
    fonts: Path = Path("/usr/share/fonts")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line that is sent as text: `data` for a printer that is in style `first`; it is in `last` after it."""

    data: bytes
    first: Style
    last: Style


@lru_cache(maxsize=256)  # most of a slip's lines were on the slip before it
def text_line(line: Line, layout: Layout) -> TextLine | None:
    """`line` as text; None for one that is drawn whole: see `_is_drawn`.

    Raises Unprintable, and ValueError for what is too large, too wide or overlaps.
    """
    pieces = _pieces(line, layout)
    check_range("columns of a line", sum(columns(each.text) * each.style.width for each in pieces), 0, layout.columns)
    for piece in pieces:
        _check_size(piece.style)
    if _is_drawn(line, pieces, layout):
        return None
    data, style = b"", pieces[0].mode
    for piece in pieces:
        data += restyle(style, piece.mode, layout) + _encoded(piece, layout)
        style = piece.mode
    return TextLine(data + LINE_FEED, pieces[0].mode, style)


def _is_drawn(line: Line, pieces: Sequence[_Piece], layout: Layout) -> bool:
    """Whether the whole line goes as a picture: for a printer that gets dots alone; when it is magnified with a
    character in it that has to be drawn, as no image within a line is higher than a plain one; and where FS ! cannot
    magnify its Chinese that much.
    """
    if layout.encoding == RASTER or (line.height > 1 and any(piece.drawn for piece in pieces)):
        return True
    return layout.fs_size and any(
        max(piece.style.width, piece.style.height) > MAX_FS_SIZE and not piece.text.isascii() for piece in pieces
    )


def restyle(old: Style, new: Style, layout: Layout) -> bytes:
    """The commands that lead from one style to another: none where nothing changes."""
    if old == new:
        return b""
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
    magnified: dict[str, dict[int, int]] = constants.TXT_STYLE
    out: bytes = constants.TXT_SIZE + bytes((magnified["width"][width] | magnified["height"][height],))
    if layout.fs_size:
        out += b"\x1c\x21" + bytes((0x04 * (width > 1) | 0x08 * (height > 1),))
    return out


def _check_size(style: Style) -> None:
    check_range("width", style.width, 1, MAX_MAGNIFICATION)
    check_range("height", style.height, 1, MAX_MAGNIFICATION)


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


def _pieces(line: Line, layout: Layout) -> list[_Piece]:
    """The line from left to right, the gaps in it filled with blanks."""
    bars = [Span(VERTICAL, bar, Style(height=line.height)) for bar in line.bars]
    pieces: list[_Piece] = []
    used = 0
    for span in sorted([*line.spans, *bars], key=lambda span: span.column):
        if span.column < used:
            raise ValueError(f"column {span.column} is taken twice")
        if span.column > used:
            pieces.append(_Piece(" " * (span.column - used), PLAIN))
        runs = text_runs(span.text, layout.encoding, four_byte=layout.four_byte)
        pieces += [_Piece(text, span.style, drawn) for text, drawn in runs]
        used = span.column + columns(span.text) * span.style.width
    return pieces or [_Piece("", PLAIN)]


def _encoded(piece: _Piece, layout: Layout) -> bytes:
    if piece.drawn:
        return inline(piece.text, piece.style, layout.fonts)
    return encode_text(piece.text, layout.encoding, four_byte=layout.four_byte)

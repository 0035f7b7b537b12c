"""The paper of a simulated printer as a picture, one dot of paper one pixel, in glyphs of an installed font."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from io import BytesIO

from PIL import Image as Picture
from PIL import ImageChops, ImageDraw, ImageOps

from drivers.printer import qr
from drivers.printer.fonts import CELL_DOTS, FontMissing, Fonts
from drivers.printer.page import QrCode
from simulators.device import CommandError
from simulators.escpos_column_image import COLUMN_IMAGE_DOTS
from simulators.escpos_paper import Barcode, Blank, Dots, Image, Item, Line, Qr, Slip, Span, Style

COLUMN_DOTS = 12
LINE_DOTS = 30
BARCODE_DOTS = 162
MARGIN_DOTS = 24
CUT_DOTS = 24
"""The room between two slips, with a dashed line where the knife went and a zigzag where the roll ended."""

MAX_HEIGHT_DOTS = 1 << 16
"""8 m of paper: what is older is left out."""

_STRIPES = 7


def roll_as_png(slips: Iterable[Slip], columns: int, fonts: Fonts | None = None) -> bytes:
    """`slips`, one below the other, on paper of so many columns.

    Raises CommandError naming the Debian package where no font is installed.
    """
    draughtsman = _Draughtsman(columns, fonts or Fonts())
    try:
        parts = [part for slip in slips for part in draughtsman.slip(slip)]
    except FontMissing as error:
        raise CommandError(str(error)) from error
    return _as_png(_pasted(parts, columns * COLUMN_DOTS, margin=MARGIN_DOTS))


def slip_as_png(slip: Slip, columns: int) -> bytes:
    """`slip` alone, as wide as its paper, in the fonts of this machine; the same errors."""
    draughtsman = _Draughtsman(columns, _machine_fonts())
    try:
        parts = draughtsman.items(slip)
    except FontMissing as error:
        raise CommandError(str(error)) from error
    return _as_png(_pasted(parts, columns * COLUMN_DOTS, margin=0))


@cache
def _machine_fonts() -> Fonts:
    return Fonts()


def _pasted(parts: Sequence[Picture.Image], width: int, *, margin: int) -> Picture.Image:
    """`parts` one below the other, the last ones where not all have room."""
    height = max(1, min(sum(part.height for part in parts) + 2 * margin, MAX_HEIGHT_DOTS))
    paper = Picture.new("1", (width + 2 * margin, height), 0)
    bottom = height - margin
    for part in reversed(parts):
        bottom -= part.height
        paper.paste(part, (margin, bottom))
    return paper


def _as_png(picture: Picture.Image) -> bytes:
    stream = BytesIO()
    _inverted(picture).save(stream, "PNG")
    return stream.getvalue()


def _inverted(picture: Picture.Image) -> Picture.Image:
    return ImageOps.invert(picture.convert("L")).convert("1")


class _Draughtsman:
    """Draws black as 1, as a print head does. What no font has is an empty frame."""

    def __init__(self, columns: int, fonts: Fonts) -> None:
        self._width = columns * COLUMN_DOTS
        self._fonts = fonts

    def slip(self, slip: Slip) -> list[Picture.Image]:
        """`slip` and the end of it."""
        return [*self.items(slip), *([self._end(slip)] if slip.cut or slip.torn else [])]

    def items(self, slip: Slip) -> list[Picture.Image]:
        return [self._item(item) for item in slip.items]

    def _item(self, item: Item) -> Picture.Image:
        match item:
            case Line():
                return self._aligned(self._line(item.spans), item.align, self._line_height(item.spans))
            case Qr():
                return self._aligned(_qr(item), item.align)
            case Barcode():
                return self._aligned(self._barcode(item), item.align)
            case Image():
                return self._aligned(_image(item), "left")
            case Blank():
                return self._aligned(None, "left", item.dots)

    def _aligned(self, drawn: Picture.Image | None, align: str, height: int | None = None) -> Picture.Image:
        wanted = height if height is not None else drawn.height if drawn else 0
        part = Picture.new("1", (self._width, wanted), 0)
        if drawn is not None:
            room = self._width - drawn.width
            part.paste(drawn, ({"left": 0, "centre": room // 2, "right": room}[align], 0))
        return part

    def _line_height(self, spans: Iterable[Span | Dots]) -> int:
        return LINE_DOTS * max((span.style.height for span in spans), default=1)

    def _line(self, spans: Iterable[Span | Dots]) -> Picture.Image:
        """The characters, and images among them, side by side, on one base line."""
        glyphs = [glyph for span in spans for glyph in self._glyphs(span)]
        width, height = sum(glyph.width for glyph in glyphs), max((glyph.height for glyph in glyphs), default=1)
        line = Picture.new("1", (max(width, 1), height), 0)
        left = 0
        for glyph in glyphs:
            line.paste(glyph, (left, height - glyph.height))
            left += glyph.width
        return line

    def _glyphs(self, span: Span | Dots) -> list[Picture.Image]:
        if isinstance(span, Dots):
            return [_image(Image(span.width_dots, COLUMN_IMAGE_DOTS, span.bits))]
        return [self._glyph(character, span) for character in span.text]

    def _glyph(self, character: str, span: Span) -> Picture.Image:
        """The character in its cell, magnified dot by dot. Whatever is not ASCII is taken for double-byte."""
        style = span.style
        columns = 1 if character.isascii() else 2
        cell = self._fonts.draw(character, columns * COLUMN_DOTS)
        if style.bold:
            cell = ImageChops.logical_or(cell, ImageChops.offset(cell, 1, 0))
        if style.underline:
            cell = cell.copy()
            ImageDraw.Draw(cell).line((0, CELL_DOTS - 1, cell.width, CELL_DOTS - 1), fill=1)
        if style.invert:
            cell = _inverted(cell)
        if style.upside_down:
            cell = cell.rotate(180)
        return cell.resize((cell.width * style.width, cell.height * style.height), Picture.Resampling.NEAREST)

    def _barcode(self, code: Barcode) -> Picture.Image:
        """Not the symbol, but a frame of stripes that looks like one, with its data below."""
        words = self._line([Span("".join(each if each.isprintable() else "?" for each in code.data), Style())])
        drawn = Picture.new("1", (max(words.width, 2 * _STRIPES), BARCODE_DOTS), 0)
        pen = ImageDraw.Draw(drawn)
        for x in range(0, drawn.width, _STRIPES):
            pen.rectangle((x, 0, x + x % 5, BARCODE_DOTS - LINE_DOTS), fill=1)
        drawn.paste(words, (0, BARCODE_DOTS - CELL_DOTS))
        return drawn

    def _end(self, slip: Slip) -> Picture.Image:
        end = Picture.new("1", (self._width, CUT_DOTS), 0)
        pen = ImageDraw.Draw(end)
        middle, step = CUT_DOTS // 2, COLUMN_DOTS
        for x in range(0, self._width, 2 * step):
            pen.line((x, middle, x + step, middle if slip.cut else middle + step // 2), fill=1)
            if slip.torn:
                pen.line((x + step, middle + step // 2, x + 2 * step, middle), fill=1)
        return end


def _qr(code: Qr) -> Picture.Image:
    modules = qr.matrix(QrCode(code.data, code.module_dots, code.level.lower()))
    drawn = Picture.new("1", (len(modules[0]), len(modules)), 0)
    drawn.putdata([int(black) for row in modules for black in row])
    return drawn.resize((drawn.width * code.module_dots, drawn.height * code.module_dots), Picture.Resampling.NEAREST)


def _image(image: Image) -> Picture.Image:
    row_bytes = (image.width_dots + 7) // 8
    bits = bytes.fromhex(image.bits).ljust(row_bytes * image.height_dots, b"\0")
    return Picture.frombytes("1", (image.width_dots, image.height_dots), bits)

"""A page as a picture, dot by dot as a printer would print it."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageChops, ImageDraw

from drivers.printer.fonts import CELL_DOTS, Fonts
from drivers.printer.page import Bitmap, Element, Page
from drivers.printer.page_shapes import MARGIN_DOTS, Block, Character, Dots, Drawing, Tear, drawing

DASH_DOTS = 8


def as_png(page: Page, fonts: Fonts | None = None) -> bytes:
    """`page` as a PNG file. Raises `drivers.printer.fonts.FontMissing`."""
    stream = BytesIO()
    as_image(page, fonts or Fonts()).save(stream, "PNG")
    return stream.getvalue()


def as_image(page: Page, fonts: Fonts) -> Image.Image:
    """`page` in black on white, one bit a dot."""
    return ImageChops.invert(_ink(page, fonts).convert("L")).convert("1")


def element_dots(element: Element, page_columns: int, fonts: Fonts) -> Image.Image:
    """`element` alone, black (1) on white: from the left edge of the paper to its last black dot."""
    ink = _ink(Page((element,), page_columns), fonts)
    bounds = ink.getbbox()
    right = bounds[2] if bounds else MARGIN_DOTS + 1
    return ink.crop((MARGIN_DOTS, MARGIN_DOTS, right, ink.height - MARGIN_DOTS))


def _ink(page: Page, fonts: Fonts) -> Image.Image:
    drawn: Drawing = drawing(page)
    ink = Image.new("1", (drawn.width, drawn.height), 0)
    pen = ImageDraw.Draw(ink)
    for shape in drawn.shapes:
        match shape:
            case Character():
                ink.paste(glyph(shape, fonts), (shape.x, shape.y))
            case Block(x=x, y=y, width=width, height=height):
                pen.rectangle((x, y, x + width - 1, y + height - 1), fill=1)
            case Dots(x=x, y=y, bitmap=bitmap):
                ink.paste(_picture(bitmap), (x, y))
            case Tear(y=y):
                for x in range(0, drawn.width, 2 * DASH_DOTS):
                    pen.line((x, y, x + DASH_DOTS - 1, y), fill=1)
    return ink


def glyph(shape: Character, fonts: Fonts) -> Image.Image:
    """The character in its cell, black (1) on white, magnified as printers do it: every dot becomes several."""
    style = shape.style
    cell = fonts.draw(shape.text, shape.width // style.width)
    if style.bold:
        cell = ImageChops.logical_or(cell, ImageChops.offset(cell, 1, 0))
    if style.underline:
        cell = cell.copy()
        ImageDraw.Draw(cell).line((0, CELL_DOTS - 1, cell.width, CELL_DOTS - 1), fill=1)
    if style.invert:
        cell = ImageChops.invert(cell.convert("L")).convert("1")
    return cell.resize((shape.width, shape.height), Image.Resampling.NEAREST)


def _picture(bitmap: Bitmap) -> Image.Image:
    return Image.frombytes("1", (bitmap.width_dots, bitmap.height_dots), bitmap.rows)

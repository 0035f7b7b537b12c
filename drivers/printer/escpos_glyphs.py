"""Characters that a printer's code lacks, drawn in an installed font: in their line, at its height, in their columns.

In a line of plain height a drawn character is an ESC * image of 24 dots' height, the height of a Chinese printer's
font: the image goes into the print buffer like a character (Epson's TM-U220 manual), text goes on behind it
(Citizen's PPU-231II manual), and no size, emphasis or inversion touches it (Microcom's 814M manual), so that those
are drawn as well. It is 24 dots high and no more: a magnified line with such a character is drawn whole, and sent as
the picture (GS v 0) that a preview of the page shows.

Not chosen: FS 2, which puts a character into the printer's font (SP91 and HCC POS80B manuals). It would magnify; but
a printer without it prints the 72 bytes of each glyph as text, and ESC * is everywhere. Unverified: that an image
and text of 24 dots stand on the same base line, and that a magnified line is 30 dots high for each size.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.printer.escpos_image import column_image
from drivers.printer.escpos_text import Unprintable, columns
from drivers.printer.page import COLUMN_DOTS, Align, Bitmap, Element, Line, Picture, Place, Style

if TYPE_CHECKING:
    from drivers.printer.fonts import Fonts

_WHOLE_LINE = Place(Align.LEFT)


def inline(text: str, style: Style, directory: Path) -> bytes:
    """`text` as images within a line of plain height, in a font below `directory`. Raises Unprintable."""
    from PIL import Image  # noqa: PLC0415 - Pillow is for whoever needs it

    from drivers.printer.page_image import glyph  # noqa: PLC0415
    from drivers.printer.page_shapes import CHARACTER_DOTS, Character  # noqa: PLC0415

    check(text, directory)
    drawn = b""
    for each in text:
        shape = Character(0, 0, columns(each) * COLUMN_DOTS * style.width, CHARACTER_DOTS, each, style)
        drawn += column_image(glyph(shape, _fonts(directory)).transpose(Image.Transpose.TRANSPOSE).tobytes())
    return drawn


def as_picture(element: Element, page_columns: int, directory: Path) -> Picture:
    """The whole of `element` as a picture, as a preview shows it, in fonts below `directory`. Raises Unprintable."""
    from drivers.printer.fonts import FontMissing  # noqa: PLC0415
    from drivers.printer.page_image import element_dots  # noqa: PLC0415

    text = "".join(span.text for span in element.spans) if isinstance(element, Line) else ""
    check(text, directory)
    try:
        image = element_dots(element, page_columns, _fonts(directory))
    except FontMissing as error:  # that of the ASCII characters
        raise Unprintable("".join(filter(str.isascii, dict.fromkeys(text))), (error.package,)) from error
    return Picture(Bitmap(image.width, image.height, image.tobytes()), _WHOLE_LINE)


def check(text: str, directory: Path) -> None:
    """Raises Unprintable, with what to install, for what no font below `directory` has."""
    from drivers.printer.fonts import FontMissing  # noqa: PLC0415

    fonts = _fonts(directory)
    try:
        missing = [each for each in dict.fromkeys(text) if not fonts.has(each)]
    except FontMissing as error:
        raise Unprintable("".join(dict.fromkeys(text)), (error.package,)) from error
    if missing:
        packages = dict.fromkeys(package for each in missing if (package := fonts.package_for(each)))
        raise Unprintable("".join(missing), tuple(packages))


@lru_cache(maxsize=4)
def _fonts(directory: Path) -> Fonts:
    from drivers.printer.fonts import Fonts  # noqa: PLC0415

    return Fonts(directory)

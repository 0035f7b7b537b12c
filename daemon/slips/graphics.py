"""Codes and pictures of a slip, checked before anything is printed: a printer leaves out in silence what it cannot."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO

from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import CodeOptions
from daemon.slips.properties import QR_KIND
from drivers.printer.page import COLUMN_DOTS, Barcode, Bitmap, Picture, Place, QrCode

MAX_QR_BYTES = 700
"""What the driver sends (`drivers.printer.escpos_layout`)."""

MAX_IMAGE_DOTS = 1200
"""The height of a picture: 15 cm of paper."""


def code(data: str, options: CodeOptions, place: Place, columns: int) -> QrCode | Barcode:
    """The code that `data` makes. Raises SlipError when the code cannot hold it, or the paper the code."""
    from drivers.printer.dots import width_dots  # noqa: PLC0415 - few slips have a code

    if not data:
        raise SlipError(sentence("empty-code"))
    made = _qr_code(data, options, place) if options.kind == QR_KIND else _barcode(data, options, place)
    dots, room = width_dots(made), _room_dots(place, columns)
    if dots > room:
        raise SlipError(sentence("code-too-wide", dots=dots, room=room))
    return made


def _qr_code(data: str, options: CodeOptions, place: Place) -> QrCode:
    if len(data.encode()) > MAX_QR_BYTES:
        raise SlipError(sentence("long-code", most=MAX_QR_BYTES))
    return QrCode(data, options.cell_dots, options.level, place)


def _barcode(data: str, options: CodeOptions, place: Place) -> Barcode:
    from drivers.printer.barcode import complete  # noqa: PLC0415 - few slips have a barcode

    try:
        symbology, whole = complete(options.kind, data)
    except ValueError as error:
        raise SlipError(sentence("code", detail=error)) from None
    return Barcode(symbology, whole, options.module_dots, options.height_dots, options.text, place)


def _room_dots(place: Place, columns: int) -> int:
    return (place.columns or columns) * COLUMN_DOTS


def picture(data: str, place: Place, columns: int) -> Picture:
    """The PNG in `data` (Base64) as dots, grey tones dithered, what is transparent left white."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - few slips have a picture

    try:
        with Image.open(BytesIO(base64.b64decode(data, validate=True)), formats=("PNG",)) as image:
            room = _room_dots(place, columns)
            width, height = image.size
            if width > room or height > MAX_IMAGE_DOTS:
                what = sentence("image-too-large", width=width, height=height, room=room, most=MAX_IMAGE_DOTS)
                raise SlipError(what)
            coloured = image.convert("RGBA")
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise SlipError(sentence("image")) from error
    paper = Image.new("RGBA", coloured.size, "white")
    paper.alpha_composite(coloured)
    black = paper.convert("L").point(lambda tone: 255 - tone).convert("1")
    return Picture(Bitmap(width, height, black.tobytes()), place)

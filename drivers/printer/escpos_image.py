"""Dots for an ESC/POS printer: a picture of its own (GS v 0), or a stretch of a text line (ESC *).

Real-time commands are obeyed by printers that look for them everywhere, in dots too: where one would stand, the dot
of its first byte (10) is made two (18). A stroke gets thicker there; nothing is added beside it.
"""

from __future__ import annotations

import re

from escpos import constants

from drivers.printer.page import Bitmap

RASTER_BAND_DOTS = 24
COLUMN_IMAGE_DOTS = 24
MAX_COLUMN_IMAGE_DOTS = 1023

_REAL_TIME = re.compile(rb"\x10([\x04\x05\x14])")
_DOUBLE_DENSITY = 33
"""ESC * 33: 24 dots high, each as large as a dot of the font (Citizen PPU-231II and Zijiang ZJ-58 manuals)."""


def raster(bitmap: Bitmap) -> list[bytes]:
    """GS v 0, in bands: none is long, and its height never looks like a real-time command."""
    row_bytes = (bitmap.width_dots + 7) // 8
    rows = without_real_time(bitmap.rows)
    band_bytes = row_bytes * RASTER_BAND_DOTS
    return [_band(rows[start : start + band_bytes], row_bytes) for start in range(0, len(rows), band_bytes)]


def _band(rows: bytes, row_bytes: int) -> bytes:
    command: bytes = constants.S_RASTER_N
    return command + row_bytes.to_bytes(2, "little") + (len(rows) // row_bytes).to_bytes(2, "little") + rows


def column_image(columns: bytes) -> bytes:
    """ESC * 33: `columns` of 24 dots, three bytes each, the top dot in the highest bit."""
    width_dots = len(columns) // (COLUMN_IMAGE_DOTS // 8)
    if not 1 <= width_dots <= MAX_COLUMN_IMAGE_DOTS:
        raise ValueError(f"dots of a column image: {width_dots} is not from 1 to {MAX_COLUMN_IMAGE_DOTS}")
    size = width_dots.to_bytes(2, "little")
    return b"\x1b*" + bytes((_DOUBLE_DENSITY,)) + size + without_real_time(columns)


def without_real_time(dots: bytes) -> bytes:
    """`dots` with one dot more, beside another, wherever they would be a real-time command."""
    return _REAL_TIME.sub(b"\x18\\1", dots)

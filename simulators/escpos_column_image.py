"""ESC *: dots that come column by column, from the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulators.escpos_paper import Dots

COLUMN_IMAGE_DOTS = 24
COLUMN_IMAGE_MODES: Mapping[int, tuple[int, int]] = {0: (1, 2), 1: (1, 1), 32: (3, 2), 33: (3, 1)}
"""By m: the bytes of a column, whose 8 or 24 dots take the same height, and its width in dots of the paper.

From the manuals of Citizen's PPU-231II (67 or 203 dots an inch down, 101 or 203 across) and Zijiang's ZJ-58.
"""


def column_image(mode: int, data: bytes, room_dots: int) -> Dots:
    """`data` as it stands in a line that has room for so many dots more; the rest is lost."""
    column_bytes, wide = COLUMN_IMAGE_MODES[mode]
    columns = [data[at : at + column_bytes] for at in range(0, len(data), column_bytes) for _ in range(wide)]
    columns = columns[:room_dots]
    return Dots(len(columns), _rows(columns).hex() if columns else "")


def _rows(columns: Sequence[bytes]) -> bytes:
    """24 rows, each padded to whole bytes."""
    bits = [f"{int.from_bytes(column, 'big'):0{len(column) * 8}b}" for column in columns]
    high = COLUMN_IMAGE_DOTS // len(bits[0])
    row_bytes = (len(columns) + 7) // 8
    rows = ("".join(row).ljust(row_bytes * 8, "0") for row in zip(*bits, strict=True))
    return b"".join(int(row, 2).to_bytes(row_bytes, "big") * high for row in rows)

"""QR codes: how large one becomes, and its modules, for whoever draws it. Printers draw theirs themselves."""

from __future__ import annotations

import qrcode.base
import qrcode.constants
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, QRData

from drivers.printer.page import QrCode

_LEVELS = {
    "l": qrcode.constants.ERROR_CORRECT_L,
    "m": qrcode.constants.ERROR_CORRECT_M,
    "q": qrcode.constants.ERROR_CORRECT_Q,
    "h": qrcode.constants.ERROR_CORRECT_H,
}
_MODE_BITS = 4
_VERSIONS = range(1, 41)


def edge_modules(code: QrCode) -> int:
    """How many modules wide and high `code` is, its data in byte mode; without the quiet zone."""
    return 17 + 4 * _version(len(code.data.encode()), code.level)


def matrix(code: QrCode) -> list[list[bool]]:
    """The modules of `code`, row by row; True is black."""
    drawn = QRCode(
        version=_version(len(code.data.encode()), code.level), error_correction=_LEVELS[code.level], border=0
    )
    drawn.add_data(QRData(code.data.encode(), mode=MODE_8BIT_BYTE))
    drawn.make(fit=False)
    modules: list[list[bool]] = drawn.get_matrix()
    return modules


def _version(data_bytes: int, level: str) -> int:
    for version in _VERSIONS:
        room = 8 * sum(block.data_count for block in qrcode.base.rs_blocks(version, _LEVELS[level]))
        if _MODE_BITS + (8 if version < 10 else 16) + 8 * data_bytes <= room:
            return version
    raise ValueError(f"no QR code of level {level} holds {data_bytes} bytes")

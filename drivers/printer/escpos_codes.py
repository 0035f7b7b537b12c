"""Barcodes and QR codes as an ESC/POS printer draws them itself."""

from __future__ import annotations

from escpos import constants

from drivers.printer.escpos_text import Unprintable
from drivers.printer.page import Barcode, QrCode, Symbology

GS: bytes = constants.GS

MAX_QR_BYTES = 700
"""Keeps the length's high byte below 04, which after a low byte of 10 would be a real-time command."""

MAX_BARCODE_BYTES = 100
"""`drivers.printer.barcode.MAX_CHARACTERS`, each doubled, and the code set; the length's one byte can hold 255."""

_QR_LEVELS = {"l": 0x30, "m": 0x31, "q": 0x32, "h": 0x33}
_QR_MODEL_2 = b"\x32\x00"


def barcode(code: Barcode) -> bytes:
    """GS h, GS w, GS H and GS k, form B (Epson). CODE128 in code set B, like `drivers.printer.barcode.modules`."""
    check_range("barcode module dots", code.module_dots, 2, 6)
    check_range("barcode height dots", code.height_dots, 1, 255)
    if not code.data.isascii() or not code.data.isprintable():
        raise Unprintable("".join(each for each in code.data if not (each.isascii() and each.isprintable())))
    data = code.data.encode("ascii")
    if code.symbology is Symbology.CODE128:
        data = b"{B" + data.replace(b"{", b"{{")
    check_range("barcode data bytes", len(data), 1, MAX_BARCODE_BYTES)
    kinds: dict[str, bytes] = constants.BARCODE_TYPES["B"]
    return b"".join((
        constants.BARCODE_HEIGHT + bytes((code.height_dots,)),
        constants.BARCODE_WIDTH + bytes((code.module_dots,)),
        constants.BARCODE_TXT_BLW if code.text else constants.BARCODE_TXT_OFF,
        kinds[code.symbology.value.upper()] + bytes((len(data),)) + data,
    ))  # fmt: skip


def qr_code(code: QrCode) -> bytes:
    """GS ( k: model, module size, error level, store, print (Epson; the same bytes as python-escpos's native QR)."""
    check_range("QR module dots", code.module_dots, 1, 16)
    control = "".join(dict.fromkeys(each for each in code.data if ord(each) < 0x20 or each == "\x7f"))
    if control:
        raise Unprintable(control)
    data = code.data.encode()
    check_range("QR data bytes", len(data), 1, MAX_QR_BYTES)
    return b"".join((
        _qr_command(0x41, _QR_MODEL_2),
        _qr_command(0x43, bytes((code.module_dots,))),
        _qr_command(0x45, bytes((_QR_LEVELS[code.level],))),
        _qr_command(0x50, b"0" + data),
        _qr_command(0x51, b"0"),
    ))  # fmt: skip


def _qr_command(function: int, arguments: bytes) -> bytes:
    length = 2 + len(arguments)
    return GS + b"(k" + length.to_bytes(2, "little") + bytes((0x31, function)) + arguments


def check_range(what: str, value: int, low: int, high: int) -> None:
    """Raises ValueError naming `what` when `value` is out of its range."""
    if not low <= value <= high:
        raise ValueError(f"{what}: {value} is not from {low} to {high}")

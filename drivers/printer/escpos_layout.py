"""From a laid-out page to the bytes of an ESC/POS printer.

The bytes of layout commands are python-escpos's (`escpos.constants`, MIT), but for FS (double-byte text), GS V with
feed, and GS ( k, which it has no constants for. Structure keeps the real-time commands 10 04, 10 05 and 10 14 out:
texts and QR data have no byte below 20, and no argument 10 is followed by a byte that would complete one.
"""

from __future__ import annotations

from dataclasses import dataclass

from escpos import constants

from drivers.printer.escpos_text import Unprintable, encode_text
from drivers.printer.page import Align, Cut, Element, Feed, Page, QrCode, Rule, Text

ESC: bytes = constants.ESC
GS: bytes = constants.GS
LINE_FEED: bytes = constants.CTL_LF
CENTRED: bytes = constants.TXT_STYLE["align"]["center"]

PREAMBLE: bytes = constants.HW_INIT + ESC + b"R\x00" + constants.CODEPAGE_CHANGE + b"\x00" + b"\x1c\x2e"
"""ESC @ (initialise), ESC R 0 (no ¥ for $; unverified), ESC t 0 (CP437), FS . (single-byte mode). Prints nothing."""

MAX_QR_BYTES = 700
"""Keeps the length's high byte below 04, which after a low byte of 10 would be a real-time command."""

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
_QR_ERROR_LEVEL_M = 0x31
_QR_MODEL_2 = b"\x32\x00"


@dataclass(frozen=True, slots=True)
class Layout:
    """How one printer wants its bytes. `columns` of single width, `cut` a key of `CUTS`.

    `four_byte`: its font has GB18030's four-byte characters. `fs_size`: GS ! does not magnify its Chinese
    characters, FS ! does, up to twice (escpos-php issue #931).
    """

    encoding: str
    columns: int
    cut: str
    four_byte: bool
    fs_size: bool


def lay_out(page: Page, layout: Layout) -> list[bytes]:
    """The page as pieces of whole commands, one for each element, to follow `PREAMBLE`.

    Raises Unprintable when a text holds what the printer's code cannot carry, ValueError for what no printer can do.
    """
    style = Text("")
    pieces: list[bytes] = []
    for element in page.elements:
        wanted = _style_of(element, style)
        pieces.append(_restyle(style, wanted, layout) + _element(element, layout))
        style = wanted
    return pieces


def void_slip(layout: Layout) -> bytes:
    """Marks what hangs out of the printer as void and cuts it off."""
    word = "作廢" if layout.encoding == "big5" else "作废"
    text = encode_text(f"{word} VOID", layout.encoding)
    return CENTRED + text + LINE_FEED + CUTS[layout.cut]


def _style_of(element: Element, current: Text) -> Text:
    """The text whose style the printer must be in for `element`."""
    if isinstance(element, Text):
        return element
    if isinstance(element, QrCode):
        return Text("", Align.CENTRE)
    return Text("") if isinstance(element, Rule) else current


def _restyle(old: Text, new: Text, layout: Layout) -> bytes:
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
    if old.align != new.align:
        out += style["align"][_ALIGN[new.align]]
    return out


def _size(width: int, height: int, layout: Layout) -> bytes:
    _check("width", width, 1, MAX_MAGNIFICATION)
    _check("height", height, 1, MAX_MAGNIFICATION)
    magnified: dict[str, dict[int, int]] = constants.TXT_STYLE
    out: bytes = constants.TXT_SIZE + bytes((magnified["width"][width] | magnified["height"][height],))
    if layout.fs_size:
        _check("width", width, 1, MAX_FS_SIZE)
        _check("height", height, 1, MAX_FS_SIZE)
        out += b"\x1c\x21" + bytes((0x04 * (width - 1) | 0x08 * (height - 1),))
    return out


def _element(element: Element, layout: Layout) -> bytes:
    match element:
        case Text(text=text):
            return encode_text(text, layout.encoding, four_byte=layout.four_byte) + LINE_FEED
        case Rule():
            return b"-" * layout.columns + LINE_FEED
        case QrCode():
            return _qr_code(element)
        case Feed(lines=lines):
            _check("feed lines", lines, 0, MAX_FEED_LINES)
            return ESC + b"d" + bytes((lines,))
        case Cut():
            return CUTS[layout.cut]


def _qr_code(code: QrCode) -> bytes:
    """GS ( k: model, module size, error level, store, print (Epson; the same bytes as python-escpos's native QR)."""
    _check("QR module dots", code.module_dots, 1, 16)
    control = "".join(dict.fromkeys(each for each in code.data if ord(each) < 0x20 or each == "\x7f"))
    if control:
        raise Unprintable(control)
    data = code.data.encode()
    _check("QR data bytes", len(data), 1, MAX_QR_BYTES)
    return b"".join((
        _qr_command(0x41, _QR_MODEL_2),
        _qr_command(0x43, bytes((code.module_dots,))),
        _qr_command(0x45, bytes((_QR_ERROR_LEVEL_M,))),
        _qr_command(0x50, b"0" + data),
        _qr_command(0x51, b"0"),
    ))  # fmt: skip


def _qr_command(function: int, arguments: bytes) -> bytes:
    length = 2 + len(arguments)
    return GS + b"(k" + length.to_bytes(2, "little") + bytes((0x31, function)) + arguments


def _check(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what}: {value} is not from {low} to {high}")

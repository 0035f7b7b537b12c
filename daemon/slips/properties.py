"""The properties of ReceiptLine: ``{key:value;key:value}`` alone in a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from daemon.slips.columns import BLANKS, unescape
from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import HIDDEN, RULED, STAR, CodeOptions, Frame
from drivers.printer.page import Align

T = TypeVar("T")

SHORT = {
    "a": "align", "b": "border", "c": "code", "i": "image", "o": "option", "t": "text", "w": "width",
    "x": "command", "_": "comment",
}  # fmt: skip
KEYS = tuple(key for key in SHORT.values() if key != "command")

ALIGNS = {"left": Align.LEFT, "center": Align.CENTRE, "right": Align.RIGHT}
BORDERS = {"line": RULED, "space": 1, "none": 0, "0": 0, "1": 1, "2": 2}
WRAPS = {"wrap": True, "nowrap": False}
MAX_COLUMN = 255

_MEMBER = re.compile(r"((?:[^\\;]|\\.)*)(;|$)")
_TOKEN = re.compile(r"[^\\]+|\\x[0-9A-Fa-f]{2}|\\.")
_KEY = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]*:[ \t]*(.*?)[ \t]*", re.DOTALL)
_LITERAL = frozenset("\\|{};:")
_WORDS = re.compile(r"[ \t]+|,")


def read_members(source: str) -> dict[str, str]:
    """The properties in ``{…}``, by their long names. Raises SlipError for one that there is not."""
    members: dict[str, str] = {}
    for found in _MEMBER.finditer(source[1:-1]):
        if found[1].strip(BLANKS):
            key, value = _member(found[1])
            members[key] = value
        if not found[2]:
            break
    return members


def _member(source: str) -> tuple[str, str]:
    parts = _KEY.fullmatch(source)
    if parts is None:
        raise SlipError(sentence("member"))
    key = SHORT.get(parts[1], parts[1])
    if key == "command":
        raise SlipError(sentence("command"))
    if key not in KEYS:
        raise SlipError(sentence("key", key=parts[1], known=", ".join(KEYS)))
    return key, "".join(unescape(token, _LITERAL) for token in _TOKEN.findall(parts[2]))


def framed(frame: Frame, members: Mapping[str, str]) -> Frame:
    """`frame` after the properties that lay lines out."""
    if "text" in members:
        frame = replace(frame, wrap=_one_of("text", members["text"], WRAPS))
    if "border" in members:
        frame = replace(frame, border=_one_of("border", members["border"], BORDERS))
    if "width" in members:
        frame = replace(frame, widths=_widths(members["width"]))
    if "align" in members:
        frame = replace(frame, align=_one_of("align", members["align"], ALIGNS))
    return frame


def _one_of(key: str, value: str, known: Mapping[str, T]) -> T:
    try:
        return known[value.lower()]
    except KeyError:
        raise SlipError(sentence("one-of", key=key, known=", ".join(known))) from None


def _widths(value: str) -> tuple[int, ...]:
    words = _WORDS.split(value.lower())
    if "auto" in words:
        return ()
    return tuple(_width(word) for word in words)


def _width(word: str) -> int:
    if word == "*":
        return STAR
    if word == "":
        return HIDDEN
    if not re.fullmatch(r"[0-9]+", word):
        raise SlipError(sentence("widths"))
    return min(int(word), MAX_COLUMN)


# --- codes ------------------------------------------------------------------------------------------------------------

LEVELS = ("l", "m", "q", "h")
QR_KIND = "qrcode"
BARCODE_KINDS = ("upc", "ean", "jan", "code39", "itf", "codabar", "nw7", "code93", "code128")
"""Those of `drivers.printer.barcode`, which is imported only for a slip that has one."""

MODULE_DOTS = range(2, 5)
CELL_DOTS = range(3, 9)
HEIGHT_DOTS = range(24, 241)


def read_options(value: str) -> CodeOptions:
    """The value of `option`. What it does not say is ReceiptLine's default; of two numbers, the first that fits counts.

    A number from 2 to 4 is the width of a bar, from 3 to 8 the edge of a QR code's cell, from 24 to 240 the height.
    """
    options = CodeOptions()
    for word in reversed(_WORDS.split(value.lower())):
        if word:
            options = _with_option(options, word)
    return options


def _with_option(options: CodeOptions, word: str) -> CodeOptions:
    if word in (*BARCODE_KINDS, QR_KIND):
        return replace(options, kind=word)
    if word in ("hri", "nohri"):
        return replace(options, text=word == "hri")
    if word in LEVELS:
        return replace(options, level=word)
    if not re.fullmatch(r"[0-9]{1,3}", word):
        raise SlipError(sentence("option", word=word))
    return _with_number(options, int(word))


def _with_number(options: CodeOptions, number: int) -> CodeOptions:
    if number in HEIGHT_DOTS:
        return replace(options, height_dots=number)
    if number not in MODULE_DOTS and number not in CELL_DOTS:
        raise SlipError(sentence("option", word=number))
    return replace(
        options,
        module_dots=number if number in MODULE_DOTS else options.module_dots,
        cell_dots=number if number in CELL_DOTS else options.cell_dots,
    )

"""Chinese and ASCII text for ESC/POS printers: bytes, and columns as the printer's own font counts them.

A Chinese printer starts in double-byte mode and can be switched out of it by anybody (FS .), so nothing is assumed:
every run of double-byte characters stands between FS & and FS ., and single-byte text is ASCII alone, which every
code page shares. Sources: Epson's ESC/POS pages (FS &, FS ., ESC t), the SP91 and HCC POS80B manuals (power-up mode),
receiptline's source (the switching around runs), python-escpos issue #678 (not every Chinese printer is GB18030).

All trail bytes of these codes are 30 and above, so no character can be mistaken for a command.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby

DOUBLE_BYTE_ON = b"\x1c\x26"
"""FS &"""

DOUBLE_BYTE_OFF = b"\x1c\x2e"
"""FS ."""

ENCODINGS = ("gb18030", "gbk", "gb2312", "big5", "utf-8")

RASTER = "raster"
"""In place of an encoding: a printer without a Chinese font. Nothing is text to it, so every character is drawn."""

_REFUSED_CATEGORIES = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Control, format, unassigned, private use, surrogate, line and paragraph separators: no glyph, or not the same one."""

_ALPHABETS_END = 0x0530
"""Latin, Greek and Cyrillic come before it, and no letter of theirs changes beside another."""

_SYMBOLS = range(0x2000, 0x2C00)


class Unprintable(ValueError):
    """The text holds `characters` (each once, in order) that cannot be printed.

    `packages`: the Debian packages with fonts that would have glyphs for them.
    """

    def __init__(self, characters: str, packages: tuple[str, ...] = ()) -> None:
        named = ", ".join(f"U+{ord(each):04X}" + (f" {each}" if each.isprintable() else "") for each in characters)
        advice = f" (no installed font has it: apt install {' '.join(packages)})" if packages else ""
        super().__init__(f"cannot be printed: {named}{advice}")
        self.characters = characters
        self.packages = packages


def encode_text(text: str, encoding: str, *, four_byte: bool = False) -> bytes:
    """`text` as one printer of `encoding` takes it, beginning and ending in single-byte mode.

    `four_byte` allows what GB18030 has in four bytes, which few printers' fonts have. Raises Unprintable naming
    every character that is a control character or not in the code: nothing is replaced.
    """
    refused = [each for each in text if not _carries(each, encoding, four_byte)]
    if refused:
        raise Unprintable("".join(dict.fromkeys(refused)))
    if encoding == "utf-8":
        return text.encode()  # a printer switched to UTF-8 has no double-byte mode (unverified)
    runs = (("".join(run), ascii_run) for ascii_run, run in groupby(text, key=str.isascii))
    return b"".join(
        run.encode("ascii") if ascii_run else DOUBLE_BYTE_ON + _encode(run, encoding) + DOUBLE_BYTE_OFF
        for run, ascii_run in runs
    )


def text_runs(text: str, encoding: str, *, four_byte: bool = False) -> list[tuple[str, bool]]:
    """`text` in runs, each with whether the printer's code lacks it, so that it has to be drawn.

    Raises Unprintable naming what has no glyph, or none that can stand alone in a cell.
    """
    runs = [("".join(run), lacks) for lacks, run in groupby(text, lambda each: not _carries(each, encoding, four_byte))]
    refused = [each for run, lacks in runs if lacks for each in run if not _stands_alone(each)]
    if refused:
        raise Unprintable("".join(dict.fromkeys(refused)))
    return runs


@lru_cache(maxsize=8192)
def columns(text: str) -> int:
    """The columns that `text` takes at width 1: two for each double-byte character, ``①·“”…`` among them.

    That is every character but ASCII: this encoder sends nothing else in single-byte mode.
    """
    return 2 * len(text) - sum(map(str.isascii, text))


@lru_cache(maxsize=8192)
def _carries(character: str, encoding: str, four_byte: bool) -> bool:
    if encoding == RASTER:
        return False
    if character.isascii():
        return character.isprintable()
    if unicodedata.category(character) in _REFUSED_CATEGORIES:
        return False
    try:
        # of a Chinese printer that takes UTF-8, no more is expected than GB18030's font (unverified)
        encoded = _encode(character, "gb18030" if encoding == "utf-8" else encoding)
        if encoding == "gb2312":
            encoded.decode("gb2312")
    except UnicodeError:
        return False
    return len(encoded) == 2 or four_byte


def _stands_alone(character: str) -> bool:
    """Whether its glyph, alone in a cell of its own, is the character: marks and scripts that join are not."""
    code = ord(character)
    return (
        unicodedata.category(character) not in (*_REFUSED_CATEGORIES, "Mn", "Mc", "Me")
        and unicodedata.bidirectional(character) not in ("R", "AL")
        and (code < _ALPHABETS_END or code in _SYMBOLS or unicodedata.east_asian_width(character) in ("W", "F"))
    )


def _encode(text: str, encoding: str) -> bytes:
    # Python's gb2312 codec gives A1A4 and A1AA to U+30FB and U+2015 and has no · and —; printers and GBK agree on them.
    return text.encode("gbk" if encoding == "gb2312" else encoding)

"""Fonts of the tests' own: what they draw is the same on every machine, whatever fonts it has."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import shake_128
from pathlib import Path

from drivers.printer.fonts import CHINESE, LATIN

_CHINESE_DOTS, _LATIN_DOTS = 24, 20
_ASCII = "".join(map(chr, range(0x20, 0x7F)))


def write_fonts(directory: Path, characters: Iterable[str]) -> Path:
    """Have fonts below `directory` for `characters` and for ASCII, where the driver looks for Debian's.

    They are bitmaps (BDF) that no two characters share; FreeType goes by what is in a file, not by its name.
    """
    wide = sorted({each for each in characters if not each.isascii()})
    for name, text, dots, advance in (
        (next(iter(CHINESE)), wide, _CHINESE_DOTS, _CHINESE_DOTS),
        (next(iter(LATIN)), _ASCII, _LATIN_DOTS, _LATIN_DOTS * 3 // 5),
    ):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_font(text, dots, advance), encoding="ascii")
    return directory


def _font(text: Iterable[str], dots: int, advance: int) -> str:
    glyphs = [_glyph("\0", dots, advance), *(_glyph(each, dots, advance) for each in text)]
    head = (
        f"STARTFONT 2.1\nFONT -kioskd-ruler-medium-r-normal--{dots}-{dots * 10}-72-72-c-{advance * 10}-iso10646-1\n"
        f"SIZE {dots} 72 72\nFONTBOUNDINGBOX {advance} {dots - 4} 0 -2\n"
        f"STARTPROPERTIES 6\nPIXEL_SIZE {dots}\nFONT_ASCENT {dots - 4}\nFONT_DESCENT 4\n"
        'CHARSET_REGISTRY "ISO10646"\nCHARSET_ENCODING "1"\nDEFAULT_CHAR 0\nENDPROPERTIES\n'
    )
    return f"{head}CHARS {len(glyphs)}\n{''.join(glyphs)}ENDFONT\n"


def _glyph(character: str, dots: int, advance: int) -> str:
    """A pattern of the character's own; that of U+0000 is empty, and stands for whatever the font lacks."""
    rows, row_bytes = dots - 4, (advance + 7) // 8
    spare = row_bytes * 8 - advance
    pattern = shake_128(character.encode()).digest(rows * row_bytes) if character > " " else bytes(rows * row_bytes)
    lines = (int.from_bytes(pattern[at : at + row_bytes], "big") for at in range(0, len(pattern), row_bytes))
    bitmap = "".join(f"{line >> spare << spare:0{2 * row_bytes}X}\n" for line in lines)
    return (
        f"STARTCHAR u{ord(character):X}\nENCODING {ord(character)}\nSWIDTH 600 0\nDWIDTH {advance} 0\n"
        f"BBX {advance} {rows} 0 -2\nBITMAP\n{bitmap}ENDCHAR\n"
    )

"""Onbon BX-5K/6K: text ⇄ the bytes of an area's content: GB2312 with backslash escapes.

Source: Onbon, "BX-5K/6K user protocol" v1.4, chapter 11 (public repository onbonlab/onbonlab.github.io). The names of
the 16, 24 and 32 dot fonts are the factory's; a Chinese and a Latin font are selected side by side, as in the
example of 11.3. The bytes of the escapes `\\T`, `\\D` and `\\W` (pictures, clock, thermometer) are never written.

The document gives no way to write a backslash itself, and a control byte has no meaning to a card: neither is
ever sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

FONT_FILES = {16: b"000", 24: b"001", 32: b"002"}
"""Height of a font in dots → the number in its file's name. One area cannot mix heights (11.1)."""

NAMED_CHARACTERS = 10
"""How many characters an error names before it says "and more"."""


class Colour(IntEnum):
    """The n of the escape `\\Cn`. A board of one colour lights whatever it has (unverified)."""

    RED = 1
    GREEN = 2
    YELLOW = 3
    BLUE = 4
    CYAN = 5
    MAGENTA = 6
    WHITE = 7


@dataclass(frozen=True, slots=True)
class Content:
    """What an area shows: lines split by ``\\n``, in one font and colour. None where the bytes did not say."""

    text: str
    font_dots: int | None = None
    colour: Colour | None = None


def unshowable(text: str) -> list[str]:
    """The characters of `text` that a GB2312 card cannot show, each once."""
    return [character for character in dict.fromkeys(text) if character != "\n" and not _showable(character)]


def in_words_of(characters: Sequence[str]) -> str:
    """What to say of characters that are `unshowable`."""
    named = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in characters[:NAMED_CHARACTERS])
    more = " and more" if len(characters) > NAMED_CHARACTERS else ""
    return f"not in the board's character set: {named}{more}"


def _showable(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and character != "\\"
    try:
        # GBK names two cells of GB2312 the way people type them, "·" and "—" (U+00B7, U+2014); Python's own
        # GB2312 knows them only as U+30FB and U+2015. What GBK adds to GB2312 fails in the second step.
        character.encode("gbk").decode("gb2312")
    except UnicodeError:
        return False
    return True


def encode_content(content: Content) -> bytes:
    """The bytes that show `content`; raises ValueError if a character of it is `unshowable`."""
    if wrong := unshowable(content.text):
        raise ValueError(f"not in GB2312: {wrong}")
    escapes = b""
    if content.font_dots is not None:
        number = FONT_FILES[content.font_dots]
        escapes += b"\\FO" + number + b"\\FE" + number
    if content.colour is not None:
        escapes += b"\\C%d" % content.colour
    return escapes + content.text.replace("\n", "\\n").encode("gbk")


_TOKEN = re.compile(rb"\\F[OE](?P<font>\d{3})|\\C(?P<colour>[1-7])|(?P<newline>\\n)|(?P<text>[\x80-\xff]?[\x00-\xff])")
"""The second byte of a GBK character may be a backslash's: characters are taken whole."""


def decode_content(data: bytes) -> Content:
    """What a card would make of `data`. Escapes that are not known here stay in the text as they are."""
    heights = {number: dots for dots, number in FONT_FILES.items()}
    text, font_dots, colour = b"", None, None
    for token in _TOKEN.finditer(data):
        if token["text"] is not None:
            text += token["text"]
        elif token["newline"]:
            text += b"\n"
        elif token["font"]:
            font_dots = font_dots or heights.get(token["font"])
        else:
            colour = colour or Colour(int(token["colour"]))
    return Content(text.decode("gbk", errors="replace"), font_dots, colour)

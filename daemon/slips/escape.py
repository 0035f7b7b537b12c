"""Values made harmless: no value can change a slip's structure, or send a control byte."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from daemon.slips.faults import SlipError, sentence

MARKUP = frozenset('\\|{}-=~_"`^;: ')
"""What means something to ReceiptLine in a text or in a property, a space at the edge of a column included."""

NOTHING = "\\e"
"""An escape that ReceiptLine ignores: it holds the place of an empty value, so that its column stays a column."""

_CONTROL_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def control_character(text: str) -> str | None:
    """The first character of `text` that controls something (a device, the direction of writing) as ``U+001B``."""
    if text.isprintable():
        return None  # most texts: no character of these categories is printable
    found = next((each for each in text if unicodedata.category(each) in _CONTROL_CATEGORIES), None)
    return None if found is None else f"U+{ord(found):04X}"


def escape(value: object) -> str:
    """`value` as ReceiptLine that stands for its text and nothing else, in a text and in a property alike.

    Only texts and numbers are text. Raises SlipError for anything else, and for a control character.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise SlipError(sentence("no-text", kind=type(value).__name__))
    text = str(value)
    code = control_character(text)
    if code is not None:
        raise SlipError(sentence("data-control", code=code))
    return "".join(f"\\x{ord(each):02x}" if each in MARKUP else each for each in text) or NOTHING

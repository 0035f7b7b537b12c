"""The ``?key=value`` options of link URLs: known keys only, each checked, every error in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from drivers.link.url import LinkUrl, LinkUrlError

MAX_DIGITS = 9
"""More than any option needs, and few enough for `int`."""


def take_options(url: LinkUrl, known: Sequence[str]) -> Mapping[str, str]:
    """The options of `url`; raises LinkUrlError for one that is not `known`, naming the nearest."""
    for key in url.options:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise LinkUrlError(f"{url.scheme} links have no option {key!r}{hint} (known: {', '.join(known) or 'none'})")
    return url.options


def integer(options: Mapping[str, str], key: str, default: int, low: int, high: int) -> int:
    """Option `key` as a whole number from `low` to `high`."""
    text = options.get(key)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS or not low <= int(text) <= high:
        raise LinkUrlError(f"link option {key}={text}: expected a whole number from {low} to {high}")
    return int(text)


def choice(options: Mapping[str, str], key: str, default: str, allowed: Sequence[str]) -> str:
    """Option `key` as one of `allowed`."""
    text = options.get(key, default)
    if text not in allowed:
        raise LinkUrlError(f"link option {key}={text}: expected one of {', '.join(allowed)}")
    return text


def flag(options: Mapping[str, str], key: str, default: bool) -> bool:
    """Option `key` as on or off."""
    return choice(options, key, "on" if default else "off", ("on", "off")) == "on"

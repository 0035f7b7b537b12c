"""One column's text broken into lines that fit its width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import Column, Run
from drivers.printer.escpos_text import columns
from drivers.printer.page import Align, Span, Style

_NEVER_FIRST = frozenset(",.;:!?)]}，。、；：！？）】》〉」』”’％%·…—")
"""Closing punctuation does not begin a line (避头)."""

_NEVER_LAST = frozenset("([{（【《〈「『“‘￥$")
"""Opening punctuation does not end one (避尾)."""


class _Glyph(NamedTuple):
    character: str
    style: Style
    width: int


@lru_cache(maxsize=256)  # most of a slip's columns were on the slip before it
def wrap(column: Column, width: int) -> tuple[tuple[Span, ...], ...]:
    """The lines of `column`, each as spans that begin somewhere in 0 … `width`.

    A line breaks between words; inside one only where it is longer than a whole line. Raises SlipError for a
    character that is wider, magnified, than the column.
    """
    broken = (line for runs in column.lines for line in _broken(_glyphs(runs, width), width))
    return tuple(_placed(line, width, column.align) for line in broken)


def _glyphs(runs: Sequence[Run], width: int) -> list[_Glyph]:
    glyphs = [
        _Glyph(character, run.style, columns(character) * run.style.width) for run in runs for character in run.text
    ]
    for glyph in glyphs:
        if glyph.width > width:
            raise SlipError(sentence("too-wide", character=glyph.character, needed=glyph.width, width=width))
    return glyphs


def _broken(glyphs: Sequence[_Glyph], width: int) -> Iterator[Sequence[_Glyph]]:
    start = used = 0
    for place, glyph in enumerate(glyphs):
        used += glyph.width
        while used > width:
            end = _break_between(glyphs, start, place)
            yield _without_last_blank(glyphs[start:end])
            start = end + (glyphs[end].character == " ")
            used = sum(each.width for each in glyphs[start : place + 1])
    if start == 0 or start < len(glyphs):
        yield glyphs[start:]


def _break_between(glyphs: Sequence[_Glyph], start: int, too_far: int) -> int:
    """Where the line that begins at `start` and cannot hold `too_far` ends."""
    fitting = (end for end in range(too_far, start, -1) if _may_break(glyphs[end - 1].character, glyphs[end].character))
    return next(fitting, too_far)


def _may_break(before: str, after: str) -> bool:
    if before in _NEVER_LAST or after in _NEVER_FIRST:
        return False
    return not (_in_word(before) and _in_word(after))


def _in_word(character: str) -> bool:
    return "!" <= character <= "~"


def _without_last_blank(glyphs: Sequence[_Glyph]) -> Sequence[_Glyph]:
    return glyphs[:-1] if len(glyphs) > 1 and glyphs[-1].character == " " else glyphs


def _placed(glyphs: Sequence[_Glyph], width: int, align: Align) -> tuple[Span, ...]:
    left = width - sum(glyph.width for glyph in glyphs)
    column = {Align.LEFT: 0, Align.CENTRE: (left + 1) // 2, Align.RIGHT: left}[align]
    spans: list[Span] = []
    for style, run in groupby(glyphs, key=attrgetter("style")):
        alike = list(run)
        spans.append(Span("".join(glyph.character for glyph in alike), column, style))
        column += sum(glyph.width for glyph in alike)
    return tuple(spans)

"""ReceiptLine, a public plain-text format of receipts, read line by line.

The grammar is that of receiptline 4.0.4's README and examples (Apache-2.0, github.com/receiptline/receiptline), which
follow the OFSC ReceiptLine Specification. Where it lets a mistake pass in silence (an unknown property or option, a
property beside other columns, braces and control characters in a text), this reader names the line instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from daemon.slips import columns, properties
from daemon.slips.escape import control_character
from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import (
    RULED,
    BorderRow,
    CodeOptions,
    CodeRow,
    Column,
    CutRow,
    Frame,
    ImageRow,
    Row,
    RuleRow,
    TextRow,
)

MAX_LINES = 4000

MAX_KEPT_CHARACTERS = 200
"""Longer lines, pictures most of all, are read anew each time: what is kept of slips is bounded."""

_RULE = re.compile(r"-+")
_CUT = re.compile(r"=+")
_Parts = re.Pattern[str] | columns.Cell | tuple[Column, ...]
"""What a line is: `_RULE`, `_CUT`, a property, or the columns of a text."""


def parse(lines: Iterable[tuple[int, str]]) -> list[Row]:
    """The rows of a document, given as numbered lines. Raises SlipError with the number of the first wrong one."""
    reader = _Reader()
    rows: list[Row] = []
    for count, (number, text) in enumerate(lines):
        if count == MAX_LINES:
            raise SlipError(sentence("too-long", most=MAX_LINES), number)
        try:
            rows.extend(reader.read(number, text))
        except SlipError as error:
            raise error.at(number) from None
    return rows


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a document that was not made from a template."""
    return enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), start=1)


class _Reader:
    """Reads lines, and keeps what properties say about those that follow."""

    def __init__(self) -> None:
        self._frame = Frame()
        self._options = CodeOptions()

    def read(self, line: int, text: str) -> Iterator[Row]:
        match _parts(text) if len(text) <= MAX_KEPT_CHARACTERS else _taken_apart(text):
            case columns.Cell() as single:
                yield from self._property(line, single)
            case tuple() as found:
                yield TextRow(line, self._frame, found)
            case found:
                yield CutRow(line) if found is _CUT else RuleRow(line, self._frame)

    def _property(self, line: int, cell: columns.Cell) -> Iterator[Row]:
        members = properties.read_members(cell.source)
        self._frame = properties.framed(self._frame, members)
        if "border" in members:
            yield BorderRow(line, self._frame.border == RULED)
        if "option" in members:
            self._options = properties.read_options(members["option"])
        if "image" in members:
            yield ImageRow(line, self._frame, cell.align, members["image"])
        if "code" in members:
            yield CodeRow(line, self._frame, cell.align, members["code"], self._options)


def _taken_apart(text: str) -> _Parts:
    code = control_character(text.replace("\t", " "))
    if code is not None:
        raise SlipError(sentence("control", code=code))
    cells = columns.split(text)
    properties_found = [columns.is_property(cell.source) for cell in cells]  # each is looked at: its braces are checked
    if any(properties_found):
        if len(cells) > 1:
            raise SlipError(sentence("single"))
        return cells[0]
    if len(cells) == 1:
        for only in (_RULE, _CUT):
            if only.fullmatch(cells[0].source):
                return only
    return tuple(columns.read_column(cell) for cell in cells)


_parts = lru_cache(maxsize=256)(_taken_apart)  # most of a slip's lines were on the slip before it

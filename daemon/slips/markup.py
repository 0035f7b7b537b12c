"""ReceiptLine, a public plain-text format of receipts, read line by line.

The grammar is that of receiptline 4.0.4's README and examples (Apache-2.0, github.com/receiptline/receiptline), which
follow the OFSC ReceiptLine Specification. Where it lets a mistake pass in silence (an unknown property or option, a
property beside other columns, braces and control characters in a text), this reader names the line instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from daemon.slips import columns, properties
from daemon.slips.escape import control_character
from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import (
    RULED,
    BorderRow,
    CodeOptions,
    CodeRow,
    CutRow,
    Frame,
    ImageRow,
    Row,
    RuleRow,
    TextRow,
)

MAX_LINES = 4000

_RULE = re.compile(r"-+")
_CUT = re.compile(r"=+")


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
        code = control_character(text.replace("\t", " "))
        if code is not None:
            raise SlipError(sentence("control", code=code))
        cells = columns.split(text)
        single = cells[0].source
        kinds = [columns.is_property(cell.source) for cell in cells]
        if any(kinds):
            if len(cells) > 1:
                raise SlipError(sentence("single"))
            yield from self._property(line, cells[0])
        elif len(cells) == 1 and _RULE.fullmatch(single):
            yield RuleRow(line, self._frame)
        elif len(cells) == 1 and _CUT.fullmatch(single):
            yield CutRow(line)
        else:
            yield TextRow(line, self._frame, tuple(columns.read_column(cell) for cell in cells))

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

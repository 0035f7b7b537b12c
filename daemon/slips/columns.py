"""One line of ReceiptLine taken apart into columns, and a column's text into styled runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from daemon.slips.escape import control_character
from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import Column, Run
from drivers.printer.page import PLAIN, Align, Style

BLANKS = " \t"
SIZES = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6))
"""Width and height by the number of ``^``; seven or more are 6 × 6."""

_PART = re.compile(r"((?:[^\\|]|\\.)*)(\||$)")
_BRACE = re.compile(r"\\.|([{}])")
_TOKEN = re.compile(r"[^\\~_\"`^]+|\\x[0-9A-Fa-f]{2}|\\.|\^+|.")
_LITERAL = frozenset('\\|{}-=~_"`^')
_NEW_LINE = "\\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """The source of one column, without the blanks around it, and where these blanks put it."""

    source: str
    align: Align


def split(line: str) -> list[Cell]:
    """The columns of `line`: each is drawn to the pipe that it touches, and stands in the middle between two."""
    parts = _at_pipes(line.strip(BLANKS))
    opened = len(parts) > 1 and parts[0] == ""
    parts = parts[opened:]
    closed = len(parts) > 1 and parts[-1] == ""
    parts = parts[: len(parts) - closed]
    if len(parts) == 1 and not opened and not closed:
        return [Cell(parts[0], Align.CENTRE)]
    last = len(parts) - 1
    return [_cell(part, opened or place > 0, closed or place < last) for place, part in enumerate(parts)]


def _at_pipes(line: str) -> list[str]:
    if (len(line) - len(line.rstrip("\\"))) % 2:
        raise SlipError(sentence("backslash"))
    parts = []
    for found in _PART.finditer(line):
        parts.append(found[1])
        if not found[2]:
            break
    return parts


def _cell(part: str, pipe_before: bool, pipe_after: bool) -> Cell:
    """A column beside a pipe, or two. The edge of the line holds nothing: there, a missing blank counts as one."""
    source = part.strip(BLANKS)
    blank_before, blank_after = part[:1] in BLANKS and part != "", part[-1:] in BLANKS and part != ""
    if not pipe_before:
        blank_before = not blank_after
    elif not pipe_after:
        blank_after = not blank_before
    if blank_before == blank_after:
        return Cell(source, Align.CENTRE)
    return Cell(source, Align.RIGHT if blank_before else Align.LEFT)


def is_property(source: str) -> bool:
    """Whether the column is a property. Raises SlipError for braces that enclose none."""
    braces = [found for found in _BRACE.finditer(source) if found[1]]
    if not braces:
        return False
    if [found[1] for found in braces] == ["{", "}"] and braces[0].start() == 0 and braces[1].end() == len(source):
        return True
    raise SlipError(sentence("braces"))


def read_column(cell: Cell) -> Column:
    """The text of a column in its styles."""
    lines: list[list[Run]] = [[]]
    style = PLAIN
    for token in _TOKEN.findall(cell.source):
        if token == _NEW_LINE:
            lines.append([])
        elif token[0] in '_"`^':
            style = _switched(style, token)
        elif text := _text_of(token):
            lines[-1].append(Run(text, style))
    if not lines[-1]:
        del lines[-1]
    return Column(cell.align, tuple(tuple(_joined(line)) for line in lines))


def _text_of(token: str) -> str:
    """What a token prints: an escape that means nothing prints nothing."""
    if token == "~":  # noqa: S105
        return " "
    return unescape(token, _LITERAL)


def unescape(token: str, literal: frozenset[str]) -> str:
    """The text of one escape, or of anything else that stands for itself. `literal` characters may be escaped."""
    if token[0] != "\\":
        return token
    if token[1] == "x":
        return _by_code(token[2:])
    return token[1] if token[1] in literal else ""


def _by_code(digits: str) -> str:
    if len(digits) != 2:
        raise SlipError(sentence("hex"))
    character = chr(int(digits, 16))
    code = control_character(character)
    if code is not None:
        raise SlipError(sentence("control", code=code))
    return character


def _switched(style: Style, mark: str) -> Style:
    """`style` after a mark: each switches on what it means, or off again."""
    match mark[0]:
        case "_":
            return replace(style, underline=not style.underline)
        case '"':
            return replace(style, bold=not style.bold)
        case "`":
            return replace(style, invert=not style.invert)
        case _:
            width, height = SIZES[min(len(mark), len(SIZES) - 1)]
            if (style.width, style.height) == (width, height):
                width, height = 1, 1
            return replace(style, width=width, height=height)


def _joined(runs: list[Run]) -> Iterator[Run]:
    """Neighbours of one style as one run."""
    start = 0
    for end in range(1, len(runs) + 1):
        if end == len(runs) or runs[end].style != runs[start].style:
            yield Run("".join(run.text for run in runs[start:end]), runs[start].style)
            start = end

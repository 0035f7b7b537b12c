"""A ReceiptLine document laid out on paper of so many columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from daemon.slips import graphics
from daemon.slips.faults import SlipError, sentence
from daemon.slips.nodes import (
    HIDDEN,
    RULED,
    STAR,
    BorderRow,
    CodeRow,
    Column,
    CutRow,
    Frame,
    ImageRow,
    Row,
    RuleRow,
    TextRow,
)
from daemon.slips.wrap import wrap
from drivers.printer.page import Align, Cut, Element, Feed, Line, Page, Place, Rule, Span

_SHARE = {Align.LEFT: 0, Align.CENTRE: 1, Align.RIGHT: 2}
_EMPTY = Column(Align.CENTRE, ())


def lay_out(rows: Iterable[Row], columns: int) -> Page:
    """The page of `rows` on paper `columns` wide, ending in a cut. Raises SlipError naming a line that does not fit."""
    layout = _Layout(columns)
    elements: list[Element] = []
    for row in rows:
        try:
            elements.extend(layout.add(row))
        except SlipError as error:
            raise error.at(row.line) from None
    elements.extend(layout.end())
    return Page(tuple(_joined(elements)), columns)


def _joined(elements: Iterable[Element]) -> Iterator[Element]:
    """Blank lines in a row as one feed; one cut at the end, blank or not before it."""
    pending: Feed | None = None
    last: Element | None = None
    for element in elements:
        if isinstance(element, Feed):
            pending = Feed((pending.lines if pending else 0) + element.lines)
            continue
        if pending is not None:
            yield pending
            pending = None
        yield element
        last = element
    if pending is not None:
        yield pending
    if not isinstance(last, Cut) or pending is not None:
        yield Cut()


@dataclass(frozen=True, slots=True)
class _Area:
    """What a row takes of the paper: its left edge, its width, and its columns' widths where it has any."""

    left: int
    width: int
    columns: tuple[int, ...] = ()

    @property
    def bars(self) -> tuple[int, ...]:
        """The columns of the paper that the vertical rules of a ruled row stand in."""
        bars = [self.left]
        for width in self.columns:
            bars.append(bars[-1] + width + 1)
        return tuple(bars)


class _Rules(Enum):
    """Where the vertical rules are."""

    OFF = auto()
    DUE = auto()  # they begin with the next text
    ON = auto()
    CROSSED = auto()  # a horizontal rule comes before the next text: only then is it known which columns it divides


class _Layout:
    """Lays out row by row, and keeps where vertical rules are."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rules = _Rules.OFF
        self._ruled = _Area(0, columns)

    def add(self, row: Row) -> Iterator[Element]:
        match row:
            case TextRow():
                yield from self._text(row)
            case RuleRow(frame=frame):
                yield from self._rule(frame)
            case CutRow():
                yield from self._cut()
            case BorderRow(ruled=ruled):
                yield from self._border(ruled)
            case CodeRow(frame=frame, align=align):
                yield graphics.code(row.data, row.options, self._place(frame, align), self._columns)
            case ImageRow(frame=frame, align=align):
                yield graphics.picture(row.data, self._place(frame, align), self._columns)

    def end(self) -> Iterator[Element]:
        """What closes the last table."""
        if self._rules in (_Rules.ON, _Rules.CROSSED):
            yield Rule(self._ruled.left, self._ruled.width, up=self._ruled.bars)
        self._rules = _Rules.OFF

    # --- text ------------------------------------------------------------------------------------------------------

    def _text(self, row: TextRow) -> Iterator[Element]:
        shown, widths = self._shown(row)
        area = self._area(row.frame, widths)
        yield from self._rule_above(area)
        self._ruled = area
        ruled = self._rules is _Rules.ON
        cells = [wrap(column, width) for column, width in zip(shown, area.columns, strict=True)]
        count = max((len(cell) for cell in cells), default=1) if row.frame.wrap else 1
        gap = abs(row.frame.border)
        for place in range(max(count, 1)):
            spans: list[Span] = []
            left = area.left + ruled
            for cell, width in zip(cells, area.columns, strict=True):
                here = cell[place] if place < len(cell) else ()
                spans.extend(Span(span.text, span.column + left, span.style) for span in here)
                left += width + gap
            bars = area.bars if ruled else ()
            yield Line(tuple(spans), bars) if spans or bars else Feed()

    def _shown(self, row: TextRow) -> tuple[list[Column], list[int]]:
        """The columns that have a width, and these widths as the template gives them."""
        given = row.frame.widths
        if not given:
            return list(row.columns), [STAR] * len(row.columns)
        columns = [*row.columns, *[_EMPTY] * (len(given) - len(row.columns))]
        pairs = [(column, width) for column, width in zip(columns, given, strict=False) if width != HIDDEN]
        return [column for column, _ in pairs], [width for _, width in pairs]

    def _rule_above(self, area: _Area) -> Iterator[Element]:
        if self._rules is _Rules.DUE:
            yield Rule(area.left, area.width, down=area.bars)
            self._rules = _Rules.ON
        elif self._rules is _Rules.CROSSED:
            above = self._ruled
            left = min(above.left, area.left)
            right = max(above.left + above.width, area.left + area.width)
            yield Rule(left, right - left, up=above.bars, down=area.bars)
            self._rules = _Rules.ON

    # --- widths ----------------------------------------------------------------------------------------------------

    def _area(self, frame: Frame, widths: Sequence[int]) -> _Area:
        borders = len(widths) + 1 if frame.border == RULED else max(len(widths) - 1, 0) * frame.border
        shared = _shared(tuple(widths), self._columns - borders)
        if shared is None:
            raise SlipError(sentence("too-many-columns", wanted=len(widths), columns=self._columns))
        taken = sum(shared) + borders if widths else self._columns
        left = (self._columns - taken) * _SHARE[frame.align] // 2
        return _Area(left, taken, shared)

    def _alone(self, frame: Frame) -> _Area:
        """The area of a row that is no text: all of the paper, or what the columns of given widths take."""
        widths = [width for width in frame.widths if width != HIDDEN]
        if not widths or STAR in widths:
            return _Area(0, self._columns)
        return self._area(frame, widths)

    def _place(self, frame: Frame, align: Align) -> Place:
        area = self._alone(frame)
        return Place(align, area.left, area.width) if area.width < self._columns else Place(align)

    # --- rules -----------------------------------------------------------------------------------------------------

    def _rule(self, frame: Frame) -> Iterator[Element]:
        if self._rules is _Rules.OFF:
            area = self._alone(frame)
            yield Rule(area.left, area.width)
        elif self._rules is _Rules.ON:
            self._rules = _Rules.CROSSED

    def _border(self, ruled: bool) -> Iterator[Element]:
        if not ruled:
            yield from self.end()
        elif self._rules is _Rules.OFF:
            self._rules = _Rules.DUE

    def _cut(self) -> Iterator[Element]:
        """A table that the cut goes through begins anew below it."""
        again = self._rules is not _Rules.OFF
        yield from self.end()
        yield Cut()
        self._rules = _Rules.DUE if again else _Rules.OFF


@lru_cache(maxsize=64)
def _shared(widths: tuple[int, ...], room: int) -> tuple[int, ...] | None:
    """`room` shared out: given widths as given, the rest in equal parts; None when not even one character is left
    for each. Given widths shrink, the widest first, when they leave nothing for the others.
    """
    if len(widths) > room:
        return None
    given = list(widths)
    stars = given.count(STAR)
    left = room - sum(width for width in given if width != STAR)
    while left < stars:
        given[given.index(max(given))] -= 1
        left += 1
    shares = iter([(left + place) // stars for place in range(stars)])
    return tuple(next(shares) if width == STAR else width for width in given)

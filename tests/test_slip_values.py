"""What a value can do to the slip that it stands on: nothing but be its own text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.slips.book import WIDTHS
from daemon.slips.escape import control_character, escape
from daemon.slips.examples import example_data
from daemon.slips.faults import SlipError
from daemon.slips.markup import parse
from daemon.slips.models import SLIPS, Ticket
from daemon.slips.nodes import CodeRow, Row, TextRow
from daemon.slips.template import Template
from drivers.printer.page import Line, Page
from tests.slips_rig import BOOK, OF_NO_USE

HOSTILE = st.text(
    st.one_of(
        st.sampled_from('\\|{}-=~_"`^;: \t\n\r#%ex01<>&中①\x00\x07\x0a\x10\x1b\x1d\x7f\x9b\u2028\u202e'),
        st.characters(),
    ),
    max_size=24,
)

FORM = """\
{{ a }}
|{{ a }}|{{ b }} | c|
{width:* 12; border:line}
{{ a }} | "{{ b }}"
-
|{{ a }}{{ b }}
^^^{{ a }}^^^|{{ b }}
{border:space; width:auto}
x{{ a }}|
{option:qrcode}
{code:{{ a }};_:{{ b }}}
{# {{ a }} #}{{ a }}{{ b }}
"""
HARMLESS = Template(FORM, "form", frozenset("ab"))


def rows_of(a: str, b: str) -> list[Row]:
    return parse(HARMLESS.lines({"a": a, "b": b}, 48))


def shape(rows: list[Row]) -> list[object]:
    """The rows without the characters of their texts: what they are, how they are aligned, framed and broken."""
    return [
        (row.line, row.frame, [(column.align, max(1, len(column.lines))) for column in row.columns])
        if isinstance(row, TextRow)
        else (row.line, type(row))
        for row in rows
    ]


def texts(rows: list[Row]) -> list[list[str]]:
    return [
        ["".join(run.text for line in column.lines for run in line) for column in row.columns]
        for row in rows
        if isinstance(row, TextRow)
    ]


@given(HOSTILE, HOSTILE)
def test_no_value_changes_anything_but_its_own_text(a: str, b: str) -> None:
    if control_character(a + b) is not None:
        with pytest.raises(SlipError, match="control character"):
            rows_of(a, b)
        return
    rows = rows_of(a, b)
    assert shape(rows) == shape(rows_of("A", "B"))
    marked = texts(rows_of("\ue000", "\ue001"))
    assert texts(rows) == [[cell.replace("\ue000", a).replace("\ue001", b) for cell in row] for row in marked]
    assert [row.data for row in rows if isinstance(row, CodeRow)] == [a]


@given(HOSTILE, st.sampled_from(sorted(set(SLIPS) - {"test-page"})), st.data())
def test_no_value_of_any_slip_sends_a_control_byte(value: str, name: str, data: st.DataObject) -> None:
    """The test page has no free text: what stands on it names devices, and is a barcode there."""
    given = example_data(name)
    texts_of = {key for key, each in given.items() if isinstance(each, str) and not key.endswith("_at")}
    key = data.draw(
        st.sampled_from(sorted(texts_of - {"total", "insurance", "personal", "code"} - OF_NO_USE.get(name, set())))
    )
    if not value or control_character(value) is not None:
        value = "x"
    slip = SLIPS[name].model_validate({**given, key: value})
    plain = SLIPS[name].model_validate({**given, key: "x"})
    for columns in WIDTHS:
        laid_out = BOOK.lay_out(name, "en", slip, columns)
        assert kinds(laid_out) == kinds(BOOK.lay_out(name, "en", plain, columns))
        said = "".join(span.text for line in laid_out.elements if isinstance(line, Line) for span in line.spans)
        assert control_character(said) is None
        assert without_blanks(value) in without_blanks(said)


def kinds(laid_out: Page) -> list[type]:
    """What stands on the page, however many lines a text takes."""
    found = [type(element) for element in laid_out.elements]
    return [kind for kind, _ in groupby(found)]


def without_blanks(text: str) -> str:
    return text.replace(" ", "")


@pytest.mark.parametrize("control", [*map(chr, (*range(0x20), *range(0x7F, 0xA0))), "\u2028", "\u202e", "\u200b"])
def test_a_control_character_is_refused_and_its_field_named(control: str) -> None:
    with pytest.raises(ValidationError) as error:
        Ticket.model_validate({**example_data("ticket"), "windows": ["1号", f"2{control}号"]})
    (fault,) = error.value.errors()
    assert fault["loc"] == ("windows", 1)
    assert f"U+{ord(control):04X}" in str(fault["msg"])


@pytest.mark.parametrize("value", [None, True, 1.5, ["a"], {"a": 1}, datetime(2026, 3, 2, tzinfo=UTC)])
def test_only_texts_and_numbers_are_printed(value: object) -> None:
    with pytest.raises(SlipError, match="is no text"):
        escape(value)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("at | date", "2026-03-02"),
        ("at | time", "09:05"),
        ("at | moment", "2026-03-02 09:05"),
        ("amount | money", "1,234.50"),
        ("amount | number", "1234.5"),
        ("(amount * 10) | number", "12345"),
        ("'|-' ~ 1", "|-1"),
        ("'<b>' | safe", "<b>"),
    ],
)
def test_filters(expression: str, text: str) -> None:
    template = Template(f"|{{{{ {expression} }}}}", "t", frozenset(("at", "amount")))
    values = {"at": datetime(2026, 3, 2, 9, 5, tzinfo=UTC), "amount": Decimal("1234.50")}
    assert texts(parse(template.lines(values, 48))) == [[text]]

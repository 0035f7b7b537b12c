"""ReceiptLine: read as its documentation says, laid out as its own program does, and mistakes named by their line."""

from __future__ import annotations

import base64
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daemon.slips.faults import SlipError
from daemon.slips.layout import lay_out
from daemon.slips.markup import MAX_LINES, numbered, parse
from drivers.printer.escpos_text import columns as columns_of
from drivers.printer.page import (
    Align,
    Barcode,
    Cut,
    Element,
    Feed,
    Line,
    Page,
    Picture,
    Place,
    QrCode,
    Rule,
    Span,
    Style,
    Symbology,
)
from drivers.printer.page_text import as_text

VECTORS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "golden" / "receiptline.toml").read_text(encoding="utf-8")
)["vector"]


def page(document: str, columns: int = 32) -> Page:
    return lay_out(parse(numbered(document)), columns)


def elements(document: str, columns: int = 32) -> tuple[Element, ...]:
    """What the document prints, without the cut at the end of every slip."""
    *found, last = page(document, columns).elements
    assert last == Cut()
    return tuple(found)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_document_looks_as_receiptline_itself_prints_it(vector: dict[str, Any]) -> None:
    text = as_text(page(vector["document"], vector["columns"]))
    assert text == vector["text"] + "\n" + "=" * vector["columns"] + "\n"


# --- the grammar ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "style"),
    [
        ("_", Style(underline=True)), ('"', Style(bold=True)), ("`", Style(invert=True)), ("^", Style(2, 1)),
        ("^^", Style(1, 2)), ("^^^", Style(2, 2)), ("^^^^", Style(3, 3)), ("^^^^^", Style(4, 4)),
        ("^^^^^^", Style(5, 5)), ("^^^^^^^", Style(6, 6)), ("^^^^^^^^^", Style(6, 6)),
        ('_"`^', Style(2, 1, True, True, True)),
    ],
)  # fmt: skip
def test_each_mark_switches_a_style_on_and_off_again(mark: str, style: Style) -> None:
    assert elements(f"|{mark}a{mark[::-1]}b") == (Line((Span("a", 0, style), Span("b", style.width))),)


def test_a_style_ends_with_its_column() -> None:
    assert elements('|"a | b|') == (Line((Span("a", 0, Style(bold=True)), Span("b", 31))),)


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("upc", Barcode(Symbology.UPC_E, "01234565")),
        ("ean hri", Barcode(Symbology.EAN8, "01234565", text=True)),
        ("jan,4,24", Barcode(Symbology.EAN8, "01234565", 4, 24)),
        ("code39 3 240 nohri", Barcode(Symbology.CODE39, "0123456", 3, 240)),
        ("code93", Barcode(Symbology.CODE93, "0123456")),
        ("CODE128 HRI", Barcode(Symbology.CODE128, "0123456", text=True)),
        ("2", Barcode(Symbology.CODE128, "0123456")),
        ("qrcode", QrCode("0123456", 3, "l")),
        ("qrcode,8,H", QrCode("0123456", 8, "h")),
    ],
)
def test_each_option_of_a_code(option: str, code: QrCode | Barcode) -> None:
    assert elements(f"{{option:{option}}}\n{{code:0123456}}", 48) == (code,)
    assert elements(f"{{c:0123456;o:{option}}}", 48) == (code,)


@pytest.mark.parametrize(("kind", "data"), [("itf", "012345"), ("codabar", "A012B"), ("nw7", "C1-2D")])
def test_the_kinds_that_take_other_data(kind: str, data: str) -> None:
    (code,) = elements(f"{{code:{data};option:{kind}}}")
    assert isinstance(code, Barcode)
    assert code.data == data


def test_options_stay_until_they_are_set_again() -> None:
    first, second, third = elements("{option:qrcode 8}\n{code:1}\n{code:2}\n{option:qrcode}\n{code:3}")
    assert [each.module_dots for each in (first, second, third) if isinstance(each, QrCode)] == [8, 8, 3]


def test_a_property_value_has_escapes_of_its_own() -> None:
    assert elements(r"{code:a\;b\|\{\}\\\x41: c ; option:qrcode}") == (QrCode("a;b|{}\\A: c", 3, "l"),)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("{c:1}", Place()),
        ("|{c:1}", Place(Align.LEFT)),
        ("{c:1}|", Place(Align.RIGHT)),
    ],
)
def test_a_code_is_drawn_to_the_pipe(line: str, place: Place) -> None:
    (code,) = elements(line)
    assert isinstance(code, Barcode)
    assert code.place == place


def test_a_code_stands_in_what_the_columns_leave_it() -> None:
    code, rule = elements("{width:12 12;border:none;align:right}\n|{c:1}\n---")
    assert isinstance(code, Barcode)
    assert code.place == Place(Align.LEFT, 8, 24)
    assert rule == Rule(8, 24)


def png(image: Image.Image) -> str:
    stream = BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def test_a_picture_becomes_dots() -> None:
    image = Image.new("RGBA", (10, 2), "white")
    image.putpixel((0, 0), (0, 0, 0, 255))
    image.putpixel((9, 1), (0, 0, 0, 255))
    image.putpixel((5, 0), (0, 0, 0, 0))  # transparent: paper
    (picture,) = elements(f"{{image:{png(image)}}}")
    assert isinstance(picture, Picture)
    assert (picture.bitmap.width_dots, picture.bitmap.height_dots) == (10, 2)
    assert picture.bitmap.rows.hex() == "80000040"


def test_blank_lines_are_fed_and_every_slip_is_cut_once() -> None:
    assert page("a\n\n\n---\n=").elements == (Line((Span("a", 16),)), Feed(2), Rule(0, 32), Cut())
    assert page("|a\n=\n|b").elements == (Line((Span("a"),)), Cut(), Line((Span("b"),)), Cut())
    assert page("|a\n=\n\n").elements == (Line((Span("a"),)), Cut(), Feed(2), Cut())


def test_a_cut_ends_a_table_and_begins_it_anew() -> None:
    assert as_text(page("{border:line}\n|a|\n=\n|b|", 8)).splitlines() == [
        "+------+", "|   a  |", "+------+", "========", "+------+", "|   b  |", "+------+", "========",
    ]  # fmt: skip


def test_tabs_are_blanks_and_every_end_of_line_ends_one() -> None:
    assert as_text(page("\ufeffa\t|\tb\r\n|c\r|d", 8)).splitlines()[:-1] == ["a      b", "c", "d"]


# --- widths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),  # words stay whole, and the blank between lines is gone
        ("12345678901", ["12345678", "901"]),  # but for one longer than a line
        ("中文ab cd", ["中文ab", "cd"]),
        ("中文中文，中", ["中文中", "文，中"]),  # closing punctuation does not begin a line
        ("中文中（中）", ["中文中", "（中）"]),  # opening punctuation does not end one
        ("①·“”…", ["①·", "“”…"]),
        ("12345678", ["12345678"]),
    ],
)
def test_lines_break_where_they_may(text: str, lines: list[str]) -> None:
    assert as_text(page(f"|{text}", 8)).splitlines()[:-1] == lines


def test_magnified_characters_take_their_columns() -> None:
    assert elements("|^^^中a", 8) == (Line((Span("中a", 0, Style(2, 2)),)),)
    assert elements("|^^^中abc", 8) == (Line((Span("中", 0, Style(2, 2)),)), Line((Span("abc", 0, Style(2, 2)),)))


@pytest.mark.parametrize("columns", [16, 31, 32, 42, 48, 80])
def test_nothing_is_wider_than_the_paper(columns: int) -> None:
    found = page("{width:* 4}\n|中文①abc·“” | ^中|\n{border:line}\n|^a | b|\n---\n|中文 | c|", columns)
    lines = [element for element in found.elements if isinstance(element, Line)]
    ends = [span.column + columns_of(span.text) * span.style.width for line in lines for span in line.spans]
    assert max(ends) <= columns
    assert {bar for line in lines for bar in line.bars} == {0, columns - 6, columns - 1}


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{command:\\x1b@}", "command is not supported"),
        ("{x:1}", "command is not supported"),
        ("{colour:red}", "there is no property 'colour'"),
        ("{align}", "expected key:value"),
        ("{align:middle}", "align: expected one of left, center, right"),
        ("{border:3}", "border: expected one of"),
        ("{text:no}", "text: expected one of"),
        ("{width:a}", "width: expected auto"),
        ("{option:aztec}", "option: 'aztec' is none"),
        ("{option:1}", "option: 1 is none"),
        ("{option:300}", "option: 300 is none"),
        ("{code:;option:upc}", "expected key:value|there is no data"),
        ("{code:123;option:ean}", "code: ean takes"),
        ("{code:" + "1" * 701 + ";option:qrcode}", "at most 700 bytes"),
        ("{code:" + "A" * 40 + "}", "the code is [0-9]+ dots wide"),
        ("{code:" + "1" * 200 + ";option:qrcode 8 h}", "the code is [0-9]+ dots wide"),
        ("{image:!!!}", "expected a PNG"),
        ("{image:aGVsbG8=}", "expected a PNG"),
        ("{image:" + png(Image.new("1", (385, 1))) + "}", "the picture is 385×1 dots"),
        ("{image:" + png(Image.new("1", (1, 1201))) + "}", "the picture is 1×1201 dots"),
        ("a {b} c", "enclose properties"),
        ("a } c", "enclose properties"),
        ("{align:left} | b", "stands alone"),
        ("a\x1bb", "control character U.001B"),
        ("a\\x07b", "control character U.0007"),
        ("a\\x9bb", "control character U.009B"),
        ("a\u202eb", "control character U.202E"),
        ("a\\xg1", "two hexadecimal digits"),
        ("a\\x1", "two hexadecimal digits"),
        ("a\\", "lone"),
        ("|" * 40, "39 columns do not stand side by side|40 columns do not|38 columns do not"),
        ("a|^中", "'中' is 4 wide"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, said: str) -> None:
    first = "{width:* 3}" if line.startswith("a|") else "|fine"
    with pytest.raises(SlipError, match=said) as error:
        page(f"{first}\n\n{line}")
    assert error.value.fault.line == 3
    assert str(error.value).startswith("line 3: ")
    assert error.value.fault.to("zh-CN").startswith("第 3 行: ")


def test_a_document_without_end_is_refused() -> None:
    with pytest.raises(SlipError, match=f"more than {MAX_LINES} lines"):
        page("a\n" * (MAX_LINES + 1))

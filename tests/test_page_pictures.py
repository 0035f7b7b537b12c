"""A page as a picture and as HTML: the ink is where the page says, and no text of it becomes markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drivers.printer import fonts as fonts_module
from drivers.printer.dots import dots_of
from drivers.printer.fonts import FontMissing, Fonts
from drivers.printer.page import (
    Align,
    Barcode,
    Bitmap,
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
from drivers.printer.page_html import as_html
from drivers.printer.page_image import as_image, as_png
from drivers.printer.page_shapes import LINE_DOTS, MARGIN_DOTS

COLUMN = 12
FONTS = Fonts()


def ink(elements: tuple[Element, ...], columns: int = 16) -> Image.Image:
    """What is black, as 255, without the margin."""
    image = as_image(Page(elements, columns), FONTS)
    inner = (MARGIN_DOTS, MARGIN_DOTS, image.width - MARGIN_DOTS, image.height - MARGIN_DOTS)
    return image.crop(inner).convert("L").point(lambda tone: 255 - tone)


def black(image: Image.Image, columns: tuple[int, int], lines: tuple[int, int] = (0, 1)) -> int:
    """How many dots are black in these columns and lines."""
    box = (columns[0] * COLUMN, lines[0] * LINE_DOTS, columns[1] * COLUMN, lines[1] * LINE_DOTS)
    return image.crop(box).histogram()[255]


def test_the_picture_is_as_large_as_the_paper() -> None:
    image = as_image(Page((Line((Span("A"),)), Feed(2), Line((Span("B", 0, Style(2, 3)),)), Rule(), Cut()), 32), FONTS)
    assert (image.mode, image.size) == ("1", (32 * COLUMN + 2 * MARGIN_DOTS, 8 * LINE_DOTS + 2 * MARGIN_DOTS))


def test_the_same_page_is_the_same_picture() -> None:
    page = Page((Line((Span("号码 A012", 2, Style(2, 2, True, True, True)),)), QrCode("A012"), Cut()), 32)
    assert as_png(page) == as_png(page, Fonts())
    assert Image.open(BytesIO(as_png(page))).format == "PNG"


def test_characters_stand_in_their_columns() -> None:
    image = ink((Line((Span("A", 1), Span("中", 3), Span("①", 6))),))
    assert [black(image, (column, column + 1)) > 0 for column in range(8)] == [
        False, True, False, True, True, False, True, True,
    ]  # fmt: skip
    assert black(image, (8, 16)) == 0


@pytest.mark.parametrize("size", [(2, 1), (1, 2), (3, 3)])
def test_magnified_characters_are_the_same_with_larger_dots(size: tuple[int, int]) -> None:
    width, height = size
    plain = ink((Line((Span("中"),)),)).crop((0, 3, 24, 27))
    large = ink((Line((Span("中", 0, Style(width, height)),)),))
    bottom = height * LINE_DOTS - 3
    cell = large.crop((0, bottom - 24 * height, 24 * width, bottom))
    assert cell.tobytes() == plain.resize(cell.size, Image.Resampling.NEAREST).tobytes()


def test_styles_change_the_ink_as_they_should() -> None:
    plain = black(ink((Line((Span("中"),)),)), (0, 2))
    assert plain > 50
    assert black(ink((Line((Span("中", 0, Style(bold=True)),)),)), (0, 2)) > plain * 1.2
    assert black(ink((Line((Span("　", 0, Style(underline=True)),)),)), (0, 2)) == 24
    assert black(ink((Line((Span("中", 0, Style(invert=True)),)),)), (0, 2)) == 24 * 24 - plain


def test_rules_and_tables_join() -> None:
    image = ink((Rule(0, 8, down=(0, 7)), Line((), (0, 7)), Rule(0, 8, up=(0, 7))), 8)
    left, right = (0 * COLUMN + 5, 7 * COLUMN + 5)
    top, bottom = LINE_DOTS // 2 - 1, 2 * LINE_DOTS + LINE_DOTS // 2 - 1
    for x in (left, right):
        assert all(image.getpixel((x, y)) == 255 for y in range(top, bottom))
        assert image.getpixel((x, top - 1)) == 0
        assert image.getpixel((x, bottom + 2)) == 0
    assert all(image.getpixel((x, top)) == 255 for x in range(left, right))
    assert image.getpixel((left - 1, top)) == 0


@pytest.mark.parametrize(("align", "left"), [(Align.LEFT, 0), (Align.CENTRE, 75), (Align.RIGHT, 150)])
def test_codes_and_pictures_are_drawn_dot_by_dot(align: Align, left: int) -> None:
    code = QrCode("A012", 2, place=Place(align))
    dots = dots_of(code)
    image = ink((code,)).crop((left, 0, left + 42, 42))
    assert image.convert("1").tobytes() == dots.rows
    assert black(ink((code,)), (0, 16), (0, 2)) == sum(byte.bit_count() for byte in dots.rows)


def test_the_characters_of_a_barcode_are_below_it() -> None:
    with_text = ink((Barcode(Symbology.CODE128, "A", height_dots=30, text=True),))
    without = ink((Barcode(Symbology.CODE128, "A", height_dots=30),))
    assert (with_text.height, without.height) == (60, 30)
    assert black(with_text, (0, 16), (1, 2)) > 20


def test_a_character_that_no_font_has_is_an_empty_frame() -> None:
    assert not FONTS.has("\U0003134a")
    assert FONTS.has("中")
    frame = FONTS.draw("\U0003134a", 24)
    assert (frame.getpixel((1, 1)), frame.getpixel((12, 12))) == (1, 0)


@pytest.mark.parametrize(("text", "package"), [("中", "fonts-droid-fallback"), ("A", "fonts-dejavu-core")])
def test_a_missing_font_is_named_by_its_package(tmp_path: Path, text: str, package: str) -> None:
    with pytest.raises(FontMissing, match=package) as error:
        as_image(Page((Line((Span(text),)),)), Fonts(tmp_path))
    assert error.value.package == package
    assert package in {*fonts_module.CHINESE.values(), *fonts_module.LATIN.values()}


# --- HTML -----------------------------------------------------------------------------------------------------------

PAGE = Page(
    (
        Line(
            (Span("号码 A012", 2, Style(2, 2, bold=True)), Span("x", 30, Style(invert=True, underline=True))), (0, 31)
        ),
        Rule(),
        QrCode("A012"),
        Picture(Bitmap(9, 2, b"\x80\x00\x00\x80")),
        Barcode(Symbology.EAN8, "69012341", text=True),
        Cut(),
    ),
    32,
)


def svg(html: str) -> ET.Element:
    """The drawing in the page: it has to be well-formed."""
    (found,) = re.findall(r"<svg .*</svg>", html, re.DOTALL)
    return ET.fromstring(found)  # noqa: S314


def said(html: str) -> list[str]:
    return [each.text or "" for each in svg(html).iter("{http://www.w3.org/2000/svg}text")]


def test_a_page_needs_nothing_from_elsewhere() -> None:
    html = as_html(PAGE, "ticket")
    addresses = re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?([^"')\s>]+)""", html)
    assert addresses
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert "default-src 'none'" in html
    assert "<script" not in html


def test_the_text_of_a_page_is_in_it() -> None:
    assert said(as_html(PAGE, "ticket")) == ["号码", " A012", "x", "69012341"]
    assert '<html lang="zh-TW">' in as_html(PAGE, "ticket", "zh-TW")


def test_words_stand_where_the_printer_puts_them() -> None:
    first, second, *_ = svg(as_html(PAGE, "t")).iter("{http://www.w3.org/2000/svg}text")
    assert first.get("transform") == f"translate({MARGIN_DOTS + 24} {MARGIN_DOTS + 9}) scale(2 2)"
    assert second.get("transform") == f"translate({MARGIN_DOTS + 24 + 96} {MARGIN_DOTS + 9}) scale(2 2)"
    assert [each.get("textLength") for each in (first, second)] == ["48", "60"]


def test_pictures_are_those_of_the_page() -> None:
    qr, picture, _ = re.findall(r'href="data:image/png;base64,([^"]+)"', as_html(PAGE, "ticket"))
    for element, data in zip(PAGE.elements[2:4], (qr, picture), strict=True):
        assert isinstance(element, QrCode | Picture)
        image = Image.open(BytesIO(b64decode(data)))
        dots = dots_of(element)
        black_dots = image.convert("L").point(lambda tone: 255 - tone).convert("1")
        assert (image.size, black_dots.tobytes()) == ((dots.width_dots, dots.height_dots), dots.rows)


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=12))
def test_no_text_becomes_markup(text: str) -> None:
    hostile = f"<script>&\"'</svg>{text}"
    html = as_html(Page((Line((Span(hostile),)), Cut()), 80), hostile)
    assert "".join(said(html)) == hostile
    assert html.count("<script") == 0
    assert html.count("</svg>") == 1

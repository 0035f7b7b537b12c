"""Barcodes: the bars of every kind against those of an independent program, and what each kind takes."""

from __future__ import annotations

import re
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.slips.properties import BARCODE_KINDS
from drivers.printer.barcode import KINDS, complete, modules
from drivers.printer.dots import dots_of, left_dots, placed, width_dots
from drivers.printer.page import Align, Barcode, Bitmap, Line, Picture, Place, QrCode, Symbology

VECTORS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "golden" / "barcodes.toml").read_text(encoding="utf-8")
)["vector"]


def elements(bars: str) -> str:
    """Bars without their exact widths: N or n narrow, W or w wide, capitals black."""
    return "".join(("Nn" if len(list(run)) == 1 else "Ww")[bar == "0"] for bar, run in groupby(bars))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_bars_are_those_of_an_independent_program(vector: dict[str, Any]) -> None:
    bars = modules(*complete(vector["kind"], vector["data"]))
    wanted = vector["bars"]
    assert (elements(bars) if set(wanted) <= set("NnWw") else bars) == wanted


def test_every_kind_has_a_vector() -> None:
    assert set(KINDS) == set(BARCODE_KINDS)
    same = {"jan": "ean", "nw7": "codabar"}
    assert {vector["kind"] for vector in VECTORS} == {same.get(kind, kind) for kind in KINDS}
    assert {complete(vector["kind"], vector["data"])[0] for vector in VECTORS} == set(Symbology)


@pytest.mark.parametrize(
    ("kind", "data", "whole"),
    [
        ("upc", "01234567890", "012345678905"),
        ("upc", "012345678905", "012345678905"),
        ("upc", "0425261", "04252614"),
        ("ean", "690123456789", "6901234567892"),
        ("jan", "6901234", "69012341"),
        ("nw7", "A123B", "A123B"),
    ],
)
def test_a_check_digit_can_be_left_out(kind: str, data: str, whole: str) -> None:
    assert complete(kind, data)[1] == whole
    assert complete(kind, whole)[1] == whole


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("upc", "12345"), ("upc", "1234567"), ("upc", "012345678904"), ("ean", "6901234567890"), ("ean", "69A1234"),
        ("itf", "123"), ("itf", ""), ("code39", "abc"), ("codabar", "123"), ("code93", "é"), ("code128", ""),
        ("code128", "A\x1b"), ("code128", "号"), ("code128", "A" * 49), ("ean", "６９０１２３４"),
    ],
)  # fmt: skip
def test_data_that_a_kind_does_not_take_is_refused(kind: str, data: str) -> None:
    with pytest.raises(ValueError, match=r"takes|should be|at most"):
        complete(kind, data)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=48))
def test_code128_is_eleven_modules_a_character(data: str) -> None:
    assert len(modules(*complete("code128", data))) == 11 * (len(data) + 2) + 13


@given(st.text(max_size=60), st.sampled_from(KINDS))
def test_no_data_makes_anything_but_bars(data: str, kind: str) -> None:
    try:
        symbology, whole = complete(kind, data)
    except ValueError:
        return
    assert re.fullmatch("1[01]*1", modules(symbology, whole))


# --- codes as dots --------------------------------------------------------------------------------------------------


def rows(bitmap: Bitmap) -> list[str]:
    size = (bitmap.width_dots + 7) // 8
    found = [bitmap.rows[start : start + size] for start in range(0, len(bitmap.rows), size)]
    return [format(int.from_bytes(row, "big"), f"0{size * 8}b")[: bitmap.width_dots] for row in found]


def test_a_qr_code_has_its_three_corners() -> None:
    dots = rows(dots_of(QrCode("A012", 2)))
    finder = "11" * 7 + "00"
    assert len(dots) == len(dots[0]) == 42
    assert (dots[0][:16], dots[0][-14:], dots[-1][:16]) == (finder, "11" * 7, finder)


@pytest.mark.parametrize(
    ("data", "level", "modules_wide"), [("A", "l", 21), ("A" * 17, "l", 21), ("A" * 18, "l", 25), ("号" * 90, "h", 85)]
)
def test_a_qr_code_is_as_large_as_it_says(data: str, level: str, modules_wide: int) -> None:
    code = QrCode(data, 3, level)
    assert (width_dots(code), dots_of(code).width_dots) == (3 * modules_wide, 3 * modules_wide)


@pytest.mark.parametrize(("align", "left"), [(Align.LEFT, 48), (Align.CENTRE, 98), (Align.RIGHT, 148)])
def test_a_place_in_part_of_the_line(align: Align, left: int) -> None:
    assert left_dots(Place(align, 4, 20), 140, 48) == left


@given(st.integers(1, 40), st.integers(0, 30), st.sampled_from(Align), st.data())
def test_a_picture_is_moved_whole(width: int, column: int, align: Align, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.text("01", min_size=width, max_size=width), min_size=1, max_size=4))
    size = (width + 7) // 8
    packed = b"".join(int(word.ljust(size * 8, "0"), 2).to_bytes(size, "big") for word in words)
    picture = Picture(Bitmap(width, len(words), packed), Place(align, column, 4))
    (moved,) = placed(picture)
    assert isinstance(moved, Picture)
    left = left_dots(picture.place, width, 48)
    assert rows(moved.bitmap) == ["0" * left + word for word in words]


def test_the_characters_of_a_barcode_stand_below_it() -> None:
    below = placed(Barcode(Symbology.CODE128, "A012", text=True, place=Place(Align.RIGHT, 10, 20)))[1]
    assert isinstance(below, Line)
    assert below.spans[0].text == "A012"
    assert 20 <= below.spans[0].column <= 26

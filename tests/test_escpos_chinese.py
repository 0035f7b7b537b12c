"""Every Chinese character (row 2 of the service rules): what stands on the simulated paper is what was written.

Font text and drawn cells alike. A drawn cell is read by comparing its dots with the glyphs of the font that drew it,
among thousands of others.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from heapq import nsmallest
from itertools import groupby
from pathlib import Path

import pytest

from drivers.printer.escpos_layout import PREAMBLE, lay_out
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_text import ENCODINGS, columns
from drivers.printer.fonts import Fonts
from drivers.printer.page import Line, Page, Span, Style
from simulators import escpos_paper as paper
from simulators.escpos_printer import EscposPrinterSimulator

COLUMN_DOTS = 12
CELL_DOTS = 24
LINE_DOTS = 30
PAGE_COLUMNS = 48
FONTS = Fonts()
LEVELS = (3500, 3000, 1605)

SURNAMES = (
    *"王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈",
    *"仝亓殳昝逯麴禤㐂㛃䶮𠮷𫖯", "欧阳", "司马", "上官", "诸葛", "令狐", "尉迟",
)  # fmt: skip
RARE = (range(0x3400, 0x4DB6), range(0x20000, 0x2A6D7), range(0x2A700, 0x2B735), range(0x2B740, 0x2B81E))
"""The extensions A, B, C and D, as far as fonts of 2017 have them."""


def standard_table() -> list[str]:
    """通用规范汉字表, in its order."""
    text = (Path(__file__).parent / "vectors/tongyong_guifan.txt").read_text("utf-8")
    return [each for row in text.splitlines() if not row.startswith("#") for each in row]


def gb2312() -> list[str]:
    """The characters of GB2312: rows 16 to 87."""
    cells = (bytes((0xA0 + row, 0xA0 + cell)) for row in range(16, 88) for cell in range(1, 95))
    return [each for each in (cell.decode("gb2312", "ignore") for cell in cells) if each]


def names(count: int) -> list[str]:
    """Names as they come: one or two characters behind the surname, of which one in three is rare."""
    chance = random.Random(20130605)
    table = standard_table()

    def given() -> str:
        return chr(chance.choice(chance.choice(RARE))) if chance.random() < 1 / 3 else chance.choice(table)

    return [chance.choice(SURNAMES) + "".join(given() for _ in range(chance.randint(1, 2))) for _ in range(count)]


def layout(encoding: str) -> Layout:
    return Layout(encoding, PAGE_COLUMNS, "partial", four_byte=False, fs_size=False)


def printed(lines: Iterable[Line], encoding: str) -> EscposPrinterSimulator:
    """A printer of `encoding` after it printed `lines`, and nothing that it did not know."""
    code = "gbk" if encoding == "gb2312" else encoding
    printer = EscposPrinterSimulator(code=code, columns=PAGE_COLUMNS, mm_per_s=None)
    printer.receive(PREAMBLE + b"".join(lay_out(Page(tuple(lines)), layout(encoding))))
    assert list(printer.unknown_commands) == []
    return printer


# --- reading the paper ----------------------------------------------------------------------------------------------


@cache
def known_glyphs() -> dict[str, str]:
    """Glyphs, as the dots of their cells in hexadecimal, and the character of each."""
    characters = {*standard_table(), *gb2312(), *"".join(names(1000)), *SIGNS}
    found = {FONTS.draw(each, CELL_DOTS).tobytes().hex(): each for each in sorted(characters) if not each.isascii()}
    assert len(found) == sum(not each.isascii() for each in characters), "two characters look the same"
    return found


@cache
def read_cell(bits: str) -> str:
    """The character that a cell shows, of which no dot may be missing.

    A stroke may be thicker where its dots would have been a real-time command.
    """
    if bits in known_glyphs():
        return known_glyphs()[bits]
    dots = int(bits, 16)
    alike = ((int(each, 16) ^ dots, found) for each, found in known_glyphs().items())
    (best, found), (second, _) = nsmallest(2, alike, key=lambda each: each[0].bit_count())
    assert best & dots == best, f"no known character: {bits}"
    assert best.bit_count() < second.bit_count() / 2, f"{found}, or another character: {bits}"
    return found


def read_line(line: paper.Line) -> str:
    """The line's text, drawn cells included, whatever their width."""
    return "".join(
        span.text if isinstance(span, paper.Span) else read_cell(narrowed(span.bits, span.width_dots))
        for span in line.spans
    )


def narrowed(bits: str, width_dots: int) -> str:
    """A magnified cell as it was before: one dot of each row of equal ones."""
    wide = width_dots // CELL_DOTS
    assert wide * CELL_DOTS == width_dots
    rows = f"{int(bits, 16):0{len(bits) * 4}b}"
    pitch = len(rows) // CELL_DOTS
    plain = "".join(rows[row * pitch : row * pitch + width_dots : wide] for row in range(CELL_DOTS))
    return f"{int(plain, 2):0{CELL_DOTS * CELL_DOTS // 4}x}"


def read(printer: EscposPrinterSimulator) -> list[str]:
    return [read_line(item) for item in printer.paper.hanging.items if isinstance(item, paper.Line)]


def in_lines(characters: Sequence[str]) -> Iterator[str]:
    most = PAGE_COLUMNS // 2
    for start in range(0, len(characters), most):
        yield "".join(characters[start : start + most])


# --- everything that is written -------------------------------------------------------------------------------------

SIGNS = "，。！？：；、（）《》【】“”‘’—…·￥％＋－／０９ＡＺａｚ①②⑩㈠Ⅳ℃№×÷√→○●◎☆★□■△▲　龍號碼臺灣醫療區請稍候é"


def test_the_table_is_whole() -> None:
    table = standard_table()
    assert len(table) == len(set(table)) == sum(LEVELS) == 8105
    starts = [sum(LEVELS[:level]) for level in range(3)]
    assert [(table[start], table[start + size - 1]) for start, size in zip(starts, LEVELS, strict=True)] == [
        ("一", "矗"), ("乂", "齉"), ("亍", "蠼"),
    ]  # fmt: skip
    assert len(gb2312()) == len(set(gb2312())) == 6763


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("characters", [gb2312(), standard_table(), list(SIGNS)], ids=["gb2312", "table", "signs"])
def test_every_character_is_on_the_paper(characters: list[str], encoding: str) -> None:
    lines = list(in_lines(characters))
    assert read(printed((Line((Span(line),)) for line in lines), encoding)) == lines


# --- names ----------------------------------------------------------------------------------------------------------

NAMES = names(1000)


def is_rare(character: str) -> bool:
    """Whether GB18030 has it in four bytes."""
    return len(character.encode("gb18030")) == 4


def columns_of(line: paper.Line) -> list[tuple[int, str]]:
    """Each word of the line and the column it begins in, from where the printer put it."""
    at = 0
    cells: list[tuple[int, str]] = []
    for span in line.spans:
        if isinstance(span, paper.Dots):
            assert at % COLUMN_DOTS == 0
            cells.append((at // COLUMN_DOTS, read_cell(narrowed(span.bits, span.width_dots))))
            at += span.width_dots
            continue
        for each in span.text:
            cells.append((at // COLUMN_DOTS, each))
            at += columns(each) * COLUMN_DOTS * span.style.width
    words = groupby(cells, lambda cell: cell[1] == " ")
    return [(word[0][0], "".join(each for _, each in word)) for word in (list(w) for blank, w in words if not blank)]


def test_the_names_are_a_thousand_and_some_are_rare() -> None:
    assert len(set(NAMES)) > 950
    assert sum(any(map(is_rare, name)) for name in NAMES) > 300
    assert {"㐂", "𠮷"} <= {*"".join(NAMES)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_name_is_in_its_column_and_so_is_what_stands_beside_it(encoding: str) -> None:
    lines = [Line((Span("姓名"), Span(name, 6), Span("A012号", 20), Span(name, 30))) for name in NAMES]
    items = [item for item in printed(lines, encoding).paper.hanging.items if isinstance(item, paper.Line)]
    wanted = [[(0, "姓名"), (6, name), (20, "A012号"), (30, name)] for name in NAMES]
    assert [columns_of(item) for item in items] == wanted


@pytest.mark.parametrize("wide", [2, 3])
def test_a_wide_name_is_in_its_column(wide: int) -> None:
    lines = [Line((Span(name, 2, Style(wide)), Span("号A", 40))) for name in NAMES[:200]]
    items = [item for item in printed(lines, "gb18030").paper.hanging.items if isinstance(item, paper.Line)]
    assert [columns_of(item) for item in items] == [[(2, name), (40, "号A")] for name in NAMES[:200]]


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (2, 3), (3, 4)])
def test_a_high_name_is_drawn_with_its_whole_line(size: tuple[int, int]) -> None:
    """No image within a line is higher than 24 dots."""
    wide, high = size
    for name in [name for name in NAMES if any(map(is_rare, name))][:60]:
        line = Line((Span("姓名"), Span(name, 5, Style(wide, high)), Span("A012", 40)))
        images = printed([line], "gb18030").paper.hanging.items
        rows = [row for image in images for row in rows_of(image)]
        assert len(rows) == LINE_DOTS * high
        assert {len(row) for row in rows} == {44 * COLUMN_DOTS}
        assert words_in(rows, 0, 1, 1, high) == "姓名"
        assert words_in(rows, 5, wide, high, high) == name
        assert words_in(rows, 40, 1, 1, high, end=44) == "A012"


def rows_of(item: paper.Item) -> list[str]:
    assert isinstance(item, paper.Image)
    row_bytes = item.width_dots // 8
    data = bytes.fromhex(item.bits)
    return [
        f"{int.from_bytes(data[at : at + row_bytes], 'big'):0{item.width_dots}b}"
        for at in range(0, len(data), row_bytes)
    ]


def words_in(rows: list[str], column: int, wide: int, high: int, line_height: int, end: int | None = None) -> str:
    """What stands in a drawn line from `column` on, up to the first blank or `end`, in characters of one size."""
    top = LINE_DOTS * line_height - CELL_DOTS * high - (LINE_DOTS - CELL_DOTS) // 2
    text = ""
    while end is None or column < end:
        cell = [row[column * COLUMN_DOTS :][: CELL_DOTS * wide : wide] for row in rows[top::high][:CELL_DOTS]]
        half = "".join(row[:COLUMN_DOTS] for row in cell)
        if half in ascii_glyphs():
            if ascii_glyphs()[half] == " ":
                break
            text += ascii_glyphs()[half]
            column += wide
            continue
        text += read_cell(f"{int(''.join(cell), 2):0{CELL_DOTS * CELL_DOTS // 4}x}")
        column += 2 * wide
    return text


@cache
def ascii_glyphs() -> dict[str, str]:
    """The dots of each ASCII character as ones and noughts."""
    cells = {chr(code): FONTS.draw(chr(code), COLUMN_DOTS) for code in range(0x20, 0x7F)}
    return {
        "".join("1" if cell.getpixel((x, y)) else "0" for y in range(CELL_DOTS) for x in range(COLUMN_DOTS)): each
        for each, cell in cells.items()
    }

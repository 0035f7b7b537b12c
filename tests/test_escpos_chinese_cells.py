"""Characters drawn because the printer's code lacks them: their dots, their looks, and what cannot be drawn either."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from escpos.printer import Dummy
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from drivers.device import Reason
from drivers.printer.capability import Outcome
from drivers.printer.escpos_image import column_image, raster
from drivers.printer.escpos_layout import PREAMBLE, lay_out
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_text import Unprintable
from drivers.printer.fonts import Fonts
from drivers.printer.page import PLAIN, Bitmap, Line, Page, Span, Style
from simulators.escpos_paper import Dots
from simulators.escpos_paper import Line as PrintedLine
from simulators.escpos_parser import RealTimeFilter
from simulators.escpos_png import LINE_DOTS, MARGIN_DOTS
from simulators.escpos_printer import EscposPrinterSimulator
from tests.escpos_rig import rig

FONTS = Fonts()
INSTALLED = Path("/usr/share/fonts")
DROID, HANAZONO = "truetype/droid", "truetype/hanazono"


def layout(encoding: str = "gb18030", *, four_byte: bool = False, fonts: Path = INSTALLED) -> Layout:
    return Layout(encoding, 32, "partial", four_byte=four_byte, fs_size=False, fonts=fonts)


def sent(text: str, how: Style = PLAIN, where: Layout | None = None) -> bytes:
    return b"".join(lay_out(Page((Line((Span(text, 0, how),)),)), where or layout()))


def cell(text: str, how: Style = PLAIN) -> Dots:
    """The drawn cell that stands on the paper for `text`, alone in its line."""
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(PREAMBLE + sent(text, how))
    assert list(printer.unknown_commands) == []
    (line,) = printer.paper.hanging.items
    assert isinstance(line, PrintedLine)
    (dots,) = line.spans
    assert isinstance(dots, Dots)
    return dots


def rows(dots: Dots) -> list[str]:
    """The cell, row by row, as ones and noughts."""
    data = bytes.fromhex(dots.bits)
    row_bytes = len(data) // 24
    lines = (data[at : at + row_bytes] for at in range(0, len(data), row_bytes))
    return ["".join(f"{byte:08b}" for byte in line)[: dots.width_dots] for line in lines]


def glyph_rows(character: str) -> list[str]:
    glyph = FONTS.draw(character, 24)
    return ["".join("1" if glyph.getpixel((x, y)) else "0" for x in range(24)) for y in range(24)]


# --- the bytes ------------------------------------------------------------------------------------------------------


def test_a_rare_character_is_an_image_among_the_text() -> None:
    """ESC * 33, 24 columns of three bytes: the top dot of the first column first."""
    glyph = glyph_rows("𠮷")
    columns = b"".join(int("".join(row[x] for row in glyph), 2).to_bytes(3, "big") for x in range(24))
    king, number = "王".encode("gb18030"), "号".encode("gb18030")
    assert sent("王𠮷3号") == (
        b"\x1c\x26"
        + king
        + b"\x1c\x2e"
        + b"\x1b\x2a\x21\x18\x00"
        + columns
        + b"3"
        + b"\x1c\x26"
        + number
        + b"\x1c\x2e\n"
    )


def test_the_printers_own_font_is_used_where_it_has_the_character() -> None:
    assert sent("𠮷", where=layout(four_byte=True)) == b"\x1c\x26\x95\x34\xb2\x35\x1c\x2e\n"
    assert sent("龍", where=layout("gbk")) == b"\x1c\x26\xfd\x88\x1c\x2e\n"
    assert sent("龍", where=layout("gb2312")).startswith(b"\x1b*!\x18\x00")
    assert sent("龙", where=layout("big5")).startswith(b"\x1b*!\x18\x00")
    assert sent("𠮷", where=layout("utf-8")).startswith(b"\x1b*!\x18\x00")
    assert sent("𠮷", where=layout("utf-8", four_byte=True)) == "𠮷\n".encode()


@given(
    st.binary(min_size=1, max_size=200), st.sampled_from([b"\x10\x04\x01", b"\x10\x05\x02", b"\x10\x14\x08\x01\x03"])
)
def test_no_dots_are_a_real_time_command(noise: bytes, command: bytes) -> None:
    data = (noise + command + noise).ljust(3 * 200, b"\0")
    images = [
        column_image(data[: len(data) // 3 * 3]),
        *raster(Bitmap(80, len(data) // 10, data[: len(data) // 10 * 10])),
    ]
    for image in images:
        assert not any(real_time for _, real_time in RealTimeFilter().feed(image + b"\x1b@" * 8))


def test_what_would_be_a_real_time_command_is_one_dot_thicker() -> None:
    assert (
        column_image(b"\x10\x04\x01" + b"\x00\x00\x10" + b"\x14\x08\x00")[5:].hex(" ") == "18 04 01 00 00 18 14 08 00"
    )
    assert column_image(b"\x10\x10\x04" + b"\x10\x03\x10")[5:].hex(" ") == "10 18 04 10 03 10"


@pytest.mark.parametrize("width", [0, 1024])
def test_an_image_wider_than_the_command_allows_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"{width} is not from 1 to 1023"):
        column_image(bytes(3 * width))


# --- its looks ------------------------------------------------------------------------------------------------------


def test_a_drawn_cell_is_the_glyph_dot_by_dot() -> None:
    assert rows(cell("𠮷")) == glyph_rows("𠮷")


@pytest.mark.parametrize("wide", [2, 3, 8])
def test_a_wide_cell_has_wide_dots(wide: int) -> None:
    assert rows(cell("𠮷", Style(wide))) == ["".join(dot * wide for dot in row) for row in glyph_rows("𠮷")]


def test_a_drawn_cell_has_the_style_of_its_text() -> None:
    plain = glyph_rows("𠮷")
    inverted = [row.translate(str.maketrans("01", "10")) for row in plain]
    assert rows(cell("𠮷", Style(invert=True))) == inverted
    assert rows(cell("𠮷", Style(underline=True))) == [*plain[:-1], "1" * 24]
    bold = rows(cell("𠮷", Style(bold=True)))
    assert "".join(bold).count("1") > 1.2 * "".join(plain).count("1")
    assert all(
        thick == "1"
        for row, thin in zip(bold, plain, strict=True)
        for thick, dot in zip(row, thin, strict=True)
        if dot == "1"
    )


def test_the_printer_is_in_plain_mode_for_an_image_and_in_style_again_behind_it() -> None:
    bold = Style(2, bold=True)
    data = sent("A𠮷B", bold)
    size, emphasis = b"\x1d\x21\x10", b"\x1b\x45\x01"
    plain = b"\x1d\x21\x00\x1b\x45\x00"
    assert data.startswith(size + emphasis + b"A" + plain + b"\x1b*!\x30\x00")
    assert data.endswith(size + emphasis + b"B\n")


def test_the_picture_of_the_roll_shows_the_cell_in_its_line() -> None:
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(PREAMBLE + sent("王𠮷A"))
    roll = Image.open(BytesIO(printer.png()))
    left, top = MARGIN_DOTS + 24, MARGIN_DOTS
    line = roll.crop((left, top, left + 24, top + LINE_DOTS)).convert("L").point(lambda tone: 255 - tone).convert("1")
    assert line.crop((0, 0, 24, 24)).tobytes() == FONTS.draw("𠮷", 24).tobytes()


@pytest.mark.parametrize("how", [Style(9), Style(2, 9), Style(1, 0), Style(0, 2)])
def test_a_drawn_character_is_magnified_no_more_than_a_printed_one(how: Style) -> None:
    for text in ("王", "𠮷"):
        with pytest.raises(ValueError, match="is not from 1 to 8"):
            sent(text, how)


@pytest.mark.parametrize("how", [PLAIN, Style(2), Style(2, 2)])
def test_a_drawn_line_is_no_wider_than_the_paper(how: Style) -> None:
    fits = "𠮷" * (16 // how.width)
    assert sent(fits, how)
    with pytest.raises(ValueError, match=r"width|columns"):
        sent(fits + "A", how)


# --- what cannot be printed -----------------------------------------------------------------------------------------


def fonts_with(tmp_path: Path, *folders: str) -> Path:
    """A directory of fonts with these alone."""
    for folder in folders:
        (tmp_path / folder).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder).symlink_to(INSTALLED / folder)
    return tmp_path


@pytest.mark.parametrize(
    ("folders", "text", "characters", "package"),
    [
        ((), "王㐂𠮷", "㐂", "fonts-droid-fallback"),
        ((DROID, "truetype/dejavu"), "王㐂𠮷鿍", "𠮷鿍", "fonts-hanazono"),
        ((DROID, HANAZONO, "truetype/dejavu"), "𠮷\U00030000", "\U00030000", "fonts-babelstone-han"),
    ],
)
def test_what_no_font_has_is_refused_with_the_package_that_has_it(
    tmp_path: Path, folders: tuple[str, ...], text: str, characters: str, package: str
) -> None:
    where = layout(fonts=fonts_with(tmp_path, *folders))
    for how in (PLAIN, Style(2, 2)):
        with pytest.raises(Unprintable, match=f"apt install {package}") as refused:
            sent(text, how, where)
        assert set(characters) <= set(refused.value.characters)
        assert refused.value.packages[0] == package


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("葛\U000e0100", "\U000e0100"),  # the variant of a character, not a character
        ("e\u0301", "\u0301"),
        ("محمد", "محد"),  # letters that join
        ("हिन्दी", "हिन्दी"),
        ("ᠮᠣ", "ᠮᠣ"),
        ("号\u200d", "\u200d"),
        ("号\ue000", "\ue000"),
    ],
)
def test_what_cannot_stand_alone_in_a_cell_is_refused(text: str, characters: str) -> None:
    with pytest.raises(Unprintable) as refused:
        sent(text)
    assert refused.value.characters == "".join(dict.fromkeys(characters))
    assert refused.value.packages == ()


async def test_nothing_of_a_slip_that_cannot_be_printed_is_sent() -> None:
    async with rig() as it:
        await it.ready()
        before = it.printer.paper.printed_mm
        page = Page((Line((Span("王𠮷"),)), Line((Span("葛\U000e0100"),))), 16)
        result = await it.driver.print_page(page)
        assert (result.outcome, result.reason, result.sent, result.paper) == (
            Outcome.FAILED, Reason.UNPRINTABLE, 0, False,
        )  # fmt: skip
        assert "U+E0100" in result.detail
        assert it.printer.paper.printed_mm == before
        assert it.printer.state()["begun_line"] == ""


async def test_a_rare_name_is_printed_and_confirmed_over_a_real_line() -> None:
    async with rig() as it:
        await it.ready()
        result = await it.driver.print_page(Page((Line((Span("王𠮷㐂A"),)),), 16))
        assert result.outcome is Outcome.PRINTED
        assert it.printer.printed_text() == "王\ufffc\ufffcA"


def test_no_picture_library_is_loaded_for_what_the_printer_has() -> None:
    program = """
import sys
from drivers.printer.escpos import EscposOptions
from drivers.printer.escpos_layout import lay_out
from drivers.printer.page import Line, Page, Span
plain, rare = (Page((Line((Span(text),)),)) for text in ("王①A", "王𠮷A"))
lay_out(plain, EscposOptions().layout)
print("PIL" in sys.modules)
lay_out(rare, EscposOptions().layout)
print("PIL" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


# --- the simulated printer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "width", "first_rows"),
    [
        ("1b 2a 21 02 00 80 00 01 40 00 00", 2, ["10", "01"]),  # 24 dots, each one dot of the paper
        ("1b 2a 20 02 00 80 00 01 40 00 00", 4, ["1100", "0011"]),  # half as many across
        ("1b 2a 01 02 00 80 40", 2, ["10", "10", "10", "01"]),  # a third as many down
        ("1b 2a 00 02 00 80 40", 4, ["1100", "1100", "1100", "0011"]),
    ],
)
def test_each_density_of_a_column_image(command: str, width: int, first_rows: list[str]) -> None:
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(b"A" + bytes.fromhex(command) + b"\n")
    (line,) = printer.paper.hanging.items
    assert isinstance(line, PrintedLine)
    text, dots = line.spans
    assert text.text == "A"
    assert isinstance(dots, Dots)
    assert dots.width_dots == width
    assert rows(dots)[: len(first_rows)] == first_rows
    assert len(rows(dots)) == 24


def test_python_escpos_sends_its_column_images_in_the_same_order() -> None:
    """An independent witness: the dots of a glyph that python-escpos sends by ESC * are those of the glyph."""
    client = Dummy()
    glyph = FONTS.draw("𠮷", 24)
    client.image(ImageChops.invert(glyph.convert("L")), impl="bitImageColumn")
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(client.output)
    (dots,) = (dots for item in printer.paper.hanging.items if isinstance(item, PrintedLine) for dots in item.spans)
    assert isinstance(dots, Dots)
    assert rows(dots) == glyph_rows("𠮷")
    assert b"\x1b*!" + client.output.partition(b"\x1b*!")[2][: 2 + 72] in sent("𠮷")


def test_what_a_line_has_no_room_for_is_lost() -> None:
    printer = EscposPrinterSimulator(columns=16, mm_per_s=None)
    printer.receive(b"A" * 15 + column_image(b"\xff\xff\xff" * 24) + column_image(b"\xff\xff\xff") + b"\n")
    (line,) = printer.paper.hanging.items
    assert isinstance(line, PrintedLine)
    assert [span.width_dots for span in line.spans if isinstance(span, Dots)] == [12]


def test_an_unknown_density_is_reported() -> None:
    printer = EscposPrinterSimulator(mm_per_s=None)
    printer.receive(b"\x1b\x2a\x05\x01\x00\xff\n")
    assert list(printer.unknown_commands) == ["1b 2a 05"]

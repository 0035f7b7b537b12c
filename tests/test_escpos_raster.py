"""Slips as dots, for a printer without a Chinese font: what comes out is the picture that a preview shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from daemon.slips.book import SlipBook
from daemon.slips.examples import example
from daemon.slips.models import SLIPS
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from drivers.device import Reason
from drivers.printer.capability import Outcome, PrintResult
from drivers.printer.escpos import EscposOptions
from drivers.printer.escpos_image import RASTER_BAND_DOTS
from drivers.printer.escpos_layout import CUTS, lay_out, preamble, unconfirmed_slip, void_slip
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_text import Unprintable
from drivers.printer.fonts import Fonts
from drivers.printer.page import (
    COLUMN_DOTS,
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
from drivers.printer.page_image import as_image
from drivers.printer.page_shapes import MARGIN_DOTS
from simulators.escpos_model import MODELS
from simulators.escpos_paper import Blank, Item, Slip
from simulators.escpos_paper import Image as PaperImage
from simulators.escpos_paper import Line as PaperLine
from simulators.escpos_parser import TextMode, read_instruction
from simulators.escpos_printer import EscposPrinterSimulator
from tests.escpos_rig import FAST, HALL_TICKET, PATIENCE_S, TICKET, Rig, rig, until

OPTIONS = EscposOptions(encoding="raster")
LAYOUT = OPTIONS.layout
FONTS = Fonts()
LONGEST_BYTES = 2048
"""A band must fit the smallest buffers: 4 KiB in most printers."""


def sent(page: Page) -> bytes:
    return preamble(LAYOUT) + b"".join(lay_out(page, replace(LAYOUT, columns=page.columns)))


def commands(data: bytes) -> list[tuple[str, bytes]]:
    """The names of the commands in `data`, as a printer takes it apart, each with its arguments."""
    found: list[tuple[str, bytes]] = []
    while data:
        instruction, length = read_instruction(data, TextMode(double_byte=False, code="gb18030")) or (None, 0)
        assert instruction is not None, "ends inside a command"
        found.append((instruction.name, instruction.arguments))
        data = data[length:]
    return found


def on_paper(items: list[Item], columns: int) -> Image.Image:
    """Every dot that the head burnt, black (1) on white."""
    pictures = [_dots(item, columns) for item in items]
    paper = Image.new("1", (columns * COLUMN_DOTS, sum(picture.height for picture in pictures)), 0)
    top = 0
    for picture in pictures:
        paper.paste(picture, (0, top))
        top += picture.height
    return paper


def _dots(item: Item, columns: int) -> Image.Image:
    match item:
        case PaperImage(width, height, bits):
            return Image.frombytes("1", (width, height), bytes.fromhex(bits))
        case Blank(dots):
            return Image.new("1", (columns * COLUMN_DOTS, dots), 0)
        case _:
            raise AssertionError(f"not dots: {item}")


def preview(page: Page) -> Image.Image:
    """The picture of `page` without its margin, and without the mark of the cut, black (1) on white."""
    picture = as_image(Page(tuple(each for each in page.elements if not isinstance(each, Cut)), page.columns), FONTS)
    inner = (MARGIN_DOTS, MARGIN_DOTS, picture.width - MARGIN_DOTS, picture.height - MARGIN_DOTS)
    return ImageChops.invert(picture.crop(inner).convert("L")).convert("1")


def assert_printed(printer: EscposPrinterSimulator, page: Page) -> None:
    slip, hanging = printer.paper.slips
    assert (slip.cut, hanging.items) == ("partial", [])
    assert list(printer.unknown_commands) == []
    paper, picture = on_paper(slip.items, page.columns), preview(page)
    assert paper.height > picture.height, "the cut feeds the slip past the knife"
    whole = Image.new("1", paper.size, 0)
    whole.paste(picture, (0, 0))
    assert ImageChops.logical_xor(paper, whole).getbbox() is None


@pytest.mark.parametrize("name", SLIPS)
@pytest.mark.parametrize("language", SLIP_LANGUAGES)
@pytest.mark.parametrize("columns", [32, 48])
def test_every_slip_comes_out_as_its_preview_shows_it(name: str, language: SlipLanguage, columns: int) -> None:
    page = SlipBook().lay_out(name, language, example(name, language), columns)
    printer = EscposPrinterSimulator(columns=columns, mm_per_s=None)
    printer.receive(sent(page))
    assert_printed(printer, page)


EVERYTHING = Page((
    Line((Span("龍㐂𠮷é", 1, Style(2, 3, bold=True)), Span("3人", 20, Style(underline=True))), bars=(0, 31)),
    Rule(2, 20, up=(2,), down=(21,)),
    Line((Span("反白", 3, Style(invert=True)),)),
    Feed(2),
    QrCode("https://例.cn/?n=A012", place=Place(column=8, columns=24)),
    Barcode(Symbology.CODE128, "A012", text=True),
    Picture(Bitmap(9, 2, bytes((0b1010_1010, 0x80, 0b0101_0101, 0)))),
    Line((Span("   "),)),
    Cut(),
), 32)  # fmt: skip


def test_whatever_can_stand_on_a_page_comes_out_as_its_preview_shows_it() -> None:
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(sent(EVERYTHING))
    assert_printed(printer, EVERYTHING)


def test_no_text_and_no_chinese_mode_is_sent_and_no_command_is_long() -> None:
    found = commands(sent(EVERYTHING))
    assert {name for name, _ in found} == {"ESC @", "GS v 0", "ESC d", "GS V"}
    bands = [arguments for name, arguments in found if name == "GS v 0"]
    assert all(int.from_bytes(band[3:5], "little") <= RASTER_BAND_DOTS for band in bands)
    assert max(map(len, bands)) <= LONGEST_BYTES


def test_dots_that_look_like_a_real_time_command_do_not_stay_one() -> None:
    """10 04 01 asks for the status, in dots too; one dot more, beside another, makes it 18 04 01."""
    page = Page((Picture(Bitmap(24, 1, bytes.fromhex("100401")), Place(Align.LEFT)), Cut()), 16)
    data = sent(page)
    assert b"\x10\x04" not in data
    assert commands(data)[1] == ("GS v 0", bytes.fromhex("00 0300 0100 180401"))


async def test_a_printer_without_chinese_prints_over_a_serial_line(tmp_path: Path) -> None:
    options = replace(FAST, columns=48, encoding="raster", confirm_s=5.0, stall_s=5.0, chunk_bytes=512)
    async with rig(tmp_path / "printer", options=options) as it:
        await it.ready()
        result = await it.driver.print_page(HALL_TICKET)
        assert result.outcome is Outcome.PRINTED
        assert_printed(it.printer, HALL_TICKET)


async def test_half_a_slip_of_dots_is_marked_void_and_cut_off(tmp_path: Path) -> None:
    async with rig(tmp_path / "printer", options=replace(FAST, encoding="raster")) as it:
        await it.ready()
        it.printer.plan(it.printer.power_off, 900)
        result = await it.driver.print_page(TICKET)
        assert (result.outcome, result.paper) == (Outcome.FAILED, True)
        it.printer.power_on()
        await until(lambda: len(it.printer.paper.slips) == 2)
        void, _ = it.printer.paper.slips
        assert void.cut == "partial"
        assert void.lines[-1].strip() == "VOID"
        assert [type(item) for item in void.items if not isinstance(item, Blank)][-2:] == [PaperImage, PaperLine]


async def test_what_cannot_be_drawn_is_refused_before_a_byte_is_sent(tmp_path: Path) -> None:
    async with rig(tmp_path / "printer", options=replace(FAST, encoding="raster")) as it:
        await it.ready()
        before = it.printer.received
        result = await it.driver.print_page(Page((Line((Span("王\U0010fffd"),)), Cut()), 16))
        assert (result.outcome, result.reason, result.sent) == (Outcome.FAILED, Reason.UNPRINTABLE, 0)
        assert "U+10FFFD" in result.detail
        assert not any(slip.has_ink for slip in it.printer.paper.slips)
        assert it.printer.received - before < 64, "nothing but questions"


@pytest.mark.parametrize(("text", "package"), [("号码", "fonts-droid-fallback"), ("A012", "fonts-dejavu-core")])
def test_a_machine_without_fonts_is_told_what_to_install(text: str, package: str, tmp_path: Path) -> None:
    with pytest.raises(Unprintable, match=f"apt install {package}"):
        lay_out(Page((Line((Span(text),)), Cut())), replace(LAYOUT, fonts=tmp_path))


@pytest.mark.parametrize(("mark", "latin"), [(void_slip, "VOID"), (unconfirmed_slip, "UNCONFIRMED")])
def test_a_slip_is_marked_even_where_the_fonts_were_taken_away(
    mark: Callable[[Layout], bytes], latin: str, tmp_path: Path
) -> None:
    for fonts, drawn in ((LAYOUT.fonts, True), (tmp_path, False)):
        printer = EscposPrinterSimulator(mm_per_s=None)
        printer.receive(mark(replace(LAYOUT, fonts=fonts)))
        slip, _ = printer.paper.slips
        assert [line.strip() for line in slip.lines] == [latin]
        assert any(isinstance(item, PaperImage) for item in slip.items) == drawn
        assert slip.cut == "partial"


@pytest.mark.parametrize(
    "element",
    [
        Line((Span("宽" * 25),)),
        Line((Span("大", 0, Style(9, 9)),)),
        Line((Span("ab", 0), Span("c", 1))),
        Rule(0, 49),
        QrCode("x" * 400, 16),
        Picture(Bitmap(48 * COLUMN_DOTS + 1, 1, bytes(73))),
        Feed(256),
    ],
)
def test_what_is_too_large_is_refused_as_for_any_printer(element: Element) -> None:
    with pytest.raises(ValueError, match=r"is not from|taken twice"):
        lay_out(Page((element, Cut())), LAYOUT)


def test_only_the_end_of_the_slip_is_as_for_any_printer() -> None:
    for cut, data in CUTS.items():
        assert lay_out(Page((Feed(3), Cut())), replace(LAYOUT, cut=cut)) == [b"\x1bd\x03", data]


@pytest.mark.parametrize(("fault", "remedy"), [("power-off", "power-on"), ("paper-end", "refill")])
async def test_a_fault_amid_dots_is_told_as_it_was(fault: str, remedy: str) -> None:
    """Within a band most of all: what it lacks is filled up before anything else is sent."""
    options = replace(FAST, encoding="raster")
    total = len(sent(TICKET))
    outcomes = []
    for byte in range(100, total, total // 3):
        async with rig(model=MODELS["gs-r"], options=options) as it:
            await it.ready()
            it.stage.command(f"{fault} at {byte}")
            result = await it.driver.print_page(TICKET)
            it.stage.command(remedy)
            await it.met()
            again = await until_printed(it)
            assert again.outcome is Outcome.PRINTED
            slips = [slip for slip in it.printer.paper.slips if slip.has_ink]
        *before, last = slips
        assert is_whole(last), (byte, result)
        assert sum(map(is_whole, before)) in {"printed": (1,), "unconfirmed": (0, 1)}.get(result.outcome, (0,))
        halves = [slip for slip in before if not is_whole(slip)]
        assert all(slip.torn or slip.lines[-1].strip() == "VOID" for slip in halves), (byte, result)
        outcomes.append(result.outcome)
    assert set(outcomes) == {Outcome.FAILED}


async def until_printed(it: Rig) -> PrintResult:
    """A ticket that gets through, however long the printer takes to be itself again."""
    async with asyncio.timeout(PATIENCE_S):
        while (result := await it.driver.print_page(TICKET)).outcome is not Outcome.PRINTED:
            await asyncio.sleep(0.01)
    return result


def is_whole(slip: Slip) -> bool:
    """Whether it is the ticket, dot for dot, cut off."""
    if slip.cut is None or slip.lines:
        return False
    paper, picture = on_paper(slip.items, TICKET.columns), preview(TICKET)
    whole = Image.new("1", paper.size, 0)
    whole.paste(picture, (0, 0))
    return paper.height >= picture.height and ImageChops.logical_xor(paper, whole).getbbox() is None

"""Chinese text and page layout: bytes checked against literals, and read back by the simulated printer's parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.barcode import modules
from drivers.printer.escpos_codes import MAX_QR_BYTES
from drivers.printer.escpos_layout import CUTS, PREAMBLE, lay_out, unconfirmed_slip, void_slip
from drivers.printer.escpos_line import Layout
from drivers.printer.escpos_text import ENCODINGS, Unprintable, columns, encode_text
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
from simulators.escpos_parser import RealTimeFilter
from simulators.escpos_printer import EscposPrinterSimulator

PLAIN = Layout("gb18030", 32, "partial", four_byte=False, fs_size=False)


def line(words: str, column: int = 0, how: Style = Style()) -> Line:  # noqa: B008
    """A line that says `words`, from `column` on."""
    return Line((Span(words, column, how),))


def on_paper(data: bytes, *, code: str = "gb18030", printer_columns: int = 32) -> EscposPrinterSimulator:
    """A simulated printer that received `data`, and nothing it did not know."""
    printer = EscposPrinterSimulator(code=code, columns=printer_columns, mm_per_s=None)
    printer.receive(data)
    assert list(printer.unknown_commands) == []
    return printer


def printed(page: Page, layout: Layout = PLAIN) -> EscposPrinterSimulator:
    return on_paper(PREAMBLE + b"".join(lay_out(page, layout)), code=layout.encoding)


# --- text ----------------------------------------------------------------------------------------------------------


def test_runs_are_switched_explicitly() -> None:
    assert encode_text("请到3号窗口", "gb18030").hex(" ") == (
        "1c 26 c7 eb b5 bd 1c 2e 33 1c 26 ba c5 b4 b0 bf da 1c 2e"
    )


def test_ascii_alone_needs_no_switching() -> None:
    assert encode_text("A012 $5.00", "gb18030") == b"A012 $5.00"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "你好，世界！①·“”…—￥é㈠"),
        ("gbk", "龍囍·—“”①"),
        ("gb2312", "行政服务·—“”…①"),
        ("big5", "號碼，請稍候。"),
        ("utf-8", "号码龍é"),
    ],
)
def test_what_the_printer_reads_is_what_was_written(encoding: str, text: str) -> None:
    printer = on_paper(PREAMBLE + encode_text(text, encoding) + b"\n", code="gbk" if encoding == "gb2312" else encoding)
    assert printer.printed_text() == text


@pytest.mark.parametrize("control", [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_control_character_is_ever_encoded(encoding: str, control: str) -> None:
    with pytest.raises(Unprintable) as refused:
        encode_text(f"A{control}中", encoding)
    assert refused.value.characters == control


@pytest.mark.parametrize(
    ("encoding", "text", "characters"),
    [
        ("gb18030", "𠮷㐂王", "𠮷㐂"),  # four bytes: few printers' fonts have them
        ("gbk", "𠮷野家𠮷", "𠮷"),
        ("gb2312", "朱镕基", "镕"),
        ("gb2312", "龍年", "龍"),
        ("big5", "号码", "号码"),
        ("utf-8", "a\u202eb", "\u202e"),  # turns the text round on a screen
        ("gb18030", "号\ue000", "\ue000"),  # private use: another glyph on every printer
        ("gb18030", "号\u2028", "\u2028"),
    ],
)
def test_characters_that_the_code_lacks_are_refused_by_name(encoding: str, text: str, characters: str) -> None:
    with pytest.raises(Unprintable) as refused:
        encode_text(text, encoding)
    assert refused.value.characters == characters
    assert all(f"U+{ord(each):04X}" in str(refused.value) for each in characters)


def test_four_byte_characters_print_where_the_font_has_them() -> None:
    assert encode_text("𠮷", "gb18030", four_byte=True).hex(" ") == "1c 26 95 34 b2 35 1c 2e"
    assert encode_text("㐂", "gb18030", four_byte=True).hex(" ") == "1c 26 81 39 ef 31 1c 2e"
    page = Page((line("𠮷㐂A"),))
    layout = Layout("gb18030", 32, "partial", four_byte=True, fs_size=False)
    assert printed(page, layout).printed_text() == "𠮷㐂A"


def test_four_byte_characters_are_lost_on_a_printer_switched_to_gbk() -> None:
    printer = EscposPrinterSimulator(mm_per_s=None)
    printer.commands["gb18030"].run(["off"])
    printer.receive(PREAMBLE + encode_text("𠮷", "gb18030", four_byte=True) + b"\n")
    assert "𠮷" not in printer.printed_text()


@given(st.text(max_size=40))
def test_text_is_printed_exactly_or_refused(text: str) -> None:
    try:
        data = encode_text(text, "gb18030")
    except Unprintable:
        return
    # columns beyond the paper would be broken to a second line
    printer = on_paper(PREAMBLE + data + b"\n", printer_columns=80)
    assert printer.printed_text() == text


@pytest.mark.parametrize(("text", "width"), [("A012", 4), ("号", 2), ("①·“”…", 10), ("A号", 3), ("é", 2), ("", 0)])
def test_columns_are_the_printers_own(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize("text", ["A" * 32, "号" * 16, "·" * 16, "1①" * 10 + "ab"])
def test_columns_that_just_fit_stay_on_one_line(text: str) -> None:
    assert columns(text) == 32
    printer = on_paper(PREAMBLE + encode_text(text + "A", "gb18030") + b"\n")
    assert printer.printed_text() == text + "\nA"


# --- layout --------------------------------------------------------------------------------------------------------


def test_a_page_is_printed_as_it_was_laid_out() -> None:
    page = Page((
        line("行政服务中心", 4, Style(2, 2, bold=True)),
        line("A012", 20, Style(3, 4)),
        Rule(),
        line("前面 3 人", 0, Style(underline=True, invert=True)),
        QrCode("https://例.cn/?n=A012", module_dots=5),
        line("谢谢"),
        Feed(3),
        Cut(),
    ))  # fmt: skip
    slip, hanging = printed(page).state()["slips"]
    title, number, rule, ahead, code, thanks, feed = slip["items"]
    gap, words = title["spans"]
    assert gap == {"text": " " * 4, "style": style()}
    assert words == {"text": "行政服务中心", "style": style(width=2, height=2, bold=True)}
    gap, words = number["spans"]
    assert gap == {"text": " " * 20, "style": style()}
    assert words == {"text": "A012", "style": style(width=3, height=4)}
    assert rule["spans"] == ({"text": "-" * 32, "style": style()},)
    assert ahead["spans"] == ({"text": "前面 3 人", "style": style(underline=True, invert=True)},)
    assert code == {"kind": "qr", "data": "https://例.cn/?n=A012", "module_dots": 5, "level": "M", "align": "centre"}
    assert thanks["spans"] == ({"text": "谢谢", "style": style()},)
    assert thanks["align"] == "left"
    assert feed["kind"] == "blank"
    assert slip["cut"] == "partial"
    assert hanging["items"] == []


def style(**changes: object) -> dict[str, object]:
    plain = {"width": 1, "height": 1, "bold": False, "underline": False, "invert": False, "upside_down": False}
    return {**plain, "font": 0, **changes}


def test_a_style_lasts_only_as_long_as_it_is_wanted() -> None:
    page = Page((line("A", 0, Style(2, bold=True)), line("B", 0, Style(2, bold=True)), line("C")))
    first, second, third = lay_out(page, PLAIN)
    assert second == b"B\n"
    lines = printed(page).state()["slips"][-1]["items"]
    assert [line["spans"][0]["style"]["bold"] for line in lines] == [True, True, False]
    assert first.startswith(b"\x1d\x21\x10")
    assert third == b"\x1d\x21\x00\x1b\x45\x00C\n"


def test_chinese_grows_by_fs_where_gs_does_not_reach_it() -> None:
    layout = Layout("gb18030", 32, "partial", four_byte=False, fs_size=True)
    data = b"".join(lay_out(Page((line("号", 0, Style(2, 2)),)), layout))
    printer = EscposPrinterSimulator(fs_size=True, mm_per_s=None)
    printer.receive(data)
    assert printer.state()["slips"][-1]["items"][0]["spans"][0]["style"] == style(width=2, height=2)


def test_larger_chinese_than_fs_can_magnify_is_drawn_and_a_number_is_not() -> None:
    layout = Layout("gb18030", 48, "partial", four_byte=False, fs_size=True)
    printer = EscposPrinterSimulator(fs_size=True, mm_per_s=None)
    page = Page((line("A012", 0, Style(4, 4)), line("号", 0, Style(3, 3)), line("号")))
    printer.receive(b"".join(lay_out(page, layout)))
    items = printer.state()["slips"][-1]["items"]
    assert [item["kind"] for item in items] == ["line", *["image"] * 4, "line"]
    assert items[0]["spans"][0]["style"] == style(width=4, height=4)
    assert items[-1]["spans"][0]["style"] == style()


@pytest.mark.parametrize(
    ("code", "number", "data"),
    [
        (Barcode(Symbology.UPC_A, "012345678905"), 65, "012345678905"),
        (Barcode(Symbology.UPC_E, "04252614"), 66, "04252614"),
        (Barcode(Symbology.EAN13, "6901234567892"), 67, "6901234567892"),
        (Barcode(Symbology.EAN8, "69012341"), 68, "69012341"),
        (Barcode(Symbology.CODE39, "A-1"), 69, "A-1"),
        (Barcode(Symbology.ITF, "0123"), 70, "0123"),
        (Barcode(Symbology.CODABAR, "A1B"), 71, "A1B"),
        (Barcode(Symbology.CODE93, "A-1"), 72, "A-1"),
        (Barcode(Symbology.CODE128, "a{b"), 73, "{Ba{{b"),
    ],
)
def test_barcodes_are_the_printers_own(code: Barcode, number: int, data: str) -> None:
    (piece,) = lay_out(Page((code,)), PLAIN)
    assert piece.startswith(b"\x1b\x61\x01\x1d\x68\x48\x1d\x77\x02\x1d\x48\x00\x1d\x6b")
    (item,) = printed(Page((code,))).state()["slips"][0]["items"]
    assert item == {"kind": "barcode", "symbology": number, "data": data, "align": "centre"}


def test_a_code_in_a_part_of_the_line_is_sent_as_dots() -> None:
    code = Barcode(Symbology.EAN8, "69012341", 2, 30, text=True, place=Place(Align.RIGHT, 8, 24))
    *bands, below = printed(Page((code,))).state()["slips"][0]["items"]
    assert [(band["width_dots"], band["height_dots"]) for band in bands] == [(384, 24), (384, 6)]
    first = format(int(bands[0]["bits"][: 384 // 4], 16), "0384b")
    assert first.rstrip("0") == "0" * 250 + "".join(bar * 2 for bar in modules(Symbology.EAN8, "69012341"))
    assert below["spans"][0]["text"].strip() == "69012341"


@pytest.mark.parametrize(("cut", "mark"), [("partial", "partial"), ("full", "full"), ("none", None)])
def test_each_way_to_end_a_slip(cut: str, mark: str | None) -> None:
    layout = Layout("gb18030", 32, cut, four_byte=False, fs_size=False)
    assert printed(Page((line("A"), Cut())), layout).state()["slips"][0]["cut"] == mark
    assert CUTS.keys() == {"partial", "full", "none"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_slip_can_be_marked_void_in_every_code(encoding: str) -> None:
    layout = Layout(encoding, 32, "partial", four_byte=False, fs_size=False)
    assert "VOID" in on_paper(void_slip(layout), code=encoding).printed_text()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_slip_can_be_told_unconfirmed_in_every_code(encoding: str) -> None:
    layout = Layout(encoding, 16, "partial", four_byte=False, fs_size=False)
    printer = EscposPrinterSimulator(code=encoding, columns=16, mm_per_s=None)
    printer.receive(unconfirmed_slip(layout))
    words = "以上小票未確認" if encoding == "big5" else "以上小票未确认"
    slip, hanging = printer.paper.slips
    assert [line.strip() for line in slip.lines] == [words, "UNCONFIRMED"]
    assert (slip.cut, hanging.items) == ("partial", [])


@pytest.mark.parametrize(
    "element",
    [
        line("A", 0, Style(9)),
        line("A", 0, Style(1, 0)),
        line("A" * 33),
        line("A", 32),
        Line((Span("号"), Span("A", 1))),
        Rule(0, 33),
        QrCode("A", module_dots=17),
        QrCode(""),
        QrCode("A" * (MAX_QR_BYTES + 1)),
        Feed(256),
        line("A\nB"),
        QrCode("A\x10\x04\x01"),
    ],
)
def test_what_no_printer_can_do_is_refused(element: Element) -> None:
    with pytest.raises(ValueError):
        lay_out(Page((element,)), PLAIN)


TEXTS = st.text(st.characters(codec="gbk", exclude_categories=("Cc", "Co")), max_size=2)
QR_TEXTS = st.text(st.characters(min_codepoint=0x21, exclude_categories=("Cc", "Cs")), min_size=1, max_size=170)
SIZES = st.integers(1, 8)
STYLES = st.builds(Style, st.integers(1, 7), SIZES, st.booleans(), st.booleans(), st.booleans())
PLACES = st.builds(Place, st.sampled_from(Align))
BAR_TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=48)


def bitmap(data: bytes) -> Bitmap:
    """Any bytes as dots, ten bytes a row, with what a printer would obey among them."""
    rows = b"\x10\x04\x01\x10\x14\x08\x01\x03\x10\x05" + data
    return Bitmap(80, -(-len(rows) // 10), rows.ljust(-(-len(rows) // 10) * 10, b"\0"))


ELEMENTS = st.one_of(
    st.builds(lambda words, column, how: Line((Span("A"), Span(words, column, how))), TEXTS, st.integers(1, 2), STYLES),
    st.builds(QrCode, QR_TEXTS, st.integers(1, 16), st.sampled_from("lmqh"), PLACES),
    st.builds(
        Barcode, st.just(Symbology.CODE128), BAR_TEXTS, st.integers(2, 6), st.integers(1, 255), st.booleans(), PLACES
    ),
    st.builds(Picture, st.builds(bitmap, st.binary(min_size=1, max_size=300)), PLACES),
    st.builds(Feed, st.integers(0, 255)),
    st.just(Rule()),
    st.just(Cut()),
)


@given(st.lists(ELEMENTS, max_size=8))
def test_no_page_holds_a_real_time_command(elements: list[Element]) -> None:
    data = PREAMBLE + b"".join(lay_out(Page(tuple(elements)), PLAIN))
    assert [piece.hex() for piece, real_time in RealTimeFilter().feed(data + b"\n") if real_time] == []


@given(st.integers(1, MAX_QR_BYTES))
def test_no_length_of_a_qr_code_makes_a_real_time_command(size: int) -> None:
    data = b"".join(lay_out(Page((QrCode("1" * size),)), PLAIN))
    assert not any(real_time for _, real_time in RealTimeFilter().feed(data + b"\n"))

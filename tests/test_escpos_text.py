"""Chinese text and page layout: bytes checked against literals, and read back by the simulated printer's parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.escpos_layout import CUTS, MAX_QR_BYTES, PREAMBLE, Layout, lay_out, void_slip
from drivers.printer.escpos_text import ENCODINGS, Unprintable, columns, encode_text
from drivers.printer.page import Align, Cut, Element, Feed, Page, QrCode, Rule, Text
from simulators.escpos_parser import RealTimeFilter
from simulators.escpos_printer import EscposPrinterSimulator

PLAIN = Layout("gb18030", 32, "partial", four_byte=False, fs_size=False)


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
        ("utf-8", "号码𠮷é"),
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
    page = Page((Text("𠮷㐂A"),))
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
        Text("行政服务中心", Align.CENTRE, width=2, height=2, bold=True),
        Text("A012", Align.RIGHT, width=3, height=4),
        Rule(),
        Text("前面 3 人", underline=True, invert=True),
        QrCode("https://例.cn/?n=A012", module_dots=5),
        Text("谢谢"),
        Feed(3),
        Cut(),
    ))  # fmt: skip
    slip, hanging = printed(page).state()["slips"]
    title, number, rule, ahead, code, thanks, feed = slip["items"]
    assert title["spans"] == ({"text": "行政服务中心", "style": style(width=2, height=2, bold=True)},)
    assert title["align"] == "centre"
    assert number["spans"] == ({"text": "A012", "style": style(width=3, height=4)},)
    assert number["align"] == "right"
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
    page = Page((Text("A", bold=True, width=2), Text("B", bold=True, width=2), Text("C")))
    first, second, third = lay_out(page, PLAIN)
    assert second == b"B\n"
    lines = printed(page).state()["slips"][-1]["items"]
    assert [line["spans"][0]["style"]["bold"] for line in lines] == [True, True, False]
    assert first.startswith(b"\x1d\x21\x10")
    assert third == b"\x1d\x21\x00\x1b\x45\x00C\n"


def test_chinese_grows_by_fs_where_gs_does_not_reach_it() -> None:
    layout = Layout("gb18030", 32, "partial", four_byte=False, fs_size=True)
    data = b"".join(lay_out(Page((Text("号", width=2, height=2),)), layout))
    printer = EscposPrinterSimulator(fs_size=True, mm_per_s=None)
    printer.receive(data)
    assert printer.state()["slips"][-1]["items"][0]["spans"][0]["style"] == style(width=2, height=2)
    with pytest.raises(ValueError, match="width"):
        lay_out(Page((Text("号", width=3),)), layout)


@pytest.mark.parametrize(("cut", "mark"), [("partial", "partial"), ("full", "full"), ("none", None)])
def test_each_way_to_end_a_slip(cut: str, mark: str | None) -> None:
    layout = Layout("gb18030", 32, cut, four_byte=False, fs_size=False)
    assert printed(Page((Text("A"), Cut())), layout).state()["slips"][0]["cut"] == mark
    assert CUTS.keys() == {"partial", "full", "none"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_slip_can_be_marked_void_in_every_code(encoding: str) -> None:
    layout = Layout(encoding, 32, "partial", four_byte=False, fs_size=False)
    assert "VOID" in on_paper(void_slip(layout), code=encoding).printed_text()


@pytest.mark.parametrize(
    "element",
    [
        Text("A", width=9),
        Text("A", height=0),
        QrCode("A", module_dots=17),
        QrCode(""),
        QrCode("A" * (MAX_QR_BYTES + 1)),
        Feed(256),
        Text("A\nB"),
        QrCode("A\x10\x04\x01"),
    ],
)
def test_what_no_printer_can_do_is_refused(element: Element) -> None:
    with pytest.raises(ValueError):
        lay_out(Page((element,)), PLAIN)


TEXTS = st.text(st.characters(codec="gbk", exclude_categories=("Cc", "Co")), max_size=12)
QR_TEXTS = st.text(st.characters(min_codepoint=0x21, exclude_categories=("Cc", "Cs")), min_size=1, max_size=170)
SIZES = st.integers(1, 8)
ELEMENTS = st.one_of(
    st.builds(Text, TEXTS, st.sampled_from(Align), SIZES, SIZES, st.booleans(), st.booleans(), st.booleans()),
    st.builds(QrCode, QR_TEXTS, st.integers(1, 16)),
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

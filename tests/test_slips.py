"""Templates: what the shipped ones print, what a value can do to them (nothing), and whose template counts."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.settings import ConfigurationError, load_settings
from daemon.shipped import shipped
from daemon.slips.book import WIDTHS, SlipBook
from daemon.slips.escape import control_character, escape
from daemon.slips.examples import example, example_data
from daemon.slips.faults import SENTENCES, SlipError
from daemon.slips.markup import parse
from daemon.slips.models import SLIPS, Ticket
from daemon.slips.nodes import CodeRow, Row, TextRow
from daemon.slips.order import SlipOrder, order_ticket
from daemon.slips.places import SUFFIX, shipped_slips
from daemon.slips.properties import BARCODE_KINDS, KEYS
from daemon.slips.template import FILTERS, Template
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from daemon.tickets import Ticket as TakenTicket
from daemon.tickets import TicketState
from drivers.printer.escpos_layout import PREAMBLE, lay_out
from drivers.printer.escpos_line import Layout
from drivers.printer.page import Barcode, Line, Page, QrCode
from drivers.printer.page_text import as_text
from simulators.escpos_printer import EscposPrinterSimulator

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "slips"
BOOK = SlipBook()
OF_NO_USE = {
    "readiness": {"reprint", "complaint_phone", "notice"},
    "test-page": {"reprint", "complaint_phone", "notice", "hall"},
}
"""What visitors are told has no place on slips for technicians."""

every_slip = pytest.mark.parametrize("name", SLIPS)
every_language = pytest.mark.parametrize("language", SLIP_LANGUAGES)
every_width = pytest.mark.parametrize("columns", WIDTHS)


def page(name: str, language: SlipLanguage, columns: int) -> Page:
    return BOOK.lay_out(name, language, example(name, language), columns)


# --- the shipped templates ------------------------------------------------------------------------------------------


@every_slip
@every_language
@every_width
def test_every_template_prints_what_it_printed_before(name: str, language: SlipLanguage, columns: int) -> None:
    """To change one on purpose: kioskd slip NAME --language LANGUAGE --columns COLUMNS > the file."""
    golden = GOLDEN / language / f"{name}-{columns}.txt"
    assert as_text(page(name, language, columns)) == golden.read_text(encoding="utf-8")


@every_slip
@every_language
@every_width
def test_every_template_comes_out_of_a_printer_as_it_was_laid_out(
    name: str, language: SlipLanguage, columns: int
) -> None:
    laid_out = page(name, language, columns)
    layout = Layout("gb18030", columns, "partial", four_byte=False, fs_size=False)
    printer = EscposPrinterSimulator(columns=columns, mm_per_s=None)
    printer.receive(PREAMBLE + b"".join(lay_out(laid_out, layout)))
    assert list(printer.unknown_commands) == []
    slip, hanging = printer.paper.slips
    assert (slip.cut, hanging.items) == ("partial", [])
    said = [element for element in laid_out.elements if isinstance(element, Line)]
    printed = [line for line in slip.lines if not set(line) <= set(" +-")]
    assert [words(line) for line in printed] == ["".join(words(span.text) for span in line.spans) for line in said]
    codes = [item for item in slip.items if type(item).__name__ in ("Qr", "Barcode")]
    assert len(codes) == sum(isinstance(element, QrCode | Barcode) for element in laid_out.elements)


def words(line: str) -> str:
    return "".join(line.replace("|", "").split())


@every_slip
@every_language
def test_every_field_of_a_slip_stands_on_it(name: str, language: SlipLanguage) -> None:
    """A template that leaves a field out would lose what the rules want printed."""
    source = (shipped_slips() / language / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    unsaid = {field for field in SLIPS[name].model_fields if field not in source}
    assert unsaid == OF_NO_USE.get(name, set())


def test_the_languages_have_the_same_templates_with_the_same_tags() -> None:
    names = {language: {path.name for path in (shipped_slips() / language).iterdir()} for language in SLIP_LANGUAGES}
    assert set(map(frozenset, names.values())) == {frozenset(f"{name}{SUFFIX}" for name in SLIPS)}


def test_a_reprint_says_so() -> None:
    ticket = example("ticket").model_copy(update={"reprint": True})
    for language, word in zip(SLIP_LANGUAGES, ("补打", "補印", "REPRINT"), strict=True):
        for name in ("ticket", "ticket-large"):
            lines = BOOK.lay_out(name, language, ticket, 48).elements
            (mark,) = (span for line in lines if isinstance(line, Line) for span in line.spans if span.style.invert)
            assert mark.text == f" {word} "


def test_a_long_list_of_fees_is_printed_whole() -> None:
    item = example_data("fee-list")["items"][1]
    items = [{**item, "name": f"项目{number}"} for number in range(500)]
    data = {**example_data("fee-list"), "items": items, "total": "3000", "insurance": "0", "personal": "3000"}
    text = as_text(BOOK.lay_out("fee-list", "zh-CN", SLIPS["fee-list"].model_validate(data), 48))
    assert text.count("6.00       6.00\n") == 500
    assert "3,000.00" in text


@pytest.mark.parametrize(("key", "wrong"), [("total", "1211.01"), ("personal", "242.19")])
def test_fees_that_do_not_add_up_are_no_list(key: str, wrong: str) -> None:
    with pytest.raises(ValidationError) as error:
        SLIPS["fee-list"].model_validate({**example_data("fee-list"), key: wrong})
    assert error.value.errors()[0]["loc"] == (key,) if key == "personal" else ("total",)


# --- values ---------------------------------------------------------------------------------------------------------

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


# --- a technician's templates ---------------------------------------------------------------------------------------


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "slips" / "zh-CN").mkdir(parents=True)
    return tmp_path / "kioskd.toml"


def printed(configuration: Path, language: SlipLanguage = "zh-CN") -> str:
    return as_text(SlipBook(configuration).lay_out("ticket", language, example("ticket"), 32))


def test_an_own_template_takes_the_place_of_the_shipped_one(configuration: Path) -> None:
    own = configuration.parent / "slips"
    assert "请留意叫号" in printed(configuration)
    (own / "ticket.receipt").write_text("all {{ number }}")
    assert "all A012" in printed(configuration)
    assert "all A012" in printed(configuration, "zh-TW")
    (own / "zh-CN" / "ticket.receipt").write_text("\ufeffcn {{ number }}\r\n", encoding="utf-8")
    assert "cn A012" in printed(configuration)
    assert "all A012" in printed(configuration, "zh-TW")


def test_a_changed_template_counts_from_the_next_reload(configuration: Path) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text("one")
    book = SlipBook(configuration)
    assert "one" in as_text(book.lay_out("ticket", "en", example("ticket"), 32))
    own.write_text("two")
    assert "one" in as_text(book.lay_out("ticket", "en", example("ticket"), 32))
    book.forget()
    assert "two" in as_text(book.lay_out("ticket", "en", example("ticket"), 32))


@pytest.mark.parametrize(
    ("source", "line", "said", "near"),
    [
        ("a\n{{ numbr }}", 2, "there is no field 'numbr'", "number"),
        ("{% if false %}\n\n{{ numbr }}{% endif %}", 3, "there is no field 'numbr'", "number"),
        ("{% set x = hall %}\n{{ x.y.z }}", 2, "the template failed", None),
        ("\n\n{{ ahead / 0 }}", 3, "ZeroDivisionError", None),
        ("\n{{ issued_at }}", 2, "is no text", None),
        ("\n{{ windows }}", 2, "is no text", None),
        ("\n{{ ''.__class__.__mro__ }}", 2, "unsafe|no text", None),
        ("\n{% for x in windows %}\n{align:middle}\n{% endfor %}", 3, "align: expected one of", None),
        ("{% for x in windows %}\na\n{% endfor %}\n{command:x}", 4, "command is not supported", None),
        ("a\n{% if %}", 2, "template syntax", None),
        ("a\n{% include '/etc/passwd' %}", 2, "this tag is not supported", None),
        ("a\n{% set x %}{{ hall }}{% endset %}", 2, "this tag is not supported", None),
        ("a\n\n{% macro m() %}{% endmacro %}", 3, "this tag is not supported", None),
        ("a\nb\x1b@", 2, "control character U\\+001B", None),
        ("a\nb\x02", 2, "control character U\\+0002", None),
        ("a\n{{ '\\x1b' }}", 2, "control character U\\+001B", None),
        (
            "{width:auto}\n{% for i in range(2) %}\n{{ '|' | safe }}|a|^^^^^^^中|b|c|d|e|f|g|\n{% endfor %}\n",
            3,
            "wide at",
            None,
        ),
    ],
)
def test_what_is_wrong_with_an_own_template_is_named_by_file_and_line(
    configuration: Path, source: str, line: int, said: str, near: str | None
) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text(source, newline="")
    with pytest.raises(SlipError, match=said) as error:
        printed(configuration)
    assert (error.value.fault.file, error.value.fault.line, error.value.fault.nearest) == (str(own), line, near)
    assert str(error.value).startswith(f"{own}:{line}: ")
    faults = list(SlipBook(configuration).faults())
    assert [(fault.file, fault.line) for fault in faults] == [(str(own), line)]


def test_other_mistakes_with_own_templates(configuration: Path) -> None:
    own = configuration.parent / "slips"
    (own / "tiket.receipt").write_text("a")
    (own / "zh_CN").mkdir()
    (own / "zh_CN" / "ticket.receipt").write_text("a")
    (own / "zh-CN" / "ticket.receipt").write_bytes("号".encode("gbk"))
    (own / "zh-CN" / "referral.receipt").write_text("a" * 200_001)
    (own / "zh-CN" / "supplement.receipt").mkdir()
    (own / "remarks.txt").write_text("not a template")
    faults = {
        Path(fault.file).relative_to(own).as_posix(): fault.to("en") for fault in SlipBook(configuration).faults()
    }
    assert {name: said.split(": ", 1)[1] for name, said in faults.items()} == {
        "tiket.receipt": "there is no template 'tiket'; did you mean 'ticket'?",
        "zh_CN/ticket.receipt": "there is no language 'zh_CN'; did you mean 'zh-CN'?",
        "zh-CN/ticket.receipt": "not UTF-8: save it as UTF-8",
        "zh-CN/referral.receipt": "the template is larger than 200000 bytes",
        "zh-CN/supplement.receipt": "cannot be read: Is a directory",
    }


def test_somebody_who_waits_gets_the_shipped_ticket_when_the_own_one_fails(
    configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text("{{ ahead / 0 }}")
    order = SlipOrder(template="ticket", language="zh-CN", data=example_data("ticket"))
    assert "请留意叫号" in as_text(order.lay_out(SlipBook(configuration), 32))
    assert f"{own}:1: the template failed: ZeroDivisionError" in caplog.text
    assert "the shipped template is used instead" in caplog.text


def test_no_reprint_comes_out_that_could_be_taken_for_the_slip_before_it(
    configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is made to run kioskd check; two slips that look the same would be two valid tickets."""
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text("own\n{{ number }}\n")
    order = SlipOrder(template="ticket", language="zh-CN", data=example_data("ticket"))
    book = SlipBook(configuration)
    assert as_text(order.lay_out(book, 32)).split() == ["own", "A012", "=" * 32]
    assert not caplog.records
    again = as_text(order.as_reprint().lay_out(book, 32))
    assert "补打" in again
    assert "own" not in again
    assert f"{own}: a reprint looks like the first slip" in caplog.text


# --- the ticket of a command ----------------------------------------------------------------------------------------


def hall_with(line: str, tmp_path: Path) -> Path:
    text = (Path(__file__).parent / "hall.toml").read_text(encoding="utf-8")
    path = tmp_path / "kioskd.toml"
    path.write_text(text.replace("[services.a]", f"{line}\n[services.a]", 1), encoding="utf-8")
    return path


def test_a_ticket_says_what_the_configuration_says(tmp_path: Path) -> None:
    line = '[ticket]\nhall_name = "大厅|{x}"\nlanguage = "zh-TW"\nnotice = "注意"\n'
    settings = load_settings(hall_with(line, tmp_path), {})
    taken = TakenTicket("20260302-B07", "b", "B07", TicketState.ISSUED, 0, 0.0, None)
    order = order_ticket(settings, taken, 2, datetime(2026, 3, 2, 9, 5, tzinfo=UTC).astimezone())
    again = SlipOrder.model_validate_json(order.model_dump_json())
    text = as_text(again.lay_out(BOOK, 32))
    assert text.split("\n", 1)[0].strip() == "大厅|{x}"
    for said in ("辦理業務：医保", "辦理窗口：1号窗口、2号窗口", "前面等候：2人", "B   0   7", "注意"):
        assert said in text
    assert "補印" not in text
    assert "補印" in as_text(again.as_reprint().lay_out(BOOK, 32))


@pytest.mark.parametrize("character", ["\\u0007", "\\u200B", "\\u202E", "\\u2028"])
def test_the_configuration_has_no_character_that_no_slip_carries(character: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="one line without control characters"):
        load_settings(hall_with(f'[ticket]\nhall_name = "a{character}b"\n', tmp_path), {})


def test_an_order_that_cannot_be_printed_names_the_field() -> None:
    order = SlipOrder(template="ticket", language="en", data={**example_data("ticket"), "service": "a\x1bb"})
    with pytest.raises(SlipError, match=r"service: holds the control character U\+001B"):
        order.lay_out(BOOK, 48)


# --- where templates are --------------------------------------------------------------------------------------------


def test_shipped_files_are_those_of_the_wheel_or_of_the_checkout(tmp_path: Path) -> None:
    installed = tmp_path / "share" / "kioskd" / "slips"
    installed.mkdir(parents=True)
    # the copy that an editable install leaves behind does not hide the checkout
    assert shipped("slips", tmp_path) == ROOT / "config" / "slips" == shipped_slips()
    assert shipped("slips", tmp_path, checkout=tmp_path / "site-packages" / "config") == installed


def test_the_wheel_has_every_template_where_it_is_looked_for(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (installed,) = tmp_path.glob("*.data/data")  # what an installer puts below sys.prefix
    site_packages = tmp_path / "config"  # where a checkout would be, seen from the installed package
    assert shipped("slips", installed, site_packages) == installed / "share" / "kioskd" / "slips"
    for language in SLIP_LANGUAGES:
        for name in SLIPS:
            assert (shipped("slips", installed, site_packages) / language / f"{name}{SUFFIX}").is_file()


# --- cost -----------------------------------------------------------------------------------------------------------


def test_a_daemon_that_has_not_printed_has_not_loaded_the_template_engine() -> None:
    program = (
        "import sys, daemon.run\n"
        "print([name for name in ('jinja2', 'PIL', 'qrcode', 'barcode') if name in sys.modules])\n"
        "from daemon.slips.book import SlipBook; from daemon.slips.examples import example\n"
        "SlipBook().lay_out('ticket', 'zh-CN', example('ticket'), 48)\n"
        "print([name for name in ('jinja2', 'PIL', 'qrcode', 'barcode') if name in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["[]", "['jinja2']"]


@pytest.mark.parametrize("sentence", SENTENCES.values())
def test_both_languages_have_the_same_values(sentence: tuple[str, str]) -> None:
    zh, en = ({name for _, name, _, _ in Formatter().parse(text) if name is not None} for text in sentence)
    assert zh == en


# --- the page about templates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("doc", ["slips.md", "slips.zh-CN.md"])
@every_width
def test_the_template_on_the_page_works(doc: str, columns: int, configuration: Path) -> None:
    (source,) = re.findall(r"^```text\n(.*?)^```$", (ROOT / "docs" / doc).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (configuration.parent / "slips" / "ticket.receipt").write_text(source, encoding="utf-8")
    book = SlipBook(configuration)
    assert list(book.faults()) == []
    text = as_text(book.lay_out("ticket", "en", example("ticket", "en"), columns))
    assert "Service: General services" in text
    assert re.search(r"^Window 3 +3$", text, re.MULTILINE)
    assert "[QR A012]" in text


@pytest.mark.parametrize("doc", ["slips.md", "slips.zh-CN.md"])
def test_the_page_names_every_property_option_and_filter(doc: str) -> None:
    page_text = (ROOT / "docs" / doc).read_text("utf-8")
    for word in (*KEYS, *BARCODE_KINDS, "qrcode", "hri", *FILTERS):
        assert word in page_text or word in {"option", "jan", "nw7"}, word

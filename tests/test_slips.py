"""The shipped slips: what each prints, in every language and width, and what a configuration puts on them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from daemon.settings import ConfigurationError, load_settings
from daemon.shipped import shipped
from daemon.slips.examples import example, example_data
from daemon.slips.faults import SlipError
from daemon.slips.models import SLIPS
from daemon.slips.order import SlipOrder, order_ticket
from daemon.slips.places import SUFFIX, shipped_slips
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from daemon.tickets import Ticket as TakenTicket
from daemon.tickets import TicketState
from drivers.printer.escpos_layout import PREAMBLE, lay_out
from drivers.printer.escpos_line import Layout
from drivers.printer.page import Barcode, Line, Page, QrCode
from drivers.printer.page_text import as_text
from simulators.escpos_printer import EscposPrinterSimulator
from tests.harness import PROJECT
from tests.slips_rig import BOOK, OF_NO_USE, every_language, every_slip, every_width

GOLDEN = Path(__file__).parent / "golden" / "slips"


def page(name: str, language: SlipLanguage, columns: int) -> Page:
    return BOOK.lay_out(name, language, example(name, language), columns)


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


def test_shipped_files_are_those_of_the_wheel_or_of_the_checkout(tmp_path: Path) -> None:
    installed = tmp_path / "share" / "kioskd" / "slips"
    installed.mkdir(parents=True)
    # the copy that an editable install leaves behind does not hide the checkout
    assert shipped("slips", tmp_path) == PROJECT / "config" / "slips" == shipped_slips()
    assert shipped("slips", tmp_path, checkout=tmp_path / "site-packages" / "config") == installed


def test_the_wheel_has_every_template_where_it_is_looked_for(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=PROJECT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (installed,) = tmp_path.glob("*.data/data")  # what an installer puts below sys.prefix
    site_packages = tmp_path / "config"  # where a checkout would be, seen from the installed package
    assert shipped("slips", installed, site_packages) == installed / "share" / "kioskd" / "slips"
    for language in SLIP_LANGUAGES:
        for name in SLIPS:
            assert (shipped("slips", installed, site_packages) / language / f"{name}{SUFFIX}").is_file()


def test_a_daemon_that_has_not_printed_has_not_loaded_the_template_engine() -> None:
    program = (
        "import sys, daemon.run\n"
        "print([name for name in ('jinja2', 'PIL', 'qrcode', 'barcode') if name in sys.modules])\n"
        "from daemon.slips.book import SlipBook; from daemon.slips.examples import example\n"
        "SlipBook().lay_out('ticket', 'zh-CN', example('ticket'), 48)\n"
        "print([name for name in ('jinja2', 'PIL', 'qrcode', 'barcode') if name in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["[]", "['jinja2']"]

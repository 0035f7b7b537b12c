"""A technician's own templates: whose counts, what is wrong with one, and what the page about them says."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from daemon.slips.book import SlipBook
from daemon.slips.examples import example, example_data
from daemon.slips.faults import SENTENCES, SlipError
from daemon.slips.order import SlipOrder
from daemon.slips.properties import BARCODE_KINDS, KEYS
from daemon.slips.template import FILTERS
from daemon.texts import SlipLanguage
from drivers.printer.page_text import as_text
from tests.harness import PROJECT
from tests.slips_rig import every_width


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


@pytest.mark.parametrize("sentence", SENTENCES.values())
def test_both_languages_have_the_same_values(sentence: tuple[str, str]) -> None:
    zh, en = ({name for _, name, _, _ in Formatter().parse(text) if name is not None} for text in sentence)
    assert zh == en


@pytest.mark.parametrize("doc", ["slips.md", "slips.zh-CN.md"])
@every_width
def test_the_template_on_the_page_works(doc: str, columns: int, configuration: Path) -> None:
    (source,) = re.findall(
        r"^```text\n(.*?)^```$", (PROJECT / "docs" / doc).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (configuration.parent / "slips" / "ticket.receipt").write_text(source, encoding="utf-8")
    book = SlipBook(configuration)
    assert list(book.faults()) == []
    text = as_text(book.lay_out("ticket", "en", example("ticket", "en"), columns))
    assert "Service: General services" in text
    assert re.search(r"^Window 3 +3$", text, re.MULTILINE)
    assert "[QR A012]" in text


@pytest.mark.parametrize("doc", ["slips.md", "slips.zh-CN.md"])
def test_the_page_names_every_property_option_and_filter(doc: str) -> None:
    page_text = (PROJECT / "docs" / doc).read_text("utf-8")
    for word in (*KEYS, *BARCODE_KINDS, "qrcode", "hri", *FILTERS):
        assert word in page_text or word in {"option", "jan", "nw7"}, word

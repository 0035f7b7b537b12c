"""Every byte of every shipped slip, for every kind of printer, in every language.

To change some on purpose: ``python -m tests.golden_bytes``, and read the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import pytest

from daemon.slips.models import SLIPS
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from drivers.printer.escpos import EscposOptions
from drivers.printer.escpos_layout import CUTS
from drivers.printer.escpos_text import ENCODINGS, RASTER
from simulators.escpos_model import MODELS
from tests.golden_bytes import GOLDEN, MODELS_FILE, PRINTERS, files, heading, listing, models_text


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return dict(files(tmp_path_factory.mktemp("fonts")))


@pytest.mark.parametrize("name", SLIPS)
@pytest.mark.parametrize("language", SLIP_LANGUAGES)
def test_every_slip_is_sent_as_it_was_before(name: str, language: SlipLanguage, now: Mapping[str, str]) -> None:
    file = f"{language}/{name}.txt"
    assert now[file] == (GOLDEN / file).read_text(encoding="utf-8")


async def test_every_model_is_sent_its_ticket_as_it_was_before() -> None:
    assert await models_text() == (GOLDEN / MODELS_FILE).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over(now: Mapping[str, str]) -> None:
    found = {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.txt")}
    assert found == {*now, MODELS_FILE}
    text = (GOLDEN / MODELS_FILE).read_text(encoding="utf-8")
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("==")] == [
        f"== {each}" for each in MODELS
    ]


def test_the_printers_have_every_option_that_changes_bytes_in_all_its_values() -> None:
    known = {"encoding": {*ENCODINGS, RASTER}, "cut": set(CUTS), "columns": {32, 48}}
    known |= {"four_byte": {False, True}, "fs_size": {False, True}}
    for field in fields(EscposOptions().layout):
        if field.name != "fonts":
            used = {getattr(options, field.name) for options in PRINTERS.values()}
            assert used == known[field.name], field.name


def test_a_listing_changes_with_any_byte_and_a_heading_even_with_a_dot() -> None:
    data = b"\x1b@\x1ca"
    assert list(listing(b"\x1b@A\n\x1b!\x08B\n", "gbk")) == ['ESC @  "A"  LF', 'ESC ! 08  "B"  LF']
    one, other = (b"\x1dv0\0\1\0\1\0" + dot for dot in (b"\x80", b"\x81"))
    assert list(listing(one, "gbk")) != list(listing(other, "gbk"))
    assert heading("x", one) != heading("x", other)
    with pytest.raises(AssertionError, match="an unknown command: 1c 61"):
        list(listing(data, "gbk"))

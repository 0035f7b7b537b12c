"""`kioskd slip`, and what `kioskd check` says of a technician's templates."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from daemon import slip
from daemon.__main__ import main
from daemon.slips.examples import example_data
from daemon.slips.models import SLIPS
from drivers.printer.escpos_text import ENCODINGS
from simulators.escpos_printer import EscposPrinterSimulator

GOLDEN = Path(__file__).parent / "golden" / "slips"
HALL = Path(__file__).parent / "hall.toml"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "slips").mkdir()
    return Path(shutil.copy(HALL, tmp_path / "kioskd.toml"))


def kioskd(*words: object, language: str = "en") -> int:
    return main(["--language", language, *map(str, words)])


@pytest.mark.parametrize("name", SLIPS)
def test_every_template_is_previewed_without_data(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert kioskd("slip", name, "--columns", 32, "--config", "/nowhere/kioskd.toml") == 0
    assert capsys.readouterr().out == (GOLDEN / "en" / f"{name}-32.txt").read_text(encoding="utf-8")


def test_the_language_is_that_of_the_slip(capsys: pytest.CaptureFixture[str]) -> None:
    assert kioskd("slip", "referral", "--language", "zh-TW") == 0
    assert capsys.readouterr().out == (GOLDEN / "zh-TW" / "referral-48.txt").read_text(encoding="utf-8")
    assert kioskd("slip", "referral", language="zh-CN") == 0
    assert "转  办  单" in capsys.readouterr().out


def test_every_kind_of_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    png, html, data = tmp_path / "t.png", tmp_path / "t.html", tmp_path / "t.bin"
    words = ("--png", png, "--html", html, "--bytes", data, "--columns", 32)
    assert kioskd("slip", "ticket", *words) == 0
    assert capsys.readouterr().out == ""
    with Image.open(png) as image:
        assert image.width == 32 * 12 + 48
    assert ">A012</text>" in html.read_text(encoding="utf-8")
    printer = EscposPrinterSimulator(columns=32, mm_per_s=None)
    printer.receive(data.read_bytes())
    assert "A012" in printer.printed_text()
    assert list(printer.unknown_commands) == []
    assert kioskd("slip", "ticket", "--text", *words) == 0
    assert capsys.readouterr().out.startswith("     District Service Centre\n")


@pytest.mark.parametrize("encoding", [*ENCODINGS, "raster"])
def test_bytes_for_a_printer_of_each_code(encoding: str, tmp_path: Path) -> None:
    data = tmp_path / "t.bin"
    assert kioskd("slip", "ticket", "--language", "zh-CN", "--bytes", data, "--encoding", encoding) == 0
    printer = EscposPrinterSimulator(code="gb18030" if encoding == "raster" else encoding, mm_per_s=None)
    printer.receive(data.read_bytes())
    assert list(printer.unknown_commands) == []
    assert ("A012" in printer.printed_text()) == (encoding != "raster"), "dots are no text"
    assert printer.paper.slips[0].has_ink


def test_data_from_the_command_line_a_file_and_stdin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.dumps({"number": "B7", "service": "医保", "ahead": 0, "issued_at": "2026-03-02T09:05:00"})
    file = tmp_path / "data.json"
    file.write_text(data, encoding="utf-8")
    with file.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        outputs = []
        for given in (data, file, "-"):
            assert kioskd("slip", "ticket", "--data", given) == 0
            outputs.append(capsys.readouterr().out)
    assert "Service: 医保\n" in outputs[0]
    assert "B   7" in outputs[0]
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize("name", SLIPS)
def test_an_example_is_data_to_begin_from(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kioskd("slip", name, "--example") == 0
    given = capsys.readouterr().out
    assert json.loads(given) == example_data(name, "en")
    file = tmp_path / "data.json"
    file.write_text(given, encoding="utf-8")
    assert kioskd("slip", name, "--data", file) == 0
    assert capsys.readouterr().out == (GOLDEN / "en" / f"{name}-48.txt").read_text(encoding="utf-8")


def test_the_list_has_every_template_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert kioskd("slip", "--list", language="zh-CN") == 0
    sections = capsys.readouterr().out.strip().split("\n\n")
    assert [section.split()[0] for section in sections] == list(SLIPS) == list(slip.KINDS)
    for section, kind in zip(sections, SLIPS.values(), strict=True):
        rows = [line.split() for line in section.splitlines()[1:]]
        assert [row[0] for row in rows] == list(kind.model_fields)
        needed = [name for name, field in kind.model_fields.items() if field.is_required()]
        assert [row[0] for row in rows if "必填" in row] == needed


@pytest.mark.parametrize(
    ("words", "code", "lines"),
    [
        ((), 2, ["kioskd slip: name a template; --list shows all of them"]),
        (("tiket",), 1, ["there is no template 'tiket'; did you mean 'ticket'?"]),
        (
            (
                "ticket",
                "--data",
                '{"numbr": "A\\u001b", "service": "a\\u001bb", "ahead": -1, "issued_at": "2026-03-02"}',
            ),
            1,
            [
                "number: missing: it has no default",
                "service: holds the control character U+001B, which no slip carries",
                "ahead: expected at least 0",
                "numbr: there is no such key; did you mean 'number'?",
            ],
        ),
        (
            (
                "supplement",
                "--data",
                '{"item": "a", "issued_at": "2026-03-02", "missing": [{"name": "b", "not": "c"}]}',
            ),
            1,
            ["missing[0].not: there is no such key; did you mean 'note'?"],
        ),
        (("ticket", "--data", "[]"), 1, ["expected a JSON object"]),
        (("ticket", "--data", "{"), 1, ["the data is not JSON: Expecting property name enclosed in double quotes"]),
        (("ticket", "--data", "/nowhere/data.json"), 1, ["/nowhere/data.json: No such file or directory"]),
        (("ticket", "--png", "/nowhere/t.png"), 1, ["/nowhere/t.png: No such file or directory"]),
        (("report-pickup", "--columns", "8"), 1, ["report-pickup.receipt:"]),
    ],
)
def test_what_is_wrong_is_said_in_a_line_each(
    words: tuple[str, ...], code: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert kioskd("slip", *words) == code
    out, err = capsys.readouterr()
    assert out == ""
    found = err.splitlines()
    assert len(found) == len(lines)
    assert all(line in said for line, said in zip(lines, found, strict=True))


@pytest.mark.parametrize("columns", ["0", "7", "256", "x"])
def test_paper_has_a_width(columns: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        kioskd("slip", "ticket", "--columns", columns)
    assert error.value.code == 2
    assert "--columns" in capsys.readouterr().err


def test_a_character_that_a_printer_lacks_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = json.dumps({**example_data("ticket"), "service": "\U000e0100"})
    assert kioskd("slip", "ticket", "--data", data, "--bytes", tmp_path / "t.bin") == 1
    assert "U+E0100" in capsys.readouterr().err


def test_previewing_text_loads_no_picture_library() -> None:
    program = (
        "import sys; from daemon.__main__ import main; main(['slip', 'ticket'])\n"
        "print([name for name in ('PIL', 'qrcode', 'barcode', 'escpos', 'paho') if name in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


# --- own templates --------------------------------------------------------------------------------------------------


def test_an_own_template_is_previewed_and_passes_the_check(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text("{% if reprint %}\n补打\n{% endif %}\nnumber {{ number }}\n")
    assert kioskd("slip", "ticket", "--config", configuration) == 0
    assert "number A012" in capsys.readouterr().out
    assert kioskd("check", "--config", configuration) == 0
    assert capsys.readouterr().out.startswith(f"OK: {configuration}\n")


NO_MARK: Mapping[str, str] = {
    "en": "a reprint looks like the first slip. Add three lines above the number: {% if reprint %}, `~补打~`, "
    "{% endif %} (any of 补打, 補打, 補印, REPRINT will do)",
    "zh-CN": "补打的小票上看不出是补打。请在号码上方加三行：{% if reprint %}、`~补打~`、{% endif %}"
    "（补打, 補打, 補印, REPRINT 都可以）",
}


@pytest.mark.parametrize("language", NO_MARK)
@pytest.mark.parametrize("text", ["{{ number }}\n", "REPRINT\n{{ number }}\n", "{% if reprint %}\n-\n{% endif %}\na\n"])
def test_check_insists_that_a_reprint_can_be_told_from_the_slip_before_it(
    configuration: Path, text: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text(text, encoding="utf-8")
    assert kioskd("check", "--config", configuration, language=language) == 1
    assert capsys.readouterr().err.splitlines()[0] == f"{own}: {NO_MARK[language]}"


@pytest.mark.parametrize("mark", ["补打", "補印", "~reprint~", "补~打"])
def test_what_check_says_to_add_is_enough(configuration: Path, mark: str) -> None:
    own = configuration.parent / "slips" / "ticket.receipt"
    own.write_text(f"{{% if reprint %}}\n`~{mark}~`\n{{% endif %}}\n{{{{ number }}}}\n", encoding="utf-8")
    assert kioskd("check", "--config", configuration) == 0


def test_slips_for_technicians_need_no_mark(configuration: Path) -> None:
    for name in ("readiness", "test-page"):
        (configuration.parent / "slips" / f"{name}.receipt").write_text("checked\n")
    assert kioskd("check", "--config", configuration) == 0


def test_check_names_file_and_line_of_every_wrong_template(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slips = configuration.parent / "slips"
    (slips / "ticket.receipt").write_text("a\n{{ numbr }}\n")
    (slips / "referral.receipt").write_text("\n{align:middle}\n")
    assert kioskd("check", "--config", configuration) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{slips}/referral.receipt:2: align: expected one of left, center, right\n"
        f"{slips}/ticket.receipt:2: there is no field 'numbr'; did you mean 'number'?\n"
        "errors: 2\n"
    )
    assert kioskd("check", "--json", "--config", configuration, language="zh-CN") == 1
    first, second = json.loads(capsys.readouterr().out)["errors"]
    assert (first["file"], first["line"]) == (f"{slips}/referral.receipt", 2)
    assert (second["expected"], second["nearest"]) == ("没有字段“numbr”", "number")


def test_data_in_another_code_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "data.json"
    file.write_bytes('{"hall": "区"}'.encode("gbk"))
    assert kioskd("slip", "ticket", "--data", file) == 1
    assert capsys.readouterr().err == "not UTF-8: save it as UTF-8\n"

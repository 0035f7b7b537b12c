"""`kioskd check`: what it prints for people and for programs, and its exit codes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.check import add_arguments, run
from daemon.settings.origins import HIDDEN

HALL = Path(__file__).parent / "hall.toml"

Check = Callable[..., int]


@pytest.fixture
def check() -> Check:
    """Run the sub-command as the dispatcher does."""
    parser = ArgumentParser()
    parser.add_argument("--language", default="en")
    add_arguments(parser)
    return lambda *words: run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "kioskd.toml"
    path.write_text(HALL.read_text().replace('driver = "bx"', 'driver = "bxx"').replace("last = 99", "lats = 99"))
    return path


def test_what_a_hall_says(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--config", HALL) == 0
    assert (
        capsys.readouterr().out
        == f"""\
OK: {HALL}
kiosk kioskd/demo/k1 at broker broker.hall:1883

DEVICE     KIND     DRIVER  LINK
printer-1  printer  escpos  tcp://10.0.0.9:9100
led-1      display  bx      serial:///dev/ttyUSB0?baud=57600
panel-1    panel    keypad  evdev:///dev/input/event3
phone-1    phone    modem   serial:///dev/ttyACM0

SERVICE  NAME      NUMBERS    PRINTER
a        综合业务  A001–A999  printer-1
b        医保      B01–B99    printer-1

COUNTER  NAME     SERVICES  DISPLAY  PANEL    PHONE
1        1号窗口  a, b      led-1    panel-1  phone-1
2        2号窗口  b         led-1    –        –
"""
    )


def test_errors_go_to_the_other_stream_one_a_line(
    check: Check, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--config", broken) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{broken}:17: services.b.lats: there is no such key; did you mean 'last'?\n"
        f"{broken}:37: devices.led-1.driver: there is no such driver; known are escpos, bx, centerm, keypad, modem;"
        " did you mean 'bx'?\n"
        "errors: 2\n"
    )


def test_errors_in_chinese(check: Check, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--language", "zh-CN", "--config", broken) == 1
    err = capsys.readouterr().err
    assert f"{broken}:17: services.b.lats: 没有这个设置项；是否应为“last”？\n" in err
    assert err.endswith("共 2 处错误\n")


def test_errors_for_programs(check: Check, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json", "--config", broken) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["errors"][0] == {
        "file": str(broken),
        "key": "services.b.lats",
        "line": 17,
        "column": None,
        "variable": None,
        "expected": "there is no such key",
        "nearest": "last",
    }


def test_every_value_is_explained_and_secrets_are_hidden(
    check: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIOSKD_MQTT__PASSWORD", "hunter2")
    assert check("--explain", "--config", HALL) == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines() if "." in line.split(" ")[0]}
    assert lines["mqtt.password"].split("  ")[-1].strip() == f'"{HIDDEN}"'
    assert lines["mqtt.password"].startswith("environment variable KIOSKD_MQTT__PASSWORD")
    assert lines["mqtt.port"].split() == ["default", "1883"]
    assert lines["devices.printer-1.columns"].split() == [f"{HALL}:34", "32"]
    assert "hunter2" not in out


def test_values_for_programs(check: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSKD_MQTT__PASSWORD", "hunter2")
    assert check("--explain", "--json", "--config", HALL) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert (found["ok"], found["file"], found["warnings"]) == (True, str(HALL), [])
    assert found["values"]["mqtt.host"] == {"value": "broker.hall", "from": f"{HALL}:5"}
    assert found["values"]["mqtt.password"]["value"] == HIDDEN
    assert "hunter2" not in out


def test_warnings_are_no_errors(check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kioskd.toml"
    path.write_text(HALL.read_text() + '[services.c]\nname = "c"\nprefix = "C"\nprinter = "printer-1"\n')
    assert check("--config", path) == 0
    assert "warning: services.c: no counter serves it\n" in capsys.readouterr().out

"""What differs between two configurations, and so what a reload has to touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.reload import Changes, changes, stale_boards
from daemon.settings import Settings, load_settings

HALL = (Path(__file__).parent / "hall.toml").read_text()


def settings(directory: Path, text: str, **environ: str) -> Settings:
    path = directory / "kioskd.toml"
    path.write_text(text)
    return load_settings(path, environ)


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    return settings(tmp_path, HALL)


def test_the_same_file_changes_nothing(old: Settings, tmp_path: Path) -> None:
    found = changes(old, settings(tmp_path, "# a comment\n" + HALL))
    assert found == Changes(frozenset(), frozenset())
    assert found.names == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("columns = 32", "columns = 48"),
        ("tcp://10.0.0.9:9100", "tcp://10.0.0.9:9101"),
        ("tcp://10.0.0.9:9100", "tcp://10.0.0.9:9100?connect_s=9"),
    ],
)
def test_one_device_differs(old: Settings, tmp_path: Path, before: str, after: str) -> None:
    found = changes(old, settings(tmp_path, HALL.replace(before, after)))
    assert found == Changes(frozenset(), frozenset({"printer-1"}))
    assert found.names == ("devices.printer-1",)


def test_a_link_written_another_way_is_the_same_link(old: Settings, tmp_path: Path) -> None:
    text = HALL.replace("/dev/ttyUSB0?baud", "/dev/tty%55SB0?baud")
    assert text != HALL
    assert changes(old, settings(tmp_path, text)).names == ()


def test_devices_come_and_go(old: Settings, tmp_path: Path) -> None:
    phone = '[devices.phone-1]\ndriver = "modem"\nlink = "serial:///dev/ttyACM0"\n'
    text = HALL.replace('phone = "phone-1"\n', "").replace(phone, "")
    found = changes(old, settings(tmp_path, text + '[devices.p2]\ndriver = "centerm"\nlink = "tcp://h:1"\n'))
    assert found.names == ("counters", "devices.p2", "devices.phone-1")


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("KIOSKD_HALL", "hall"),
        ("KIOSKD_ROOT", "root"),
        ("KIOSKD_MQTT__PASSWORD", "mqtt"),
        ("KIOSKD_TICKET__NOTICE", "ticket"),
        ("KIOSKD_SERVICES__A__NAME", "services"),
    ],
)
def test_a_key_differs(old: Settings, tmp_path: Path, variable: str, key: str) -> None:
    assert changes(old, settings(tmp_path, HALL, **{variable: "other"})) == Changes(frozenset({key}), frozenset())


def test_a_board_does_not_go_on_calling_to_a_counter_that_is_gone() -> None:
    tables: dict[str, Any] = {
        "hall": "h",
        "kiosk": "k",
        "services": {"a": {"name": "综合业务", "printer": "p"}},
        "counters": {
            name: {"name": f"{name}号窗口", "services": ["a"], "display": display}
            for name, display in (("1", "led-1"), ("2", "led-1"), ("3", "led-2"))
        },
        "devices": {
            "p": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"},
            "led-1": {"driver": "bx", "link": "tcp://10.0.0.8:5005"},
            "led-2": {"driver": "bx", "link": "tcp://10.0.0.7:5005"},
        },
    }
    before = Settings(tables)
    after = Settings({**tables, "counters": {name: tables["counters"][name] for name in ("2", "3")}})
    assert stale_boards(before, before, ()) == []
    assert stale_boards(before, after, ()) == ["2"]

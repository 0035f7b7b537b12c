"""Errors in a configuration: all of them at once, each with its key, its line and what was expected there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.settings import ConfigurationError, Problem, Settings, load_settings

HALL = (Path(__file__).parent / "hall.toml").read_text()

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a TOML text, with an environment over it."""

    def load(text: str | bytes, **environ: str) -> Settings:
        return load_settings(write(tmp_path, text), environ)

    return load


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "kioskd.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(load: Load, text: str | bytes, **environ: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(text, **environ)
    return caught.value.problems


def problem(load: Load, text: str | bytes, **environ: str) -> Problem:
    """The one error of `text`."""
    found = problems(load, text, **environ)
    assert len(found) == 1, [str(one) for one in found]
    return found[0]


def changed(old: str, new: str, text: str = HALL) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the configuration"
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "expected"),
    [
        ('hall = "demo"', "", "hall", None, "missing"),
        ('hall = "demo"', 'hall = "Demo"', "hall", 1, "lower-case letters"),
        ('hall = "demo"', 'hall = "demo"\nlanguag = "en"', "languag", 2, "did you mean 'language'?"),
        ('hall = "demo"', 'hall = "demo"\nlanguage = "fr"', "language", 2, "one of 'zh-CN', 'en'"),
        ('hall = "demo"', 'hall = "demo"\nroot = "a//b"', "root", 2, "an MQTT topic"),
        ('hall = "demo"', 'hall = "demo"\nroot = "{hall.x}"', "root", 2, "{hall} and {kiosk}"),
        ('hall = "demo"', 'hall = "demo"\nroot = "$SYS"', "root", 2, "an MQTT topic"),
        ('hall = "demo"', 'hall = "demo"\nrating = 3', "rating", 2, "a table"),
        ('host = "broker.hall"', 'host = "mqtt://x"', "mqtt.host", 5, "without scheme"),
        ('host = "broker.hall"', 'hots = "x"', "mqtt.hots", 5, "did you mean 'host'?"),
        ('host = "broker.hall"', "port = 70000", "mqtt.port", 5, "at most 65535"),
        ('host = "broker.hall"', "port = 18.5", "mqtt.port", 5, "a whole number"),
        ('host = "broker.hall"', 'tls = "perhaps"', "mqtt.tls", 5, "true or false"),
        ('host = "broker.hall"', 'ca_file = "/ca.pem"', "mqtt.ca_file", 5, "tls = true"),
        ('host = "broker.hall"', 'tls = true\ncert_file = "/c"', "mqtt.key_file", 4, "together"),
        ('host = "broker.hall"', 'protocol = "4"', "mqtt.protocol", 5, "one of 'auto', '5', '3.1.1'"),
        ('name = "综合业务"', 'name = ""', "services.a.name", 9, "must not be empty"),
        ('name = "综合业务"', 'name = "a\\nb"', "services.a.name", 9, "one line"),
        ('name = "综合业务"', "name = 3", "services.a.name", 9, "a text in quotes"),
        ('prefix = "A"', 'prefix = "a"', "services.a.prefix", 10, "capital letters"),
        ('prefix = "B"', 'prefix = "A"', "services.b.prefix", 15, "service a has the same prefix"),
        ("last = 99", "last = 99\nfirst = 100", "services.b.last", 17, "at least first"),
        ("last = 99", 'last = 99\n[devices."P 3"]\ndriver="bx"\nlink="tcp://h:1"', 'devices."P 3"', 18, "lower-case"),
        ('services = ["b"]', "services = []", "counters.2.services", 28, "at least 1"),
        ('services = ["b"]', 'services = ["b", "b"]', "counters.2.services[1]", 28, "twice"),
        ('services = ["b"]', 'services = ["bb"]', "counters.2.services[0]", 28, "did you mean 'b'?"),
        ('panel = "panel-1"', 'panel = "panel-2"', "counters.1.panel", 23, "did you mean 'panel-1'?"),
        ('panel = "panel-1"', 'panel = "led-1"', "counters.1.panel", 23, "led-1 is no panel"),
        ('services = ["b"]', 'services = ["b"]\npanel = "panel-1"', "counters.2.panel", 29, "to counter 1 already"),
        ('driver = "bx"', 'driver = "xb"', "devices.led-1.driver", 37, "known are escpos, bx"),
        ('driver = "bx"', "", "devices.led-1.driver", 36, "missing"),
        ('link = "tcp://10.0.0.9:9100"', 'link = "tcp://10.0.0.9"', "devices.printer-1.link", 33, "tcp://host:port"),
        ('link = "tcp://10.0.0.9:9100"', 'link = "10.0.0.9"', "devices.printer-1.link", 33, "expected scheme://"),
        ('link = "tcp://10.0.0.9:9100"', 'link = "evdev:///x"', "devices.printer-1.link", 33, "serial://, tcp://"),
        ('link = "tcp://10.0.0.9:9100"', 'link = "tcps://h:1"', "devices.printer-1.link", 33, "did you mean 'tcp'?"),
        ("?baud=57600", "?buad=57600", "devices.led-1.link", 38, "did you mean 'baud'?"),
        ("?baud=57600", "?baud", "devices.led-1.link", 38, "not a link"),
        ("/dev/ttyACM0", "/dev/ttyUSB0", "devices.phone-1.link", 47, "device led-1 has the same link"),
        ("columns = 32", "colums = 32", "devices.printer-1.colums", 34, "did you mean 'columns'?"),
        ("columns = 32", 'columns = "many"', "devices.printer-1.columns", 34, "a whole number"),
        ("columns = 32", "columns = 0", "devices.printer-1.columns", 34, "above 0"),
        ('ttyACM0"', 'ttyACM0"\nringing_stopped_s = 1\nsame_ring_s = 2', "devices.phone-1.same_ring_s", 49, "shorter"),
        ("columns = 32", "answer_s = inf", "devices.printer-1.answer_s", 34, "a finite number"),
        ("KEY_2 = 1", "KEY_2 = 6", "devices.panel-1.keys", 43, "level from 1 to 5"),
        ("KEY_2 = 1", 'KEY_2 = "x"', "devices.panel-1.keys.KEY_2", 43, "a whole number"),
    ],
)
def test_an_error_names_its_key_its_line_and_what_was_expected(
    load: Load, tmp_path: Path, old: str, new: str, key: str, line: int | None, expected: str
) -> None:
    found = problem(load, changed(old, new))
    assert (found.key, found.line, found.file) == (key, line, str(tmp_path / "kioskd.toml"))
    assert expected in str(found)


def test_every_error_is_told_at_once_in_the_order_of_the_file(load: Load) -> None:
    broken = changed('host = "broker.hall"', 'host = "a b"')
    broken = changed('printer = "printer-1"\n\n[services.b]', 'printer = "printer-9"\n\n[services.b]', broken)
    broken = changed('panel = "panel-1"', 'panel = "phone-1"', broken)
    broken = changed('driver = "bx"', 'driver = "by"\nwidth = 4', broken)
    broken = changed("columns = 32", 'columns = 32\ncut = "half"\nfoo = 1', broken)
    found = problems(load, broken, KIOSKD_RATING__TIMEOUT_S="0")
    assert [(one.key, one.line) for one in found] == [
        ("rating.timeout_s", None),
        ("mqtt.host", 5),
        ("services.a.printer", 11),
        ("counters.1.panel", 23),
        ("devices.printer-1.cut", 35),
        ("devices.printer-1.foo", 36),
        ("devices.led-1.driver", 39),
    ]


def test_lines_are_found_where_keys_stand_in_other_ways(load: Load) -> None:
    text = """\
hall = 'demo'
"kiosk" = "k1"
ticket.notice = \"\"\"
port = "not a key"
[mqtt]
\"\"\"
mqtt . keepalive_s = 1
phone = { rings = 0 }
["rating"] # comment
 timeout_s=0
"""
    assert {one.key: one.line for one in problems(load, text)} == {
        "ticket.notice": 3,
        "mqtt.keepalive_s": 7,
        "phone.rings": 8,
        "rating.timeout_s": 10,
    }


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        (b'hall = "demo"\nkiosk = k1\n', 2, 9, "TOML syntax error: Invalid value"),
        (b'hall = "demo', 1, None, "TOML syntax error"),
        (b"a = [1,", 1, None, "TOML syntax error"),
        (b"a = 1\na = 2\n", 2, 6, "TOML syntax error"),
        ('hall = "大厅"\n# 窗口\n'.encode("gb18030"), 1, None, "not UTF-8"),
        (b"hall = 1\n\xff", 2, None, "not UTF-8"),
        (b"a = " + b"[" * 50_000, None, None, "nested too deeply"),
        (b"a = " + b"9" * 5000, None, None, "TOML syntax error"),
        (b"#" * 300_000, None, None, "larger than 256000 bytes"),
    ],
)
def test_a_file_that_cannot_be_parsed(
    load: Load, tmp_path: Path, text: bytes, line: int | None, column: int | None, expected: str
) -> None:
    found = problem(load, text)
    assert (found.file, found.line) == (str(tmp_path / "kioskd.toml"), line)
    assert found.column == column or column is None
    assert expected in str(found)


def test_files_that_are_none(tmp_path: Path) -> None:
    for path, expected in [
        (tmp_path / "absent.toml", "there is no such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (Path("/dev/zero"), "not a regular file"),
        (Path("/proc/self/mem"), "cannot be read: Input/output error"),
        (Path("a\0b"), "cannot be read"),
    ]:
        with pytest.raises(ConfigurationError, match=expected) as caught:
            load_settings(path, {})
        assert caught.value.problems[0].file == str(path)


def test_every_error_is_told_in_chinese_too(load: Load) -> None:
    broken = changed('driver = "bx"', 'driver = "bxx"')
    assert (
        problem(load, broken)
        .to("zh-CN")
        .endswith("devices.led-1.driver: 没有这种驱动；可用：escpos, bx, centerm, keypad, modem；是否应为“bx”？")
    )

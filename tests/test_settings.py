"""The configuration: what is read, from the file and the environment, and where each value came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.settings import Configuration, ConfigurationError, Problem, Settings, load_configuration, load_settings
from daemon.settings.origins import HIDDEN, origins
from drivers.catalog import DRIVERS, Kind

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


# What is read


def test_a_whole_hall_is_read_with_types(load: Load) -> None:
    found = load(HALL)
    assert (found.hall, found.kiosk, found.topic_root) == ("demo", "k1", "kioskd/demo/k1")
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.protocol) == ("broker.hall", 1883, "auto")
    assert found.services["b"].last == 99
    assert found.counters["1"].services == ("a", "b")
    assert found.devices["printer-1"].kind is Kind.PRINTER
    assert found.devices["printer-1"].options.columns == 32
    assert str(found.devices["led-1"].link) == "serial:///dev/ttyUSB0?baud=57600"
    assert found.devices["panel-1"].options.levels == {2: 5, 3: 1}


def test_a_name_and_a_kiosk_are_enough(load: Load) -> None:
    found = load('hall = "h"\nkiosk = "k"\n')
    assert found.language == "zh-CN"
    assert (found.rating.timeout_s, found.rating.bounce_s, found.phone.rings) == (15, 0.3, 3)
    assert found.store.path == Path("/var/lib/kioskd/kioskd.db")
    assert not found.devices
    assert not found.services


def test_settings_are_frozen_and_compare_by_value(load: Load) -> None:
    found = load(HALL)
    assert found == load(HALL)
    with pytest.raises(ValueError, match="frozen"):
        found.hall = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_can_be_configured_by_its_link_alone(load: Load, name: str) -> None:
    links = {"serial": "serial:///dev/ttyS0", "tcp": "tcp://h:1", "evdev": "evdev:///dev/input/event0"}
    links |= {"evdev+unix": "evdev+unix:///run/kioskd/panel", "usb": "usb://04b8:0202", "file": "file:///dev/usb/lp0"}
    for scheme in DRIVERS[name].schemes:
        head = 'hall = "h"\nkiosk = "k"\n'
        found = load(f'{head}[devices.x]\ndriver = "{name}"\nlink = "{links[scheme]}"\n')
        assert found.devices["x"].options == DRIVERS[name].options_class()()


def test_a_byte_order_mark_of_a_windows_editor_is_no_error(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + HALL.encode()) == load(HALL)


@pytest.mark.parametrize(
    ("root", "topics"),
    [("{kiosk}", "k1"), ("site/{hall}", "site/demo"), ("{hall}-{kiosk}/kioskd", "demo-k1/kioskd"), ("大厅", "大厅")],
)
def test_the_root_of_topics(load: Load, root: str, topics: str) -> None:
    assert load(f'root = "{root}"\n{HALL}').topic_root == topics


# The environment


def test_the_environment_counts_more_than_the_file(load: Load) -> None:
    found = load(
        HALL,
        KIOSKD_KIOSK="k7",
        KIOSKD_MQTT__HOST="10.1.1.1",
        KIOSKD_MQTT__PORT="8883",
        KIOSKD_MQTT__TLS="true",
        KIOSKD_COUNTERS__1__SERVICES="a, b",
        KIOSKD_RATING__TIMEOUT_S="2.5",
        KIOSKD_LANGUAGE="",
        OTHER="x",
    )
    assert found.topic_root == "kioskd/demo/k7"
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.tls, found.mqtt.username) == ("10.1.1.1", 8883, True, "k1")
    assert found.counters["1"].services == ("a", "b")
    assert found.rating.timeout_s == 2.5
    assert found.language == "zh-CN"


def test_an_underscore_in_a_variable_reaches_a_name_with_a_hyphen(load: Load) -> None:
    link = "serial:///dev/ttyUSB7"
    found = load(HALL, KIOSKD_DEVICES__LED_1__LINK=link, KIOSKD_DEVICES__LED_1__ADDRESS="12")
    assert str(found.devices["led-1"].link) == link
    assert found.devices["led-1"].options.address == 12


def test_the_environment_can_add_a_device(load: Load) -> None:
    found = load(HALL, KIOSKD_DEVICES__P2__DRIVER="centerm", KIOSKD_DEVICES__P2__LINK="tcp://h:4000")
    assert found.devices["p2"].kind is Kind.PANEL


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("KIOSKD_MQTT__PORT", "none", "mqtt.port", "a whole number"),
        ("KIOSKD_MQTT__PORT", "0", "mqtt.port", "at least 1"),
        ("KIOSKD_COUNTERS__1__SERVICES", "a,c", "counters.1.services[1]", "no service 'c'"),
        ("KIOSKD_DEVICES__LED_1__ADDRES", "1", "devices.led-1.addres", "no such key; did you mean 'address'?"),
        ("KIOSKD_DEVICES__LED_2__DRIVER", "bx", "devices.led_2.link", "missing"),
        ("KIOSKD_HAL", "x", "hal", "no such key; did you mean 'hall'?"),
        ("KIOSKD_MQTT", "x", "mqtt", "a table"),
        ("KIOSKD_MQTT__", "x", "", "expected KIOSKD_KEY"),
        ("KIOSKD_A__B__C__D", "x", "", "expected KIOSKD_KEY"),
    ],
)
def test_a_wrong_variable_is_named(load: Load, variable: str, value: str, key: str, expected: str) -> None:
    found = problem(load, HALL, **{variable: value})
    assert (found.variable, found.key, found.line) == (variable, key, None)
    assert expected in str(found)
    assert str(found).startswith(f"environment variable {variable}: ")


def test_a_variable_for_a_table_and_one_inside_it_do_not_go_together(load: Load) -> None:
    found = problems(load, HALL, KIOSKD_MQTT="x", KIOSKD_MQTT__HOST="y")
    assert ("KIOSKD_MQTT__HOST", "mqtt.host") in {(one.variable, one.key) for one in found}


def test_a_display_may_serve_two_counters(load: Load) -> None:
    found = load(HALL)
    assert found.counters["1"].display == found.counters["2"].display == "led-1"


def test_what_is_hardly_meant_is_warned_of(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    lonely = '[services.c]\nname = "c"\nprefix = "C"\nprinter = "printer-1"\n'
    load(changed("[mqtt]", '[mqtt]\ntls = true\nca_file = "/nowhere/ca.pem"') + lonely)
    assert caplog.messages == [
        "mqtt.ca_file: /nowhere/ca.pem cannot be read",
        "services.c: no counter serves it",
    ]


# Where values are from


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    environ = {"KIOSKD_MQTT__HOST": "elsewhere", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "mqtt-password").write_text("hunter2")
    return load_configuration(write(tmp_path, HALL + "[rating]\nafter_finish = false\n"), environ)


def test_every_value_is_told_with_its_origin(configuration: Configuration, tmp_path: Path) -> None:
    told = {origin.key: (origin.value, origin.source.en) for origin in origins(configuration)}
    file = tmp_path / "kioskd.toml"
    assert told["hall"] == ("demo", f"{file}:1")
    assert told["mqtt.host"] == ("elsewhere", "environment variable KIOSKD_MQTT__HOST")
    assert told["mqtt.password"] == (HIDDEN, f"secret in {tmp_path / 'mqtt-password'}")
    assert told["mqtt.port"] == (1883, "default")
    assert told["rating.after_finish"] == (False, f"{file}:49")
    assert told["counters.1.services"] == (("a", "b"), f"{file}:21")
    assert told["counters.2.panel"] == (None, "default")
    assert told["devices.panel-1.keys"] == ({"KEY_1": 5, "KEY_2": 1}, f"{file}:43")
    assert told["devices.panel-1.stuck_s"] == (10.0, "default")
    assert told["devices.led-1.link"] == ("serial:///dev/ttyUSB0?baud=57600", f"{file}:38")

"""What stands on the bench: any kioskd.toml, with simulators for its devices and the bench's own links in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.commands import Refusal, Status
from daemon.events import Alert, event_types
from daemon.events.alert_figures import (
    AlertFigures,
    BadRating,
    DeviceTrouble,
    DueTime,
    IdleCounter,
    QueueLength,
    RingCount,
    Shortfalls,
    WaitLength,
)
from daemon.explanations import ALERTS, REASONS, REFUSALS, SHORTCOMINGS, STATUSES, Explanation
from daemon.hall.counters import CounterState
from daemon.model import Model, Priority
from daemon.readiness.report import Result
from daemon.settings import load_settings
from drivers.device import Reason, State
from simulators.bench.floor import Floor
from simulators.bench.hall import DEFAULT_HALL, HallError, read_hall
from simulators.bench.picture import Picture
from simulators.bench.processes import Phase
from simulators.bench.tap import Direction
from simulators.bench.toml_text import toml_text
from simulators.bench.web import STATIC
from simulators.catalog import SIMULATORS, make_simulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from simulators.unix_endpoint import UnixEndpoint

OWN = """
hall = "h"
kiosk = "k9"
root = "halls/{hall}/{kiosk}"

[mqtt]
host = "production.example"
username = "me"
password_file = "/etc/kioskd/secret"

[store]
path = "/var/lib/kioskd/kioskd.db"
keep_days = 3

[services.s]
name = "业务"
printer = "p"

[devices.p]
driver = "escpos"
link = "tcp://10.0.0.9:9100"
encoding = "gbk"
columns = 32

[devices.board]
driver = "bx"
link = "serial:///dev/ttyUSB3?baud=57600&parity=E"
width_dots = 64
height_dots = 16

[devices.keys]
driver = "keypad"
link = "evdev:///dev/input/by-path/x"
[devices.keys.keys]
KEY_A = 5
KEY_B = 1
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


# the configuration


async def test_the_shipped_hall_is_a_configuration_like_any_other(tmp_path: Path) -> None:
    shipped = load_settings(DEFAULT_HALL, {})
    hall = read_hall(DEFAULT_HALL, [])
    async with Floor(hall, tmp_path, Picture()) as floor:
        text = hall.configuration(floor.links, mqtt_port=1884, store=tmp_path / "k.db", language=None)
    (tmp_path / "kioskd.toml").write_text(text, encoding="utf-8")
    generated = load_settings(tmp_path / "kioskd.toml", {})
    assert (generated.mqtt.port, generated.store.path) == (1884, tmp_path / "k.db")
    assert generated.counters == shipped.counters
    assert generated.services == shipped.services
    kept = {name: (device.driver, device.options) for name, device in shipped.devices.items()}
    assert {name: (device.driver, device.options) for name, device in generated.devices.items()} == kept


async def test_ones_own_hall_never_reaches_its_own_broker_store_or_devices(own: Path, tmp_path: Path) -> None:
    hall = read_hall(own, [])
    async with Floor(hall, tmp_path, Picture()) as floor:
        text = hall.configuration(floor.links, mqtt_port=1884, store=tmp_path / "k.db", language="en")
    tables = tomllib.loads(text)
    assert tables["mqtt"] == {"host": "127.0.0.1", "port": 1884, "will_delay_s": 2}
    assert tables["store"] == {"path": str(tmp_path / "k.db"), "keep_days": 3}
    assert tables["language"] == "en"
    assert hall.root == "halls/h/k9"
    for trace in ("production", "secret", "10.0.0.9", "/dev/"):
        assert trace not in text


async def test_every_device_gets_a_line_of_its_own_kind(own: Path, tmp_path: Path) -> None:
    async with Floor(read_hall(own, []), tmp_path, Picture()) as floor:
        assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", floor.links["p"])
        assert floor.links["board"] == f"serial://{tmp_path}/board?baud=57600&parity=E"
        assert floor.links["keys"] == f"evdev+unix://{tmp_path}/keys"
        stages = floor._stages  # what they stand on cannot be seen from outside
        assert isinstance(stages["p"].endpoint, TcpEndpoint)
        assert isinstance(stages["board"].endpoint, PtyEndpoint)
        assert isinstance(stages["keys"].endpoint, UnixEndpoint)


async def test_both_ends_of_a_line_are_set_up_alike(own: Path, tmp_path: Path) -> None:
    async with Floor(read_hall(own, []), tmp_path, Picture()) as floor:
        assert floor.state("p")["state"]["code"] == "gbk"
        board = floor.state("board")["state"]
        assert (board["width"], board["height"]) == (64, 16)
        assert [key["key"] for key in floor.state("keys")["state"]["keys"]] == ["KEY_A", "KEY_B"]


def test_what_no_simulator_can_be_is_an_error_with_its_name(own: Path, tmp_path: Path) -> None:
    own.write_text(OWN.replace("width_dots = 64", 'width_dots = 64\ncard = "9z"'), encoding="utf-8")
    with pytest.raises(HallError, match=r"devices\.board: .*9z"):
        Floor(read_hall(own, []), tmp_path, Picture())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hall = ", "Invalid value"),
        ('hall = "h"', "no devices"),
        ('[devices.x]\ndriver = "laser"\nlink = "tcp://h:1"', "no simulator for driver 'laser'; known: escpos"),
        ('[devices.x]\nlink = "tcp://h:1"', "no simulator for driver None"),
    ],
)
def test_a_hall_that_cannot_be_simulated_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "hall.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HallError, match=re.escape(said)):
        read_hall(path, [])


def test_a_device_without_simulator_may_be_real(tmp_path: Path) -> None:
    path = tmp_path / "hall.toml"
    path.write_text('[devices.x]\ndriver = "laser"\nlink = "tcp://h:1"', encoding="utf-8")
    hall = read_hall(path, ["x=serial:///dev/ttyUSB0?baud=9600"])
    assert hall.simulated == {}
    assert hall.plan()["devices"]["x"]["link"] == "serial:///dev/ttyUSB0?baud=9600"


text = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.one_of(text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.dates())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(text, values, max_size=5))
def test_tables_read_back_as_they_were_written(tables: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(tables)) == tables


# the page's words


WORDS: dict[str, dict[str, str]] = {
    key: both
    for name in ("words.json", "codes.json")
    for key, both in json.loads((STATIC / name).read_text(encoding="utf-8")).items()
}


def test_every_word_is_there_in_both_languages_with_the_same_values() -> None:
    for key, both in WORDS.items():
        assert both.keys() == {"zh-CN", "en"}, key
        assert all(both.values()), key
        places = [sorted(set(re.findall(r"\{(\w+)\}", words))) for words in both.values()]
        assert places[0] == places[1], key


def test_every_word_that_the_page_asks_for_is_there_and_no_other() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.[jh][st]*") if path.suffix != ".json")
    asked = set(re.findall(r"""["`](ui\.[a-z-]+|message\.[a-z-]+)["`]""", sources))
    assert len(asked) > 50
    assert asked <= WORDS.keys()
    families = tuple(re.findall(r"`(ui\.[a-z-]+-)\$\{", sources))
    named = set(re.findall(r"[a-z]+(?:-[a-z]+)*", sources)) | {str(direction) for direction in Direction}
    others = {key for key in WORDS.keys() - asked if key.startswith("ui.") and not key.startswith(families)}
    assert {key for key in others if key.removeprefix("ui.") not in named} == set()


def test_codes_mean_on_the_page_what_they_mean_everywhere() -> None:
    families: Mapping[str, Mapping[Any, Explanation]] = {
        "reason": REASONS,
        "refusal": REFUSALS,
        "status": STATUSES,
        "alert": ALERTS,
        "shortcoming": SHORTCOMINGS,
    }
    for family, explained in families.items():
        for code, why in explained.items():
            assert WORDS[f"{family}.{code}"] == {"zh-CN": why.meaning.zh, "en": why.meaning.en}


def test_every_code_of_the_contract_has_words() -> None:
    needed = [f"reason.{reason}" for reason in Reason]
    needed += [f"state.{state}" for state in State]
    needed += [f"refusal.{refusal}" for refusal in Refusal]
    needed += [f"status.{status}" for status in Status]
    needed += [f"alert.{alert}" for alert in Alert]
    needed += [f"priority.{priority}" for priority in Priority]
    needed += [f"state.{state}" for state in CounterState]
    needed += [f"result.{result}" for result in get_args(Result)]
    needed += [f"event.{kind.removeprefix('kioskd.')}" for kind in event_types()]
    needed += [f"level.{level}" for level in range(1, 6)]
    assert [key for key in needed if key not in WORDS] == []


def test_the_words_of_an_event_use_its_own_fields() -> None:
    for name, kind in event_types().items():
        places = set(re.findall(r"\{(\w+)\}", WORDS[f"event.{name.removeprefix('kioskd.')}"]["en"]))
        assert places <= kind.model_fields.keys(), name


FIGURES: Mapping[Alert, type[Model]] = {
    Alert.QUEUE_TOO_LONG: QueueLength,
    Alert.WAIT_TOO_LONG: WaitLength,
    Alert.PROMISE_DUE: DueTime,
    Alert.PROMISE_BROKEN: DueTime,
    Alert.PHONE_UNANSWERED: RingCount,
    Alert.BAD_RATING: BadRating,
    Alert.COUNTER_UNATTENDED: IdleCounter,
    Alert.DEVICE_FAULT: DeviceTrouble,
    Alert.PAPER_LOW: DeviceTrouble,
    Alert.NOT_READY: Shortfalls,
}


def test_why_an_alert_was_raised_is_told_by_its_figures() -> None:
    assert FIGURES.keys() == set(Alert)
    assert set(FIGURES.values()) == set(get_args(AlertFigures))
    for alert, figures in FIGURES.items():
        keys = [key for key in WORDS if key.startswith(f"detail.{alert}")]
        told = {name for key in keys for name in re.findall(r"\{(\w+)\}", WORDS[key]["zh-CN"])}
        assert told == figures.model_fields.keys(), alert


async def test_every_command_of_every_simulator_has_words(tmp_path: Path) -> None:
    needed = set()
    for driver in SIMULATORS:
        simulator = make_simulator(driver)
        stage = Stage(simulator, PtyEndpoint(tmp_path / driver))
        needed |= {f"command.{driver}.{name}" for name in simulator.commands}
        needed |= {f"command.line.{name}" for name in stage.commands.keys() - simulator.commands.keys()}
    assert needed == {key for key in WORDS if key.startswith("command.")}


def test_the_page_knows_which_commands_are_the_lines() -> None:
    listed = re.search(r"LINE_COMMANDS = (\[.*?\]);", (STATIC / "sheet.js").read_text(encoding="utf-8"))
    assert listed is not None
    assert {f"command.line.{name}" for name in json.loads(listed[1])} == {
        key for key in WORDS if key.startswith("command.line.")
    }


def test_every_phase_of_a_program_has_words() -> None:
    source = (STATIC / "health.js").read_text(encoding="utf-8")
    assert all(f"{phase}: " in source for phase in Phase)

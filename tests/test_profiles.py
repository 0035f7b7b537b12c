"""Profiles: every number in one comes from a rule (rows 9 to 11, 13, 14 and 16 to 18), and is explained."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import pytest

from daemon.check import add_arguments, run
from daemon.settings import ConfigurationError, Settings, load_configuration, load_settings
from daemon.settings.profiles import load_profile, profile_names
from daemon.shipped import shipped

KINDS = (
    *("admin-hall", "cashier", "emergency", "imaging", "infusion", "laboratory", "medical-insurance"),
    *("one-stop-desk", "pharmacy", "registration", "ultrasound"),
)

# What each place says, from the hall's written rules: A district administrative service centre, B hospital windows,
# C city hospital windows, G Gansu medical-insurance windows; 好差评 the public rules on ratings.
RULES: dict[str, dict[str, object]] = {
    "A art. 15": {"call.welcome": "您好，", "call.farewell": "请慢走"},
    "A art. 36": {"queue.unattended_s": 900},
    "A art. 37": {"phone.rings": 3},
    "B 一.6": {"queue.waiting_max": 10},
    "C 二.6": {"queue.waiting_max": 10},
    "B 二.9": {"queue.wait_max_s": 600},
    "C 四.9": {"queue.wait_max_s": 600},
    "B 七.1": {"queue.wait_max_s": 600},
    "C 八.1": {"queue.wait_max_s": 600},
    "B 一.1": {"readiness.before_s": 900},
    "C 五.1": {"readiness.before_s": 1800},
    "C 六.1": {"readiness.before_s": 1800},
    "G 五.1": {"call.welcome": "您好，", "call.farewell": "请慢走"},
    "G 六.4": {"rating.after_finish": True},
    "好差评": {"rating.after_finish": True},
}


def write(directory: Path, text: str) -> Path:
    path = directory / "kioskd.toml"
    path.write_text(f'hall = "h"\nkiosk = "k"\n{text}')
    return path


def values(name: str) -> dict[str, object]:
    tables = load_profile(shipped("profiles") / f"{name}.toml").values
    return {f"{table}.{key}": value for table, keys in tables.items() for key, value in keys.items()}


def test_there_is_one_for_each_kind_of_window() -> None:
    assert tuple(profile_names()) == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_every_number_is_what_its_rules_say(name: str) -> None:
    profile = load_profile(shipped("profiles") / f"{name}.toml")
    sources = {".".join(map(str, loc)): str(rules).split(", ") for loc, rules in profile.places.items()}
    found = values(name)
    assert found
    assert sources.keys() == found.keys()
    for key, rules in sources.items():
        assert [RULES[rule][key] for rule in rules] == [found[key]] * len(rules)


@pytest.mark.parametrize("name", KINDS)
def test_it_names_no_rule_for_a_key_it_has_not_and_says_each_in_a_comment(name: str) -> None:
    text = (shipped("profiles") / f"{name}.toml").read_text()
    settings, _, sources = text.partition("[sources]")
    named = [line.partition(" = ") for line in sources.strip().splitlines()]
    assert {key.strip('"') for key, _, _ in named} == values(name).keys()
    assert all(f"({rules.strip(chr(34))})" in settings for _, _, rules in named)


@pytest.mark.parametrize("name", KINDS)
def test_every_one_loads_and_is_in_force(name: str, tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, f'profile = "{name}"\n'), {})
    for key, value in values(name).items():
        table, _, field = key.partition(".")
        assert getattr(getattr(found, table), field) == value


def test_without_one_no_queue_is_too_long(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, ""), {})
    assert (found.queue.waiting_max, found.queue.wait_max_s) == (None, None)


def test_the_file_counts_more_and_the_environment_most(tmp_path: Path) -> None:
    path = write(tmp_path, 'profile = "pharmacy"\n[queue]\nwaiting_max = 15\n')
    found = load_settings(path, {})
    assert (found.queue.waiting_max, found.queue.wait_max_s) == (15, 600)
    found = load_settings(path, {"KIOSKD_PROFILE": "registration", "KIOSKD_QUEUE__WAITING_MAX": "20"})
    assert (found.profile, found.queue.waiting_max, found.queue.wait_max_s) == ("registration", 20, None)


def test_an_unknown_one_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, 'profile = "farmacy"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path, {})
    (problem,) = caught.value.problems
    assert (problem.key, problem.line, problem.nearest) == ("profile", 3, "pharmacy")
    assert ", ".join(KINDS) in str(problem)


def test_one_that_is_no_text_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="profile: expected a text"):
        load_settings(write(tmp_path, "profile = 3\n"), {})


def test_a_path_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such profile"):
        load_settings(write(tmp_path, 'profile = "../profiles/pharmacy"\n'), {})


@pytest.mark.parametrize(("language", "source"), [("en", "profile pharmacy: "), ("zh-CN", "窗口类型 pharmacy：")])
def test_every_number_is_explained_with_its_rule(
    language: str, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = ArgumentParser()
    parser.add_argument("--language", default=language)
    add_arguments(parser)
    path = write(tmp_path, 'profile = "pharmacy"\n[phone]\nrings = 4\n')
    assert run(parser.parse_args(["--explain", "--json", "--config", str(path)])) == 0
    told = json.loads(capsys.readouterr().out)["values"]
    assert told["queue.waiting_max"] == {"value": 10, "from": f"{source}B 一.6, C 二.6"}
    assert told["queue.wait_max_s"] == {"value": 600, "from": f"{source}B 二.9, C 四.9"}
    assert told["phone.rings"] == {"value": 4, "from": f"{path}:5"}
    assert told["profile"] == {"value": "pharmacy", "from": f"{path}:3"}


def test_an_installed_kioskd_finds_those_it_brought_along(tmp_path: Path) -> None:
    checkout, installed = tmp_path / "config", tmp_path / "share" / "kioskd" / "profiles"
    assert shipped("profiles", prefix=tmp_path, checkout=checkout) == installed
    (checkout / "profiles").mkdir(parents=True)
    assert shipped("profiles", prefix=tmp_path, checkout=checkout) == checkout / "profiles"


def test_no_profile_sets_what_a_kiosk_has_of_its_own() -> None:
    tables = {key.partition(".")[0] for name in KINDS for key in values(name)}
    assert tables <= Settings.model_fields.keys() - {
        "hall",
        "kiosk",
        "mqtt",
        "store",
        "services",
        "counters",
        "devices",
    }

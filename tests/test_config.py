"""The file that is shipped, and the pages about it: every key is there with its default, and no other."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from daemon.settings import Counter, Service, Settings, load_configuration, load_settings
from daemon.settings.origins import origins
from drivers.catalog import DRIVERS
from drivers.link.catalog import SCHEMES
from drivers.link.url import parse_link

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config" / "kioskd.toml"
DOCS = ROOT / "docs"


def write(directory: Path, text: str) -> Path:
    path = directory / "kioskd.toml"
    path.write_text(text)
    return path


def uncommented() -> str:
    """The shipped file with every key in force. A comment has a space after its "#", a key has none."""
    lines = CONFIG.read_text().splitlines()
    return "\n".join(line[1:] if line[:1] == "#" and line[1:2].strip() else line for line in lines)


def without_examples(text: str) -> str:
    examples: tuple[str, ...] = ("username", "password_file", "ca_file", "cert_file", "key_file", 'language = "zh-TW"')
    examples += ("profile", "calendar", "limit", "waiting_max", "wait_max_s", "unattended_s", "text", "at", "print_on")
    return "\n".join(line for line in text.splitlines() if not line.startswith(examples))


def test_the_shipped_file_loads_as_it_is_and_needs_no_device() -> None:
    found = load_configuration(CONFIG, {})
    assert not found.settings.devices
    assert not found.warnings


def test_every_default_in_the_shipped_file_is_the_default(tmp_path: Path) -> None:
    shipped = load_settings(write(tmp_path, without_examples(uncommented())), {})
    plain = load_settings(CONFIG, {})
    for table in set(Settings.model_fields) - {"services", "counters", "devices"}:
        assert getattr(shipped, table) == getattr(plain, table)
    for name, device in shipped.devices.items():
        assert device.options == device.entry.options_class()(), name
    service = shipped.services["a"]
    assert (service.first, service.last) == tuple(type(service).model_fields[key].default for key in ("first", "last"))


def test_the_shipped_file_names_every_key_and_no_other(tmp_path: Path) -> None:
    calendar = str(CONFIG.with_name("calendar.toml"))
    text = uncommented().replace("/etc/kioskd/calendar.toml", calendar)
    path = write(tmp_path, text.replace("password_file", "#"))
    environ = {"KIOSKD_MQTT__TLS": "true"}
    found = load_configuration(path, environ)
    unnamed = [origin.key for origin in origins(found) if origin.source.en == "default"]
    assert unnamed == ["mqtt.password", "mqtt.password_file"]
    assert '#password_file = "/etc/kioskd/mqtt-password"' in CONFIG.read_text()
    assert {device.driver for device in found.settings.devices.values()} == set(DRIVERS)


def test_an_origin_is_wrong_when_a_key_is_missing_from_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, without_examples(uncommented()).replace("keepalive_s = 30", ""))
    unnamed = [origin.key for origin in origins(load_configuration(path, {})) if origin.source.en == "default"]
    assert "mqtt.keepalive_s" in unnamed


# The pages

PAGES = ("configuration.md", "configuration.zh-CN.md")
ROW = re.compile(r"^\| `([a-z_.*]+)` \| (?:–|`(.+)`) \| .+ \|$", re.MULTILINE)


def told(key: str, default: object) -> tuple[str, str]:
    """The first two columns of the table; the default of a driver's table is too long for it."""
    return key, "" if default in (None, PydanticUndefined) else json.dumps(default, ensure_ascii=False, default=str)


def keys_of(model: type[BaseModel], prefix: str) -> list[tuple[str, str]]:
    return [told(prefix + key, field.default) for key, field in model.model_fields.items()]


def general_keys() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            found.extend(keys_of(type(field.default), f"{key}."))
        elif field.default != {}:
            found.append(told(key, field.default))
    devices = [("devices.*.driver", ""), ("devices.*.link", "")]
    return [*found, *keys_of(Service, "services.*."), *keys_of(Counter, "counters.*."), *devices]


def driver_keys(name: str) -> list[tuple[str, str]]:
    options = DRIVERS[name].options_class()()
    return [told(field.name, getattr(options, field.name)) for field in fields(options)]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_has_every_key_with_its_default(name: str) -> None:
    general = (DOCS / name).read_text().split("\n## ")[-2]
    assert ROW.findall(general) == general_keys()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_has_every_option_of_every_driver(name: str) -> None:
    sections = (DOCS / name).read_text().split("\n## ")[-1].split("\n### `")[1:]
    found = {section.partition("`")[0]: ROW.findall(section) for section in sections}
    assert {
        driver: [(key, default if "…" not in default else "") for key, default in rows]
        for driver, rows in found.items()
    } == {
        driver: [(key, default if not default.startswith("{") else "") for key, default in driver_keys(driver)]
        for driver in DRIVERS
    }


@pytest.mark.parametrize("name", PAGES)
def test_the_page_has_every_link_a_device_can_have(name: str) -> None:
    rows = re.findall(r"^\| `(([a-z]+)://\S+)` \| ", (DOCS / name).read_text(), re.MULTILINE)
    assert [scheme for _, scheme in rows] == [scheme for scheme in SCHEMES if not scheme.endswith("+unix")]
    for link, scheme in rows:
        SCHEMES[scheme][1](parse_link(link))


@pytest.mark.parametrize("name", PAGES)
def test_the_example_on_the_page_is_a_configuration(name: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL)
    found = load_configuration(write(tmp_path, example), {})
    assert not found.warnings
    assert len(found.settings.devices) == 2

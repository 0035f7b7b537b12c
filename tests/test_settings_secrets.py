"""The password of the broker: where it may come from, and that it is never told."""

from __future__ import annotations

import json
import string
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from daemon.settings import ConfigurationError, Problem, Settings, load_configuration, load_settings
from daemon.settings.origins import origins
from daemon.texts import LANGUAGES

VARIABLE = "KIOSKD_MQTT__PASSWORD"

KIOSK = """\
hall = "demo"
kiosk = "k1"

[mqtt]
host = "broker.hall"
username = "k1"

[devices.led-1]
driver = "bx"
link = "tcp://10.0.0.9:5005"
"""

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a TOML text, with an environment over it."""
    return lambda text, **environ: load_settings(write(tmp_path, text), environ)


def write(directory: Path, text: str) -> Path:
    path = directory / "kioskd.toml"
    path.write_text(text)
    return path


def problem(load: Load, text: str, **environ: str) -> Problem:
    """The one error of `text`."""
    with pytest.raises(ConfigurationError) as caught:
        load(text, **environ)
    (found,) = caught.value.problems
    return found


def changed(old: str, new: str, text: str = KIOSK) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the configuration"
    return text.replace(old, new)


def secret_file(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    path = directory / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def password(found: Settings) -> str | None:
    return found.mqtt.password.get_secret_value() if found.mqtt.password else None


def test_the_password_comes_from_the_file_that_is_named(load: Load, tmp_path: Path) -> None:
    path = secret_file(tmp_path, "pässwort\n".encode())
    assert password(load(changed("[mqtt]", f'[mqtt]\npassword_file = "{path}"'))) == "pässwort"
    assert password(load(KIOSK, KIOSKD_MQTT__PASSWORD_FILE=str(path))) == "pässwort"


def test_the_password_comes_from_a_credential_of_systemd(load: Load, tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("from systemd\r\n")
    assert password(load(KIOSK, CREDENTIALS_DIRECTORY=str(tmp_path))) == "from systemd"
    assert password(load(KIOSK, CREDENTIALS_DIRECTORY=str(tmp_path / "none"))) is None


def test_which_password_counts(load: Load, tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("credential")
    text = changed("[mqtt]", f'[mqtt]\npassword_file = "{secret_file(tmp_path, b"file")}"')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert password(load(text, **environ)) == "file"
    assert password(load(text, **environ, **{VARIABLE: "environment"})) == "environment"


def test_a_password_in_the_file_is_refused(load: Load) -> None:
    found = problem(load, changed("[mqtt]", '[mqtt]\npassword = "hunter2"'))
    assert (found.key, found.line) == ("mqtt.password", 5)
    assert "password_file" in str(found)


def test_a_password_needs_a_user_name(load: Load) -> None:
    found = problem(load, changed('username = "k1"', ""), **{VARIABLE: "x"})
    assert (found.key, found.line) == ("mqtt.username", 4)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two\nlines\n", b"x" * 5000, b"\0"])
def test_a_file_without_a_password(load: Load, tmp_path: Path, content: bytes) -> None:
    path = secret_file(tmp_path, content)
    found = problem(load, changed("[mqtt]", f'[mqtt]\npassword_file = "{path}"'))
    assert (found.key, found.line) == ("mqtt.password_file", 5)


@pytest.mark.parametrize("name", ["absent", ".", "mqtt-password/x"])
def test_a_password_file_that_cannot_be_read(load: Load, tmp_path: Path, name: str) -> None:
    found = problem(load, changed("[mqtt]", f'[mqtt]\npassword_file = "{tmp_path / name}"'))
    assert found.key == "mqtt.password_file"


def test_a_password_file_that_everybody_may_read_is_warned_of(
    load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = secret_file(tmp_path, b"hunter2", mode=0o644)
    load(changed("[mqtt]", f'[mqtt]\npassword_file = "{path}"'))
    assert caplog.messages == [f"{path}: every user can read this password file"]


SECRET = st.text(string.ascii_letters + string.digits, min_size=12, max_size=20).map("s3cr3t".__add__)
PLACES = (
    "in the file",
    "mistyped",
    "in a list",
    "as a table",
    "in a link",
    "in an option of a link",
    "in its file",
    "variable",
    "credential",
)


def with_secret(secret: str, place: str, directory: Path) -> tuple[str, dict[str, str]]:
    """A configuration with `secret` in the right or a wrong place, and an environment."""
    text, environ = KIOSK, {}
    wrong = {
        "in the file": f'password = "{secret}"',
        "mistyped": f'pasword = "{secret}"',
        "in a list": f'port = ["{secret}"]',
        "as a table": f'host = {{ "x" = "{secret}" }}',
        "in its file": f'password_file = "{directory / "its-file"}"',
    }
    if place in wrong:
        text = changed("[mqtt]", f"[mqtt]\n{wrong[place]}", changed('host = "broker.hall"\n', ""))
        (directory / "its-file").write_text(secret)
    elif place == "in a link":
        text = changed("tcp://10.0.0.9:5005", f"tcp://user:{secret}@10.0.0.9:5005")
    elif place == "in an option of a link":
        text = changed("tcp://10.0.0.9:5005", f"tcp://10.0.0.9?password={secret}")
    elif place == "variable":
        environ = {VARIABLE: secret}
    else:
        (directory / "mqtt-password").write_text(secret)
        environ = {"CREDENTIALS_DIRECTORY": str(directory)}
    return text, environ


@settings(deadline=None)
@given(secret=SECRET, place=st.sampled_from(PLACES), broken=st.booleans())
def test_no_secret_is_ever_told(secret: str, place: str, broken: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        text, environ = with_secret(secret, place, Path(name))
        path = write(Path(name), changed('driver = "bx"', 'driver = "by"', text) if broken else text)
        told = everything_told(path, environ)
    assert secret not in told


def everything_told(path: Path, environ: Mapping[str, str]) -> str:
    try:
        found = load_configuration(path, environ)
    except ConfigurationError as error:
        lines = [one.to(language) + repr(one) for one in error.problems for language in LANGUAGES]
        return "".join([*lines, repr(error), *traceback.format_exception(error)])
    shown = [f"{origin!r} {json.dumps(origin.value)}" for origin in origins(found)]
    return "".join([*shown, repr(found), str(found.settings), found.settings.model_dump_json(exclude={"devices"})])


def test_the_property_above_can_fail(tmp_path: Path) -> None:
    assert "s3cr3t" in everything_told(write(tmp_path, KIOSK), {"KIOSKD_HALL": "s3cr3t"})


def test_the_password_is_a_secret_in_its_layer_too(tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("hunter2")
    found = load_configuration(write(tmp_path, KIOSK), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert isinstance(found.secrets.values["mqtt"]["password"], SecretStr)

"""The unit, the account and the udev rules, as systemd's own tools read them, and as docs/install.md uses them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.run import CONFIGURATION_WRONG

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "systemd/kioskd.service"
RULES = ROOT / "systemd/99-kioskd.rules"
SYSUSERS = ROOT / "systemd/kioskd.sysusers"

EXPOSURE_TENTHS = 14
"""What `systemd-analyze security` may find at most: 1.4, where unrestricted services have 9.6."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def settings(section: str) -> dict[str, list[str]]:
    """The unit's settings as a list each: systemd lets most of them stand more than once."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            inside = line == f"[{section}]"
        elif inside and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    # verify wants to see the program: any will do
    unit = tmp_path / "kioskd.service"
    unit.write_text(UNIT.read_text().replace("/opt/kioskd/bin/kioskd", "/bin/true"))
    result = systemd_analyze("verify", "--man=no", str(unit))
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_stays_as_tight_as_it_is() -> None:
    result = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(UNIT))
    assert result.returncode == 0, result.stdout + result.stderr


@needs_systemd
def test_the_gate_of_the_sandbox_can_close(tmp_path: Path) -> None:
    unit = tmp_path / "kioskd.service"
    unit.write_text(UNIT.read_text().replace("PrivateUsers=yes\n", "").replace("UMask=0077\n", ""))
    result = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(unit))
    assert result.returncode != 0


def test_the_program_is_where_the_installation_puts_it() -> None:
    program = settings("Service")["ExecStart"][0].split()[0]
    environment = program.removesuffix("/bin/kioskd")
    for page in ("docs/install.md", "docs/install.zh-CN.md"):
        text = (ROOT / page).read_text()
        assert f"python3 -m venv {environment}\n" in text
        assert f"{environment}/bin/pip install" in text
        for file in (UNIT, RULES, SYSUSERS):
            assert f"{environment}/lib/kioskd/systemd/{file.name}" in text


def test_devices_are_allowed_by_number() -> None:
    # a name counts only if its driver is loaded before the unit starts
    allowed = settings("Service")["DeviceAllow"]
    assert all(re.fullmatch(r"char-\d+ rw", line) for line in allowed)
    assert {"char-188 rw", "char-166 rw", "char-13 rw"} <= set(allowed)


def test_a_wrong_configuration_is_not_started_for_ever() -> None:
    service = settings("Service")
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == [str(CONFIGURATION_WRONG)]


def test_the_account_is_in_the_groups_of_the_devices() -> None:
    lines = [line.split() for line in SYSUSERS.read_text().splitlines() if line and not line.startswith("#")]
    (user,) = settings("Service")["User"]
    assert {(line[0], line[1]) for line in lines} == {("u", user), ("m", user)}
    assert {line[2] for line in lines if line[0] == "m"} == {"dialout", "input", "lp"}


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed")
def test_systemd_makes_the_account(tmp_path: Path) -> None:
    configured = tmp_path / "etc/sysusers.d/kioskd.conf"
    configured.parent.mkdir(parents=True)
    shutil.copy(SYSUSERS, configured)
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True, timeout=60)
    group = {line.split(":")[0]: line.split(":")[3] for line in (tmp_path / "etc/group").read_text().splitlines()}
    assert {name for name, members in group.items() if members == "kioskd"} == {"dialout", "input", "lp"}
    assert re.search(
        r"^kioskd:.*:/var/lib/kioskd:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text(), re.MULTILINE
    )


MATCHES = ("ACTION", "SUBSYSTEM", "KERNEL", "SUBSYSTEMS", "DRIVERS")
RULE_TOKEN = re.compile(r'(?P<key>[A-Z]+)(?:\{[\w.]+\})?(?P<operator>==|!=|\+=|=)"(?P<value>[^"]*)"')


def rules() -> list[list[re.Match[str]]]:
    """The rules' tokens; fails on anything udev would not take for one. udevadm can check rules only from 254 on."""
    text = RULES.read_text().replace("\\\n", "")
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        tokens = [RULE_TOKEN.fullmatch(part.strip()) for part in line.split(",")]
        assert None not in tokens, line
        found.append([token for token in tokens if token is not None])
    return found


def test_every_udev_rule_is_one() -> None:
    for tokens in rules():
        for token in tokens:
            compares = token["operator"] in ("==", "!=")
            assert compares == (token["key"] in MATCHES), token[0]
    jumps = {
        token["key"]: token["value"] for tokens in rules() for token in tokens if token["key"] in ("GOTO", "LABEL")
    }
    assert jumps["GOTO"] == jumps["LABEL"]


def test_the_modem_manager_is_kept_off_every_kind_of_serial_adapter() -> None:
    kept_off = [tokens for tokens in rules() if tokens[-1][0] == 'ENV{ID_MM_PORT_IGNORE}="1"']
    kernels = {token["value"] for tokens in kept_off for token in tokens if token["key"] == "KERNEL"}
    assert kernels == {"ttyUSB[0-9]*", "ttyACM[0-9]*"}

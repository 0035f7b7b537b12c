"""docs/install.md, typed on a bare Debian 12 without internet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from daemon import __version__
from tests.harness import until
from tests.system.conftest import INSTALL_S, install
from tests.system.kiosk import CONFIGURATION, LIVES_ON, START_S, InstalledKiosk
from tests.system.page import commands

pytestmark = LIVES_ON

TOML = "/etc/kioskd/kioskd.toml"
PASSWORD = "/etc/credstore/kioskd.mqtt-password"  # noqa: S105 (a path)


@pytest.mark.essential
async def test_the_first_start_is_clean(kiosk: InstalledKiosk) -> None:
    assert await kiosk.property("ActiveState") == "active", await kiosk.run("journalctl --no-pager -o cat -u kioskd")
    assert await kiosk.property("UnitFileState") == "enabled"
    assert await kiosk.property("NRestarts") == "0"
    assert await kiosk.run("systemctl is-system-running") == "running"
    # nothing is wrong but that there is no broker yet
    warnings = (await kiosk.run("journalctl --no-pager -o cat -p warning -u kioskd")).splitlines()
    assert [line for line in warnings if "no connection to localhost:1883" not in line] == []
    status = await kiosk.run(commands("The service", 0))
    assert f"kioskd[{await kiosk.property('MainPID')}]" in status
    assert await kiosk.run("kioskd --version") == f"kioskd {__version__}"
    assert (await kiosk.run("stat -c '%A %U:%G' /etc/kioskd /var/lib/kioskd")).splitlines() == [
        "drwxr-x--- root:kioskd",
        "drwx------ kioskd:kioskd",
    ]


async def test_the_configuration_is_checked_and_taken_without_a_restart(kiosk: InstalledKiosk) -> None:
    await kiosk.configure()
    process = await kiosk.property("MainPID")
    text = await kiosk.run(f"cat {TOML}") + "\n"
    await kiosk.run(commands("Configuration", 0, written={TOML: text.replace("2号窗口", "二号窗口")}))
    reloaded = await kiosk.event("configuration.reloaded")
    assert reloaded["data"]["changed"] == ["counters"]
    assert await kiosk.property("MainPID") == process

    wrong = commands("Configuration", 0, written={TOML: text.replace("panel-2", "panel-3", 1)})
    code, said = await kiosk.machine.shell.attempt(wrong, 60)
    assert (code, "panel-3" in said) == (1, True)


async def test_a_wrong_configuration_is_said_and_not_started_for_ever(kiosk: InstalledKiosk) -> None:
    await kiosk.write(TOML, "hall = 7\n")
    assert (await kiosk.machine.shell.attempt("systemctl restart kioskd", 60))[0] != 0
    assert await kiosk.property("ActiveState") == "failed"
    assert await kiosk.property("ExecMainStatus") == "78"
    assert await kiosk.property("NRestarts") == "0"
    assert "hall" in await kiosk.run("journalctl --no-pager -o cat -p err -u kioskd -n 5")
    await kiosk.configure()


async def test_the_password_reaches_the_broker_and_nobody_else(kiosk: InstalledKiosk) -> None:
    passwords = kiosk.broker.directory / "passwords"
    make_passwords(passwords)
    before = kiosk.broker.config
    await other_broker(kiosk, f"{before}password_file {passwords}\n")
    try:
        await kiosk.write(TOML, kiosk.with_broker(CONFIGURATION.replace("[mqtt]", '[mqtt]\nusername = "k1"')))
        kiosk.heard_before = len(kiosk.listener.messages)
        await kiosk.run(commands("Configuration", 1, written={PASSWORD: "s3cret-of-k1\n"}))
        await kiosk.online()
        assert "u'k1'" in (kiosk.broker.directory / "mosquitto.log").read_text()
        for file in (PASSWORD, "/run/credentials/kioskd.service/mqtt-password"):
            await kiosk.run(f"grep -q s3cret {file}")
            assert (await kiosk.machine.shell.attempt(f"runuser -u nobody -- cat {file}", 20))[0] != 0
        assert "s3cret" not in await kiosk.run("journalctl --no-pager; systemctl show kioskd")
    finally:
        await kiosk.run(f"rm -f {PASSWORD}")
        await other_broker(kiosk, before)
        await kiosk.configure()


def make_passwords(file: Path) -> None:
    """The broker's list of one account."""
    subprocess.run(["mosquitto_passwd", "-c", "-b", file, "k1", "s3cret-of-k1"], check=True)


async def other_broker(kiosk: InstalledKiosk, configuration: str) -> None:
    """Restart the hall's broker. It keeps nothing, so the listener has to be there before the kiosk is."""
    await kiosk.run("systemctl stop kioskd")
    kiosk.broker.stop()
    kiosk.broker.config = configuration
    kiosk.broker.start()
    await until(lambda: kiosk.listener.subscribed, "the listener")


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("LONG_TESTS"), reason="long form: LONG_TESTS=1")
async def test_the_wheelhouse_is_put_in_place_by_hand(kiosk: InstalledKiosk, package: Path) -> None:
    await kiosk.run(commands("Removal", 1))
    await kiosk.run(f"cd /mnt\n{commands('Other distributions', 0)}", INSTALL_S)
    await kiosk.run(commands("Other distributions", 1), START_S)
    await kiosk.configure()
    await kiosk.run("systemctl disable --now kioskd; rm -r /opt/kioskd /etc/kioskd /var/lib/kioskd")
    await kiosk.run(
        "rm /etc/systemd/system/kioskd.service /etc/udev/rules.d/99-kioskd.rules /etc/sysusers.d/kioskd.conf"
    )
    await install(kiosk, package)
    await kiosk.configure()

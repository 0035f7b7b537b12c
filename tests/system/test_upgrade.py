"""From the previous package to this one, and off the machine again."""

from __future__ import annotations

from pathlib import Path

from daemon import __version__
from tests.system.conftest import PREVIOUS, install
from tests.system.kiosk import LIVES_ON, InstalledKiosk, unbroken
from tests.system.page import commands

pytestmark = LIVES_ON

NEXT = "0.2.0"
"""The version that the page names as the one to upgrade to."""

LEFT = "find / -xdev -name '*kioskd*' -not -path '/proc/*' -not -path '/var/log/*' -not -path '/mnt/*'"


async def test_an_upgrade_keeps_what_is_ours_and_a_purge_leaves_nothing(
    kiosk: InstalledKiosk, package: Path, previous: Path
) -> None:
    await kiosk.run(commands("Removal", 0))
    assert await kiosk.run("ls /etc/kioskd /var/lib/kioskd; ls -d /opt/kioskd || true") != ""
    assert (await kiosk.machine.shell.attempt("test -e /opt/kioskd || test -e /usr/bin/kioskd", 20))[0] == 1
    await kiosk.run(commands("Removal", 1))
    left = (await kiosk.run(LEFT)).split()
    assert left == [], left

    await install(kiosk, previous)
    await kiosk.configure()
    assert kiosk.status("status")["version"] == PREVIOUS
    before = (await kiosk.event("daemon.started", len(kiosk.events("daemon.started"))))["id"].rpartition("-")[0]
    written = await kiosk.run("cat /etc/kioskd/kioskd.toml")

    kiosk.heard_before = len(kiosk.listener.messages)
    await install(kiosk, package, title="Upgrade", written=NEXT)
    await kiosk.online()
    assert kiosk.status("status")["version"] == __version__
    assert await kiosk.run("cat /etc/kioskd/kioskd.toml") == written
    assert "previous version" not in await kiosk.run("cat /etc/kioskd/kioskd.toml.dpkg-dist")
    assert await kiosk.run("ls /opt/kioskd/lib/python3.11/site-packages/daemon/abandoned* || true") != "x"
    after = (await kiosk.event("daemon.started", len(kiosk.events("daemon.started"))))["id"].rpartition("-")[0]
    assert after == before, "the upgrade began a new database"
    assert unbroken(kiosk.listener)[after] > 2

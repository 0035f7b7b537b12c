"""From the previous package to this one, and off the machine again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    await kiosk.run("test -s /etc/kioskd/kioskd.toml && test -s /var/lib/kioskd/kioskd.db && test ! -e /opt/kioskd")
    await kiosk.run(commands("Removal", 1))
    left = (await kiosk.run(LEFT)).split()
    assert left == [], left

    await install(kiosk, previous)
    await kiosk.configure()
    assert kiosk.status("status")["version"] == PREVIOUS
    before = database(await kiosk.started())
    written = await kiosk.run("cat /etc/kioskd/kioskd.toml")

    kiosk.heard_before = len(kiosk.listener.messages)
    await install(kiosk, package, title="Upgrade", written=NEXT)
    await kiosk.online()
    assert kiosk.status("status")["version"] == __version__
    assert await kiosk.run("cat /etc/kioskd/kioskd.toml") == written
    assert "previous version" not in await kiosk.run("cat /etc/kioskd/kioskd.toml.dpkg-dist")
    assert await kiosk.run("find /opt/kioskd -name 'abandoned*'") == ""
    after = database(await kiosk.started())
    assert after == before, "the upgrade began a new database"
    assert unbroken(kiosk.listener)[after] > 2


def database(event: dict[str, Any]) -> str:
    """Which database an event is from."""
    return str(event["id"]).rpartition("-")[0]

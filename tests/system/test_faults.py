"""What a kiosk meets in its life: a killed process, a hanging one, a full disk, a clock without a battery."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from tests.harness import until
from tests.system.kiosk import (
    HALL,
    LIVES_ON,
    PANELS,
    PRINTER,
    PRINTER_LINK,
    START_S,
    Attached,
    InstalledKiosk,
    unbroken,
)

pytestmark = LIVES_ON

WATCHDOG_S = 30 + START_S
"""WatchdogSec of the unit, and a start."""


async def next_run(kiosk: InstalledKiosk, how: str, within_s: float = START_S) -> None:
    """Do something to the process that ends it; return when systemd has started another, and it is online."""
    process = await kiosk.property("MainPID")
    kiosk.heard_before = len(kiosk.listener.messages)
    await kiosk.run(how.replace("PID", process))
    await until(lambda: kiosk.status("status").get("state") == "online", "the next run", within_s)
    assert await kiosk.property("MainPID") != process


async def test_killed_it_is_started_again_with_its_devices(kiosk: InstalledKiosk, attached: Attached) -> None:
    kiosk.send("ticket/take", service="a", deadline_s=120)
    await next_run(kiosk, "kill -KILL PID")
    await kiosk.ready("printer-1", "panel-1", "panel-2")
    assert (await kiosk.started())["data"]["clean"] is False
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    unbroken(kiosk.listener)


async def test_hanging_it_is_started_again_by_the_watchdog(kiosk: InstalledKiosk) -> None:
    await kiosk.configure()
    await next_run(kiosk, "kill -STOP PID", WATCHDOG_S)
    assert "watchdog" in await kiosk.run("journalctl --no-pager -o cat -u kioskd -g watchdog -n 1")


GADGET = "/dev/serial/by-path/platform-dummy_hcd.0-usb-0:1:1.0-port0"
"""Linux's own USB serial gadget, plugged into the machine that it runs on. Whoever opens ttyGS0 is its far end."""

PLUG_GADGET = f"""\
modprobe -a dummy_hcd usbserial
modprobe g_serial use_acm=0
echo 0525 a4a6 >/sys/bus/usb-serial/drivers/generic/new_id
until test -e {GADGET}; do sleep 0.1; done"""

A_PEER = "(stty raw -echo; exec cat) </dev/ttyGS0 >/dev/null & echo $!"

A_LIFE_S = 50 * 365 * 86400

CLOSING_S = 30.0
"""So long Linux waits at most for a port to send what it holds before it is closed: as long as the watchdog waits."""

STOP_S = 10.0
PRESS_S = 10.0


async def test_a_port_that_takes_nothing_holds_nobody_up(kiosk: InstalledKiosk, attached: Attached) -> None:
    await kiosk.run(PLUG_GADGET)
    await kiosk.configure(HALL + PRINTER.replace(PRINTER_LINK, f"serial://{GADGET}") + PANELS)
    await is_absent(kiosk, "not-draining")
    loop = asyncio.get_running_loop()
    since_s = loop.time()
    await kiosk.run("systemctl stop kioskd")
    assert loop.time() - since_s < STOP_S
    assert await kiosk.property("Result") == "success"

    await kiosk.restart()
    process = await kiosk.property("MainPID")
    await is_absent(kiosk, "not-draining")
    since_s, presses = loop.time(), len(kiosk.events("rating.unsolicited"))
    while loop.time() < since_s + CLOSING_S:
        await kiosk.machine.press("3")
        presses += 1
        async with asyncio.timeout(PRESS_S):
            await kiosk.event("rating.unsolicited", presses)
        await asyncio.sleep(0.5)  # sooner it would be a bounce
    reader = await kiosk.run(A_PEER)
    await is_absent(kiosk, "no-answer")
    assert await kiosk.property("MainPID") == process
    await kiosk.run(f"systemctl stop kioskd; kill {reader}; rmmod g_serial dummy_hcd")
    unbroken(kiosk.listener)


async def is_absent(kiosk: InstalledKiosk, reason: str) -> None:
    """Return when the printer is absent for `reason`."""
    status = kiosk.status
    await until(lambda: status("device/printer-1").get("reasons") == [reason], reason, kiosk.patience_s)


async def test_a_full_disk_is_said_and_nothing_is_confirmed_meanwhile(
    kiosk: InstalledKiosk, attached: Attached
) -> None:
    await kiosk.run("systemctl stop kioskd; truncate -s 24M /var/small.img; mkfs.ext4 -q /var/small.img")
    await kiosk.run("mount /var/small.img /var/lib/kioskd; chown kioskd: /var/lib/kioskd")
    await kiosk.restart()
    await kiosk.ready("printer-1", "panel-1")
    printed = len(attached.numbers)
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    await kiosk.run("dd if=/dev/zero of=/var/lib/kioskd/filler bs=64k status=none; sync; true")
    await kiosk.machine.press("3")
    await until(lambda: kiosk.status("status").get("store") == "failing", "the fault")
    refused = await kiosk.ask("ticket/take", service="a")
    assert refused["status"] != "done"
    assert len(attached.numbers) == printed + 1
    assert kiosk.status("device/printer-1")["state"] == "ready"
    await kiosk.run("rm /var/lib/kioskd/filler")
    await until(lambda: kiosk.status("status").get("store") == "ok", "the end of it", kiosk.patience_s)
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    await kiosk.run("systemctl stop kioskd; umount /var/lib/kioskd; rm /var/small.img")
    await kiosk.configure()
    unbroken(kiosk.listener)


async def test_a_clock_in_1970_breaks_no_sequence(kiosk: InstalledKiosk, attached: Attached) -> None:
    await kiosk.run("systemctl stop kioskd; date -s '1970-01-02 00:00:00'")
    await kiosk.restart()
    await kiosk.ready("printer-1")
    taken = await kiosk.ask("ticket/take", service="a")
    assert taken["status"] == "done"
    issued = await kiosk.event("ticket.issued", ticket=taken["data"]["ticket"])
    assert datetime.fromisoformat(issued["time"]).year == 1970
    await kiosk.run(f"date -s @{int(datetime.now(UTC).timestamp())}")
    back, forth = await kiosk.event("clock.jumped", 1), await kiosk.event("clock.jumped", 2)
    assert back["data"]["by_s"] < -A_LIFE_S
    assert back["data"]["exact"], "kioskd was down then, and the machine was not"
    assert forth["data"]["by_s"] > A_LIFE_S
    assert (await kiosk.ask("ticket/next", counter="2"))["data"]["number"]
    unbroken(kiosk.listener)

"""A visit from ticket to rating, everything on one kiosk: broker, daemon, and the simulators as services."""

from __future__ import annotations

import pytest

from tests.conftest import Listener
from tests.system.kiosk import LIVES_ON, START_S, InstalledKiosk, unbroken
from tests.system.page import commands

pytestmark = LIVES_ON

SIMULATED = "/run/kioskd-simulators/kioskd"

CONFIGURATION = f"""\
hall = "demo"
kiosk = "k1"

[store]
path = "/var/lib/kioskd/visit.db"

[services.a]
name = "综合业务"
prefix = "A"
printer = "printer-1"

[counters.1]
name = "1号窗口"
services = ["a"]
display = "led-1"
panel = "panel-1"
phone = "phone-1"

[counters.2]
name = "2号窗口"
services = ["a"]
panel = "panel-2"

[devices.printer-1]
driver = "escpos"
link = "serial://{SIMULATED}-escpos"

[devices.led-1]
driver = "bx"
link = "serial://{SIMULATED}-bx"

[devices.panel-1]
driver = "keypad"
link = "evdev+unix://{SIMULATED}-keypad"

[devices.panel-2]
driver = "centerm"
link = "serial://{SIMULATED}-centerm"

[devices.phone-1]
driver = "modem"
link = "serial://{SIMULATED}-modem"
"""

BROKER = "listener 1883\\nallow_anonymous true\\n"


async def tell(kiosk: InstalledKiosk, kind: str, command: str) -> None:
    """Do something to a simulated device, as the page says."""
    await kiosk.run(f"echo {command} >/run/kioskd-simulators/{kind}.commands")


@pytest.mark.essential
async def test_a_visit_with_every_kind_of_device(kiosk: InstalledKiosk, own_broker_port: int) -> None:
    await kiosk.run(
        f"systemctl stop kioskd; printf '{BROKER}' >/etc/mosquitto/conf.d/hall.conf; systemctl start mosquitto"
    )
    await kiosk.run(commands("Simulated devices"))
    await kiosk.write("/etc/kioskd/kioskd.toml", CONFIGURATION)
    # a listener of its own: what this broker is told, the hall never hears
    listener = Listener("127.0.0.1", own_broker_port)
    hall, kiosk.listener, kiosk.heard_before = kiosk.listener, listener, 0
    try:
        await kiosk.run("systemctl restart kioskd", START_S)
        await kiosk.online()
        await kiosk.ready("printer-1", "led-1", "panel-1", "panel-2", "phone-1")
        await visit(kiosk)
        assert len(unbroken(listener)) == 1
    finally:
        listener.close()
        kiosk.listener = hall
        await kiosk.run("systemctl stop kioskd 'kioskd-simulator@*' mosquitto; rm -f /var/lib/kioskd/visit.db*")
        await kiosk.configure()


async def visit(kiosk: InstalledKiosk) -> None:
    """Two visitors: one rates on the keypad, one on the evaluator; the phone rings."""
    for counter, (kind, key, level) in {"1": ("keypad", 4, 4), "2": ("centerm", 1, 5)}.items():
        taken = await kiosk.ask("ticket/take", service="a")
        assert (taken["status"], taken["data"]["number"]) == ("done", f"A00{counter}")
        await kiosk.event("print.printed", int(counter))
        called = await kiosk.ask("ticket/next", counter=counter)
        assert called["data"]["number"] == f"A00{counter}"
        finished = await kiosk.ask("ticket/finish", counter=counter)
        await kiosk.event("rating.opened", int(counter))
        await tell(kiosk, kind, f"press {key}")
        rating = await kiosk.event("rating.submitted", session=finished["data"]["session"])
        assert (rating["data"]["level"], rating["data"]["ticket"]) == (level, taken["data"]["ticket"])
    await kiosk.event("display.shown", text="请A001到1号窗口", confirmed=True)
    await tell(kiosk, "modem", "ring 2")
    await kiosk.event("phone.ringing")
    await tell(kiosk, "escpos", "cover-open")
    assert (await kiosk.device_is("printer-1", "faulted"))["reasons"] == ["cover-open"]

"""Devices pulled out and plugged in again, on a real kernel with a real udev."""

from __future__ import annotations

import pytest

from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.harness import until
from tests.system.kiosk import (
    HALL,
    KEYPAD_LINK,
    LIVES_ON,
    PANELS,
    PRINTER,
    PRINTER_LINK,
    REPRINT,
    VOID,
    Attached,
    InstalledKiosk,
    unbroken,
)

pytestmark = LIVES_ON

BACK_S = 2.0
"""How long a device may take from its node to being ready again."""

NODES = {
    "printer-1": r"FTDI USB Serial Device converter now attached to ttyUSB\d",
    "panel-1": r"hid-generic .* USB HID .* Keyboard \[QEMU QEMU USB Keyboard\]",
    "panel-2": r"FTDI USB Serial Device converter now attached to ttyUSB\d",
}
"""What the kernel says when the device's node appears."""


async def replug(kiosk: InstalledKiosk, devices: Attached, name: str) -> None:
    """Pull the device, see that it is missed, plug it in again, and see that it is back in time."""
    await kiosk.machine.pull(name)
    assert (await kiosk.device_is(name, "absent"))["reasons"]
    await devices.plug(name)
    await kiosk.ready(name)
    assert await kiosk.seconds_to_ready(name, NODES[name]) < BACK_S


@pytest.mark.parametrize("name", NODES)
async def test_an_idle_device_is_pulled_and_comes_back(kiosk: InstalledKiosk, attached: Attached, name: str) -> None:
    await replug(kiosk, attached, name)


@pytest.mark.essential
async def test_a_keypad_pulled_with_a_key_held_leaves_no_stuck_key(kiosk: InstalledKiosk, attached: Attached) -> None:
    await kiosk.machine.key("3", down=True)
    await kiosk.event("rating.unsolicited", panel="panel-1", level=3)
    await replug(kiosk, attached, "panel-1")
    await kiosk.machine.press("2")
    await kiosk.event("rating.unsolicited", panel="panel-1", level=4)
    assert kiosk.status("device/panel-1")["reasons"] == []


async def test_a_panel_pulled_while_it_asks_asks_again(kiosk: InstalledKiosk, attached: Attached) -> None:
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="2")
    finished = await kiosk.ask("ticket/finish", counter="2")
    await until(lambda: attached.panel.state()["asking"], "the panel to ask")
    await kiosk.machine.pull("panel-2")
    await kiosk.device_is("panel-2", "absent")
    attached.command("panel-2", "restart")
    await attached.plug("panel-2")
    await until(lambda: attached.panel.state()["asking"], "the panel to ask again")
    attached.command("panel-2", "press 1")
    await kiosk.event("rating.submitted", session=finished["data"]["session"], level=5)


@pytest.mark.essential
async def test_a_printer_pulled_amid_a_ticket_and_without_paper(kiosk: InstalledKiosk, attached: Attached) -> None:
    pulled = kiosk.send("ticket/take", service="a", deadline_s=120)
    await until(lambda: attached.printer.received > 200, "the ticket on the wire")
    await kiosk.machine.pull("printer-1")
    await kiosk.device_is("printer-1", "absent")
    attached.command("printer-1", "paper-end")
    await attached.plug("printer-1")
    assert "paper-end" in (await kiosk.device_is("printer-1", "faulted"))["reasons"]
    attached.command("printer-1", "refill")
    await kiosk.ready("printer-1")
    number = (await kiosk.answer(pulled))["data"]["number"]
    # the half is made void, if it comes out at all; the whole one says that it is the second
    *halves, whole = (slip for slip in attached.slips if number in slip)
    assert REPRINT in whole
    assert VOID not in whole
    assert all(VOID in half for half in halves)


@pytest.mark.parametrize("link", ["", "file:///dev/usb/lp0"], ids=["usb", "usblp"])
async def test_a_usb_printer_is_pulled_and_comes_back(kiosk: InstalledKiosk, link: str) -> None:
    """By libusb, which takes the printer from the kernel's own driver, and through that driver."""
    printer, endpoint = EscposPrinterSimulator(), UsbIpEndpoint(port=0)
    async with Stage(printer, endpoint) as stage:
        await kiosk.attach(stage)
        await kiosk.configure(HALL + PRINTER.replace(PRINTER_LINK, link or endpoint.url) + PANELS)
        await kiosk.ready("printer-1")
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        stage.command("paper-end")
        assert "paper-end" in (await kiosk.device_is("printer-1", "faulted"))["reasons"]
        stage.pull()
        await kiosk.device_is("printer-1", "absent")
        stage.command("refill")
        stage.restore()
        await kiosk.attach(stage)
        await kiosk.ready("printer-1")
        assert await kiosk.seconds_to_ready("printer-1", r"usblp.*: USB Bidirectional printer dev") < BACK_S
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        assert len([slip for slip in printer.paper.slips if slip.cut]) == 2
    unbroken(kiosk.listener)


async def test_a_keypad_made_by_uinput_is_pulled_and_comes_back(kiosk: InstalledKiosk) -> None:
    plug = """modprobe uinput; mkfifo -m 600 /run/keypad; exec 3<>/run/keypad
        nohup kioskd simulate keypad --uinput <&3 >/run/keypad.log 2>&1 & echo $! >/run/keypad.pid
        until grep -o 'evdev://[^"]*' /run/keypad.log; do sleep 0.1; done"""
    pull = "kill $(cat /run/keypad.pid); rm /run/keypad"
    link = await kiosk.run(plug)
    await kiosk.configure(HALL + PRINTER + PANELS.replace(KEYPAD_LINK, link))
    await kiosk.ready("panel-1")
    pressed = len(kiosk.events("rating.unsolicited"))
    await kiosk.run("echo press KEY_1 >/run/keypad")
    await kiosk.event("rating.unsolicited", pressed + 1)
    assert kiosk.events("rating.unsolicited")[-1]["data"]["level"] == 5
    await kiosk.run(pull)
    await kiosk.device_is("panel-1", "absent")
    assert await kiosk.run(plug) == link
    await kiosk.ready("panel-1")
    assert await kiosk.seconds_to_ready("panel-1", r"input: kioskd simulated keypad as") < BACK_S
    await kiosk.run(pull)

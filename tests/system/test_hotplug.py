"""Devices pulled out and plugged in again, on a real kernel with a real udev."""

from __future__ import annotations

import pytest

from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.harness import until
from tests.system.kiosk import CONFIGURATION, LIVES_ON, REPRINT, VOID, Attached, InstalledKiosk, unbroken
from tests.system.machine import HOST

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


USB_CONFIGURATION = CONFIGURATION.replace(
    'link = "serial:///dev/serial/by-path/pci-0000:00:10.0-usb-0:1:1.0-port0?baud=115200"', 'link = "LINK"'
)


async def test_a_usb_printer_is_pulled_and_comes_back(kiosk: InstalledKiosk) -> None:
    printer, endpoint = EscposPrinterSimulator(), UsbIpEndpoint(port=0)
    await kiosk.run("modprobe -a vhci-hcd usblp")
    async with Stage(printer, endpoint) as stage:
        attach = f"usbip --tcp-port {endpoint.port} attach -r {HOST} -b 1-1"
        await kiosk.run(attach)
        await kiosk.configure(USB_CONFIGURATION.replace("LINK", endpoint.url))
        await kiosk.ready("printer-1")
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        stage.pull()
        await kiosk.device_is("printer-1", "absent")
        stage.restore()
        await kiosk.run(attach)
        await kiosk.ready("printer-1")
        assert await kiosk.seconds_to_ready("printer-1", r"usblp.*: USB Bidirectional printer dev") < BACK_S
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        assert len([slip for slip in printer.paper.slips if slip.cut]) == 2
    unbroken(kiosk.listener)

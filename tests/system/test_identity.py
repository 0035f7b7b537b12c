"""Which device is which: by where it is plugged in, or by its serial number, whatever its node is called this time."""

from __future__ import annotations

from contextlib import AsyncExitStack

from simulators.escpos_printer import EscposPrinterSimulator
from simulators.keypad import KeypadSimulator
from simulators.stage import Stage
from simulators.usbip_endpoint import UsbIpEndpoint
from tests.harness import until
from tests.system.kiosk import (
    CONFIGURATION,
    HALL,
    LIVES_ON,
    PANELS,
    PRINTER,
    PRINTER_LINK,
    Attached,
    InstalledKiosk,
    unbroken,
)

pytestmark = LIVES_ON

VHCI = "platform-vhci_hcd.0-usb-0"
"""The hub of devices that come over USB/IP: the first that is attached is at its port 1."""

KEYPADS = "".join(
    f"""
[devices.panel-{port}]
driver = "keypad"
link = "evdev:///dev/input/by-path/{VHCI}:{port}:1.0-event-kbd"
stuck_s = 2
"""
    for port in (1, 2)
)


async def test_two_equal_keypads_that_swap_places_leave_the_counters_in_theirs(kiosk: InstalledKiosk) -> None:
    await kiosk.configure(HALL + PRINTER + KEYPADS)
    heard = len(kiosk.events("rating.unsolicited"))
    async with AsyncExitStack() as stages:
        keypads = [
            await stages.enter_async_context(Stage(KeypadSimulator(), UsbIpEndpoint(port=0, serial="EQUAL")))
            for _ in range(2)
        ]
        for keypad in keypads:
            await kiosk.attach(keypad)
        await kiosk.ready("panel-1", "panel-2")
        await press(kiosk, keypads[0], "KEY_1")
        await press(kiosk, keypads[1], "KEY_2")
        for keypad in keypads:
            keypad.pull()
        for panel in ("panel-1", "panel-2"):
            await kiosk.device_is(panel, "absent")
        for keypad in reversed(keypads):
            keypad.restore()
            await kiosk.attach(keypad)
        await kiosk.ready("panel-1", "panel-2")
        await press(kiosk, keypads[0], "KEY_4")
        await press(kiosk, keypads[1], "KEY_5")
    pressed = [event["data"] for event in kiosk.events("rating.unsolicited")[heard:]]
    assert [(press["counter"], press["panel"], press["level"]) for press in pressed] == [
        ("1", "panel-1", 5),
        ("2", "panel-2", 4),
        ("2", "panel-2", 2),
        ("1", "panel-1", 1),
    ]
    unbroken(kiosk.listener)


async def press(kiosk: InstalledKiosk, keypad: Stage, key: str) -> None:
    """Press a key, and return when that is heard."""
    heard = len(kiosk.events("rating.unsolicited"))
    keypad.command(f"press {key}")
    await until(lambda: len(kiosk.events("rating.unsolicited")) > heard, "the press", kiosk.patience_s)


async def test_a_key_still_held_when_its_keypad_comes_back_is_no_press(kiosk: InstalledKiosk) -> None:
    await kiosk.configure(HALL + PRINTER + KEYPADS)
    heard = len(kiosk.events("rating.unsolicited"))
    async with Stage(KeypadSimulator(), UsbIpEndpoint(port=0)) as keypad:
        await kiosk.attach(keypad)
        await kiosk.ready("panel-1")
        keypad.command("stuck KEY_1")
        await kiosk.device_is("panel-1", "degraded")
        keypad.pull()
        await kiosk.device_is("panel-1", "absent")
        keypad.restore()
        await kiosk.attach(keypad)
        # Linux drops what a keyboard says in the first 50 ms after it is opened (usbhid_open in usbhid/hid-core.c)
        assert (await kiosk.device_is("panel-1", "ready"))["reasons"] == []
        keypad.command("release")
        await press(kiosk, keypad, "KEY_3")
    assert [event["data"]["level"] for event in kiosk.events("rating.unsolicited")[heard:]] == [5, 3]


async def test_a_printer_at_another_node_is_the_same_printer(kiosk: InstalledKiosk, attached: Attached) -> None:
    async def node() -> str:
        return await kiosk.run("readlink -f /dev/serial/by-path/*usb-0:1:1.0-port0")

    before = await node()
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    for name in ("printer-1", "panel-2"):
        await kiosk.machine.pull(name)
        await kiosk.device_is(name, "absent")
    await attached.plug("panel-2")
    await kiosk.ready("panel-2")
    await attached.plug("printer-1")
    await kiosk.ready("printer-1")
    assert await node() != before
    printed = len(attached.numbers)
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    await until(lambda: len(attached.numbers) == printed + 1, "the ticket", kiosk.patience_s)


async def test_a_usb_printer_at_another_port_is_found_by_its_serial_number(kiosk: InstalledKiosk) -> None:
    printer, endpoint = EscposPrinterSimulator(), UsbIpEndpoint(port=0)

    async def port() -> str:
        return await kiosk.run(f"grep -lx {endpoint.serial} /sys/bus/usb/devices/*/serial")

    async with (
        Stage(printer, endpoint) as stage,
        Stage(KeypadSimulator(), UsbIpEndpoint(port=0)) as keypad,
    ):
        await kiosk.attach(stage)
        await kiosk.configure(HALL + PRINTER.replace(PRINTER_LINK, endpoint.url) + PANELS)
        await kiosk.ready("printer-1")
        before = await port()
        stage.pull()
        await kiosk.device_is("printer-1", "absent")
        await kiosk.attach(keypad)
        stage.restore()
        await kiosk.attach(stage)
        await kiosk.ready("printer-1")
        assert await port() != before
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        assert len([slip for slip in printer.paper.slips if slip.cut]) == 1
    await kiosk.configure(CONFIGURATION)

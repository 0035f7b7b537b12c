"""`kioskd doctor` and devices: each fault is planted, found, and gone once the remedy was typed."""

from __future__ import annotations

import os
import random
import re
import stat
import sys
import termios
from pathlib import Path
from typing import Any, ClassVar

import pytest

from daemon.doctor.finding import Level
from daemon.doctor.nodes import DROP_IN, sandbox_allows
from simulators.bx_display import BxDisplaySimulator
from simulators.device import Simulator, Wire
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from tests.doctor_rig import NOBODY, Patient, another_program, is_root, needs_root_reason, type_in

needs_root = pytest.mark.skipif(not is_root, reason=needs_root_reason)

DIALOUT, NOBODY_GID = 20, 65534

PRINTER = '[devices.printer-1]\ndriver = "escpos"\nlink = "{link}"\nanswer_s = 0.2\n'
BOARD = '[devices.led-1]\ndriver = "bx"\nlink = "{link}"\nanswer_s = 0.1\n'
PHONE = '[devices.phone-1]\ndriver = "modem"\nlink = "{link}"\nanswer_timeout_s = 0.2\n'


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def open_up(directory: Path) -> None:
    """Let every account pass through the test's folders, as through /dev."""
    for folder in (directory, *directory.parents[:-1]):
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o011)


# what keeps a node closed


@needs_root
async def test_a_node_of_a_group_that_the_service_is_not_in(patient: Patient) -> None:
    open_up(patient.directory)
    patient.install_unit(User=NOBODY)
    os.chown(patient.store, NOBODY_GID, NOBODY_GID)
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")) as stage:
        node = (patient.directory / "tty").resolve()
        os.chown(node, 0, DIALOUT)
        node.chmod(0o660)
        patient.configure(PRINTER.format(link=stage.endpoint.url))
        faults = await patient.faults()
        assert "wrong-group" in faults
        assert faults["wrong-group"].commands == ("usermod -aG dialout nobody", "systemctl restart kioskd")
        assert faults["wrong-group"].what.en == f"{node} belongs to group dialout, and nobody is not in it"
        # as usermod does for every service of this user, here for the one unit
        (patient.units / "kioskd.service").write_text(
            (patient.units / "kioskd.service")
            .read_text()
            .replace("[Service]", "[Service]\nSupplementaryGroups=dialout")
        )
        assert "wrong-group" not in await patient.faults()


@needs_root
async def test_a_node_without_a_udev_rule(patient: Patient) -> None:
    open_up(patient.directory)
    patient.install_unit(User=NOBODY, DevicePolicy="auto", DeviceAllow="")
    os.chown(patient.store, NOBODY_GID, NOBODY_GID)
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")) as stage:
        node = (patient.directory / "tty").resolve()
        os.chown(node, 0, 0)
        node.chmod(0o600)
        patient.configure(PRINTER.format(link=stage.endpoint.url))
        (fault,) = (await patient.faults()).values()
        assert fault.code == "no-udev-rule"
        assert fault.what.en == f"{node} is open to root:root only (0600): a udev rule is missing"
        assert 'SUBSYSTEM=="tty", KERNEL=="[0-9]*", GROUP="dialout", MODE="0660"' in fault.commands[0]
        assert fault.commands[1] == "udevadm control --reload"
        os.chown(node, 0, NOBODY_GID)  # as the rule would for a group of the service
        node.chmod(0o660)
        assert await patient.faults() == {}


@needs_root
async def test_a_keypad_s_node_without_permission(patient: Patient) -> None:
    open_up(patient.directory)
    patient.install_unit(User=NOBODY)
    os.chown(patient.store, NOBODY_GID, NOBODY_GID)
    node = patient.directory / "event3"
    os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(13, 67))
    patient.link("dev/char/13:67/subsystem", "class/input")
    patient.configure(f'[devices.panel-1]\ndriver = "keypad"\nlink = "evdev://{node}"\n')
    (fault,) = (await patient.faults()).values()
    assert fault.code == "no-udev-rule"
    assert 'SUBSYSTEM=="input", KERNEL=="event[0-9]*", GROUP="input"' in fault.commands[0]


async def test_a_missing_node_and_what_is_there_instead(patient: Patient) -> None:
    folder = patient.directory / "by-path"
    folder.mkdir()
    (folder / "pci-0-usb-0:2:1.0-port0").symlink_to("/dev/null")
    patient.configure(PRINTER.format(link=f"serial://{folder}/pci-0-usb-0:1:1.0-port0"))
    (fault,) = (await patient.faults()).values()
    assert fault.code == "not-present"
    assert fault.remedy is not None
    assert "pci-0-usb-0:2:1.0-port0" in fault.remedy.en


async def test_a_path_that_is_no_device(patient: Patient) -> None:
    patient.configure(PRINTER.format(link=f"serial://{patient.configuration}"))
    assert list(await patient.faults()) == ["wrong-device"]


async def test_a_class_of_devices_that_the_sandbox_keeps_closed(patient: Patient) -> None:
    """The shipped unit allows no ptys: char-136."""
    patient.install_unit(User="root")
    drop_ins = patient.units / "kioskd.service.d"
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")) as stage:
        patient.configure(PRINTER.format(link=stage.endpoint.url))
        fault = (await patient.faults())["sandbox"]
        assert "DeviceAllow=char-136 rw" in fault.commands[1]
        type_in(fault.commands, **{str(Path(DROP_IN).parent): str(drop_ins)})
        assert await patient.faults() == {}


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        (["DevicePolicy=closed", "DeviceAllow=char-136 rw"], True),
        (["DevicePolicy=closed", "DeviceAllow=char-pts rw"], True),
        (["DevicePolicy=closed", "DeviceAllow=char-* rw"], True),
        (["DevicePolicy=closed", "DeviceAllow=char-136 r"], False),
        (["DevicePolicy=closed", "DeviceAllow=char-136 rw", "DeviceAllow="], False),
        (["DevicePolicy=closed", "DeviceAllow=block-136 rw"], False),
        (["DevicePolicy=closed", "DeviceAllow=char-188 rw"], False),
        (["DevicePolicy=closed"], False),
        (["DeviceAllow=char-188 rw"], False),
        (["PrivateDevices=yes"], False),
        ([], True),
    ],
)
async def test_what_a_sandbox_allows(patient: Patient, lines: list[str], allowed: bool) -> None:
    (patient.units / "kioskd.service").write_text("\n".join(["[Service]", *lines]))
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")):
        assert sandbox_allows((patient.directory / "tty").resolve(), patient.machine) is allowed


# who else has it


@pytest.mark.parametrize("lock", ["", "fcntl.flock(port, fcntl.LOCK_EX)"], ids=["open", "locked"])
async def test_a_port_that_another_program_has(patient: Patient, lock: str) -> None:
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")) as stage:
        patient.configure(PRINTER.format(link=stage.endpoint.url))
        take = f"import fcntl\nport = open(sys.argv[1], 'rb', 0)\n{lock}"
        with another_program(take, str(patient.directory / "tty")) as program:
            fault = (await patient.faults())["busy"]
            assert f"({program.pid})" in fault.what.en
            assert "python" in fault.what.en
            type_in(fault.commands)
            program.wait(10)
        assert await patient.faults() == {}


async def test_two_devices_on_one_node(patient: Patient) -> None:
    async with Stage(EscposPrinterSimulator(), PtyEndpoint(patient.directory / "tty")) as stage:
        (patient.directory / "other").symlink_to(patient.directory / "tty")
        link = f"serial://{patient.directory}/other"
        patient.configure(PRINTER.format(link=stage.endpoint.url) + PHONE.format(link=link))
        fault = (await patient.faults("printer-1"))["same-node"]
        assert fault.subject.en == "device phone-1"
        assert "device printer-1" in fault.what.en


async def test_a_usb_printer_and_who_holds_it(patient: Patient) -> None:
    patient.usb_printer(driver="usblp")
    patient.configure(PRINTER.format(link="usb://0416:5011?serial=A1"))
    findings = {finding.code: finding for finding in await patient.examine()}
    assert findings["kernel-driver"].level is Level.NOTE
    assert findings["kernel-driver"].commands[1] == "modprobe -r usblp"
    assert findings["not-present"].what.en == "there is no /dev/bus/usb/001/005"  # sysfs of a test, /dev of the machine


async def test_a_usb_printer_that_is_not_there(patient: Patient) -> None:
    patient.usb_printer(serial="B2")
    patient.configure(PRINTER.format(link="usb://0416:5011?serial=A1"))
    fault = (await patient.faults())["not-present"]
    assert fault.remedy is not None
    assert "0416:5011 (1-1)" in fault.remedy.en


@pytest.mark.parametrize(("module", "package"), [("usb", "pyusb"), ("libusb_package", "libusb-package")])
async def test_a_package_that_is_missing(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    for name in ("usb", "libusb_package"):
        monkeypatch.setitem(sys.modules, name, None if name == module else pytest)
    patient.usb_printer()
    patient.configure(PRINTER.format(link="usb://0416:5011"))
    fault = (await patient.faults())["no-pyusb"]
    assert fault.commands == (f"/opt/kioskd/bin/pip install {package}",)


async def test_no_evdev(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    patient.configure(f'[devices.panel-1]\ndriver = "keypad"\nlink = "evdev://{patient.directory}/event3"\n')
    assert {"no-evdev", "not-present"} <= set(await patient.faults())


# what the device says


class AtBaud:
    """A UART between a simulator and its pty: what is sent at another rate arrives as other bytes, both ways."""

    KIND: ClassVar[str] = "uart"
    DOES_NOT_IMITATE: ClassVar[str] = "which bytes a real UART makes of them"

    def __init__(self, inner: Simulator, node: Path, speed: int) -> None:
        self._inner = inner
        self._node = node
        self._speed = speed
        self._noise = random.Random(7)
        self.changed = lambda: None

    def _carried(self, data: bytes) -> bytes:
        descriptor = os.open(self._node, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            speed = termios.tcgetattr(descriptor)[4]
        finally:
            os.close(descriptor)
        return data if speed == self._speed else bytes(self._noise.choice(b"\x80\xf8\xfe\x9e\xe6") for _ in data)

    def attach(self, wire: Wire) -> None:
        self._wire = wire
        self._inner.attach(self)

    def send(self, data: bytes) -> None:
        self._wire.send(self._carried(data))

    def receive(self, data: bytes) -> None:
        self._inner.receive(self._carried(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    ("table", "simulator"),
    [
        (PRINTER, lambda: EscposPrinterSimulator(mm_per_s=None)),
        (BOARD, lambda: BxDisplaySimulator(reply_s=0.001, boot_s=0)),
        (PHONE, lambda: ModemPhoneSimulator(answer_s=0.001)),
    ],
    ids=["printer", "board", "modem"],
)
async def test_a_wrong_baud_rate(patient: Patient, table: str, simulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor.talk.RATES", (9600, 19_200, 57_600))
    path = patient.directory / "tty"
    async with Stage(AtBaud(simulator(), path, termios.B19200), PtyEndpoint(path)):
        patient.configure(table.format(link=f"serial://{path}?baud=9600"))
        (fault,) = (await patient.faults()).values()
        assert fault.code in ("garbled", "no-answer")
        (again,) = fault.commands
        assert again.startswith("kioskd doctor --rates ")
        (fault,) = (await patient.faults(again.split()[-1], rates=True)).values()
        assert fault.code == "wrong-baud"
        assert fault.remedy is not None
        assert f"serial://{path}?baud=19200" in fault.remedy.en
        patient.configure(table.format(link=f"serial://{path}?baud=19200"))
        assert await patient.faults() == {}


async def test_a_wrong_address(patient: Patient) -> None:
    async with Stage(BxDisplaySimulator(address=7, reply_s=0.001, boot_s=0), TcpEndpoint()) as stage:
        patient.configure(BOARD.format(link=stage.endpoint.url))
        (fault,) = (await patient.faults()).values()
        assert fault.code == "wrong-address"
        assert fault.remedy is not None
        (address,) = re.findall(r"write address = (\d+)", fault.remedy.en)
        patient.configure(BOARD.format(link=stage.endpoint.url) + f"address = {address}\n")
        assert await patient.faults() == {}


async def test_a_printer_without_paper(patient: Patient) -> None:
    printer = EscposPrinterSimulator(mm_per_s=None)
    async with Stage(printer, TcpEndpoint()) as stage:
        stage.command("paper-end")
        patient.configure(PRINTER.format(link=stage.endpoint.url))
        fault = (await patient.faults())["paper-end"]
        assert fault.remedy is not None
        assert fault.remedy.zh == "换纸并合上盖"


async def test_a_device_that_is_off(patient: Patient) -> None:
    async with Stage(BxDisplaySimulator(), TcpEndpoint()) as stage:
        stage.command("deaf")
        patient.configure(BOARD.format(link=stage.endpoint.url))
        assert list(await patient.faults()) == ["no-answer"]
        stage.pull()
        assert list(await patient.faults()) == ["refused"]


async def test_all_is_well(patient: Patient) -> None:
    async with (
        Stage(EscposPrinterSimulator(mm_per_s=None), PtyEndpoint(patient.directory / "printer")) as printer,
        Stage(BxDisplaySimulator(reply_s=0.001, boot_s=0), TcpEndpoint()) as board,
        Stage(ModemPhoneSimulator(answer_s=0.001), PtyEndpoint(patient.directory / "phone")) as phone,
    ):
        links = [stage.endpoint.url for stage in (printer, board, phone)]
        tables = zip((PRINTER, BOARD, PHONE), links, strict=True)
        patient.configure("".join(table.format(link=link) for table, link in tables))
        assert await patient.faults() == {}
        well = [finding.subject.en for finding in await patient.examine() if finding.code == "answers"]
        assert well == ["device printer-1", "device led-1", "device phone-1"]
        assert [slip["items"] for slip in printer.simulator.state()["slips"]] == [[]]  # nothing came out

"""`kioskd scan`: what it finds in sysfs as the kernel lays it out, and what it asks over real lines, and what not."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon import scan
from daemon.attached import key_codes, keypads, serial_ports, usb_printers
from daemon.doctor.processes import node_holders
from daemon.settings import load_settings
from simulators.bx_display import BxDisplaySimulator
from simulators.centerm_panel import CentermPanelSimulator
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from tests.doctor_rig import PROJECT, Patient, another_program


@pytest.fixture
def tree(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


async def cli(*words: str, language: str = "en") -> tuple[int, str, str]:
    """``kioskd scan`` as a process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon", "--language", language, "scan", *words),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def ask(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """What a scan says of what was named, and nothing of this machine's own ports."""
    code, out, _ = await cli("--json", *words)
    return code, [one for one in json.loads(out) if not one["link"].startswith("serial:///dev/")]


# what is listed


def test_serial_ports_by_their_socket(tree: Patient) -> None:
    dev = tree.directory / "dev"
    for name, place in (("ttyUSB0", "1-2"), ("ttyUSB1", "1-3")):
        for key, value in {
            "idVendor": "1a86",
            "idProduct": "7523",
            "manufacturer": "QinHeng",
            "product": "CH340",
        }.items():
            tree.attribute(f"devices/usb1/{place}/{key}", value)
        tree.attribute(f"devices/usb1/{place}/{place}:1.0/{name}/port_number", "0")
        tree.link(f"class/tty/{name}/device", f"devices/usb1/{place}/{place}:1.0/{name}")
        tree.link(f"devices/usb1/{place}/{place}:1.0/{name}/driver", "bus/usb-serial/drivers/ch341-uart")
        node = dev / name
        node.parent.mkdir(exist_ok=True)
        node.touch()
        for form in ("usb", "usbv2"):
            link = dev / f"serial/by-path/pci-0-{form}-0:{place[-1]}:1.0-port0"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(node)
    tree.attribute("class/tty/ttyS0/type", "4")
    tree.link("class/tty/ttyS0/device", "devices/pnp0/00:01")
    tree.attribute("class/tty/ttyS1/type", "0")  # a number without a UART
    tree.link("class/tty/ttyS1/device", "devices/platform/serial8250")
    tree.attribute("class/tty/tty1/active", "x")  # a console
    first, second, built_in = serial_ports(tree.sysfs, dev)
    assert first.path == dev / "serial/by-path/pci-0-usb-0:2:1.0-port0"
    assert second.path == dev / "serial/by-path/pci-0-usb-0:3:1.0-port0"
    assert first.usb is not None
    assert (first.usb.vendor, first.usb.product, first.usb.name) == ("1a86", "7523", "QinHeng CH340")
    assert first.driver == "ch341-uart"
    assert (built_in.node, built_in.usb) == (dev / "ttyS0", None)


def test_usb_printers(tree: Patient) -> None:
    tree.usb_printer("1-2", driver="usblp", number=12)
    tree.usb_printer("1-1.4", serial="")
    tree.attribute("devices/pci/usb1/1-9/idVendor", "046d")
    tree.attribute("devices/pci/usb1/1-9/1-9:1.0/bInterfaceClass", "03")
    tree.link("bus/usb/devices/1-9:1.0", "devices/pci/usb1/1-9/1-9:1.0")
    without, with_serial = usb_printers(tree.sysfs)
    assert (with_serial.usb.place, with_serial.usb.serial, with_serial.driver) == ("1-2", "A1", "usblp")
    assert with_serial.node == Path("/dev/bus/usb/001/012")
    assert (without.usb.place, without.usb.serial, without.driver) == ("1-1.4", "", "")


KEYPAD_KEYS = frozenset({69, 98, 55, 74, 78, 96, 83, 14, 71, 72, 73, 75, 76, 77, 79, 80, 81, 82})


def bitmap(codes: frozenset[int]) -> str:
    """As input_bits_to_string of the kernel prints it."""
    value = sum(1 << code for code in codes)
    words = []
    while value:
        words.append(f"{value & (1 << 64) - 1:x}")
        value >>= 64
    return " ".join(reversed(words))


def test_keypads_and_what_is_none(tree: Patient) -> None:
    devices = {
        "event0": ("Power Button", frozenset({116})),
        "event1": ("SEM USB Keypad", KEYPAD_KEYS),
        "event2": ("Dell Keyboard", frozenset(range(1, 84)) | {96}),
        "event3": ("Mouse", frozenset({272, 273, 274})),
    }
    for name, (title, codes) in devices.items():
        tree.attribute(f"class/input/{name}/device/name", title)
        tree.attribute(f"class/input/{name}/device/capabilities/key", bitmap(codes))
    found = {keypad.name: keypad.keyboard for keypad in keypads(tree.sysfs, tree.directory / "dev")}
    assert found == {"SEM USB Keypad": False, "Dell Keyboard": True}


@pytest.mark.parametrize(("text", "codes"), [("", set()), ("0", set()), ("zz", set()), ("1 0", {64}), ("c", {2, 3})])
def test_bitmaps_of_sysfs(text: str, codes: set[int]) -> None:
    assert key_codes(text) == codes


def test_a_device_s_own_name_cannot_write_configuration(tree: Patient) -> None:
    tree.usb_printer()
    (tree.sysfs / "devices/pci/usb1/1-1/product").write_text('POS\n[devices.x]\ndriver = "bx"\n\x1b[2J')
    (printer,) = usb_printers(tree.sysfs)
    lines = list(scan.stanzas([scan._of_usb(printer)], "en"))
    assert lines[1].startswith("# STM POS")
    assert [line for line in lines if not line.startswith("#")] == [
        "",
        "[devices.printer-1]",
        'driver = "escpos"',
        'link = "usb://0416:5011?serial=A1"',
    ]


# what is asked


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "RATES", (9600,))


async def test_without_probe_nothing_is_written(tmp_path: Path) -> None:
    heard: list[bytes] = []
    simulator = EscposPrinterSimulator()
    async with Stage(simulator, TcpEndpoint()) as stage:
        receive = stage.line.receive

        def listen(data: bytes) -> None:
            heard.append(data)
            receive(data)

        stage.line.receive = listen  # type: ignore[method-assign]
        host_port = stage.endpoint.url.removeprefix("tcp://")
        code, found = await ask("--tcp", host_port)
        assert (code, heard) == (0, [])
        assert [(one["link"], one["driver"], one["asked"]) for one in found] == [(f"tcp://{host_port}", None, False)]
        code, found = await ask("--tcp", host_port, "--probe", str(tmp_path / "no-port"))
        assert heard != []


@pytest.mark.parametrize(
    ("simulator", "driver"),
    [
        (lambda: EscposPrinterSimulator(mm_per_s=None), "escpos"),
        (lambda: BxDisplaySimulator(address=3, reply_s=0.001, boot_s=0), "bx"),
        (lambda: ModemPhoneSimulator(answer_s=0.001), "modem"),
    ],
)
async def test_whoever_answers_is_recognised_and_its_stanza_works(tmp_path: Path, simulator: Any, driver: str) -> None:
    device = simulator()
    async with Stage(device, PtyEndpoint(tmp_path / "tty")):
        code, out, _ = await cli("--probe", str(tmp_path / "tty"))
        assert code == 0
        stanza = "\n[devices." + out.split("\n[devices.")[-1]
        configuration = tmp_path / "kioskd.toml"
        configuration.write_text(f'hall = "h"\nkiosk = "k"\n{stanza}')
        (found,) = load_settings(configuration, {}).devices.values()
        assert found.driver == driver
        assert str(found.link) == f"serial://{tmp_path}/tty?baud=9600"
        if driver == "escpos":
            assert [slip["items"] for slip in device.state()["slips"]] in ([], [[]]), "nothing is printed"
        if driver == "bx":
            assert device.state()["areas"] == [], "nothing is shown"


async def test_a_printer_says_what_it_is(tmp_path: Path) -> None:
    async with Stage(EscposPrinterSimulator(mm_per_s=None), PtyEndpoint(tmp_path / "tty")):
        _, (found,) = await ask("--probe", str(tmp_path / "tty"))
    assert found["name"] != ""


async def test_who_never_answers_stays_unknown(tmp_path: Path, quick: None) -> None:
    async with Stage(CentermPanelSimulator(), PtyEndpoint(tmp_path / "tty")):
        (found,) = [one for one in await scan.scan([], [str(tmp_path / "tty")], lambda _: None) if one.asked]
    assert (found.driver, found.trouble) == (None, "")
    lines = list(scan.stanzas([found], "en"))
    assert "# it was asked and did not answer; one of: escpos, bx, centerm, modem" in lines
    assert all(line.startswith("#") for line in lines if line)


async def test_a_port_in_use_is_left_alone(tmp_path: Path) -> None:
    async with Stage(BxDisplaySimulator(), PtyEndpoint(tmp_path / "tty")):
        with another_program("port = open(sys.argv[1], 'rb', 0)", str(tmp_path / "tty")) as program:
            code, (found,) = await ask("--probe", str(tmp_path / "tty"))
            assert [holder.pid for holder in node_holders(tmp_path / "tty")] == [program.pid]
        assert code == 1
        assert found["trouble"].endswith(f"({program.pid})")
        assert not found["asked"]


# the network


async def test_port_9100_that_is_no_printer(until: Any) -> None:
    """Port 9100 is node_exporter's, too."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, out, _ = await cli("--tcp", f"127.0.0.1:{port}", "--probe", "/dev/null/x")
    assert code == 1  # /dev/null/x
    assert "# HTTP/1.1 400 Bad Request\n# what answers there is none of these devices\n#[devices.device-" in out


async def test_a_printer_on_the_network() -> None:
    async with Stage(EscposPrinterSimulator(mm_per_s=None), TcpEndpoint()) as stage:
        host_port = stage.endpoint.url.removeprefix("tcp://")
        (found,) = [
            one
            for one in await scan.scan([scan._address(host_port)], ["/dev/null/x"], lambda _: None)
            if one.kind == "tcp"
        ]
    assert (found.driver, found.link) == ("escpos", f"tcp://{host_port}")


async def test_an_address_where_nobody_is() -> None:
    async with Stage(BxDisplaySimulator(), TcpEndpoint()) as stage:
        host_port = stage.endpoint.url.removeprefix("tcp://")
    code, (found,) = await ask("--tcp", host_port)
    assert code == 1
    assert found["trouble"].startswith("refused")


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("10.0.0.9", "tcp://10.0.0.9:9100"),
        ("10.0.0.9:5005", "tcp://10.0.0.9:5005"),
        ("printer.hall", "tcp://printer.hall:9100"),
        ("[fe80::1]:9100", "tcp://[fe80::1]:9100"),
        ("fe80::1", "tcp://[fe80::1]:9100"),
    ],
)
def test_addresses(text: str, link: str) -> None:
    assert str(scan._address(text)) == link


@pytest.mark.parametrize("text", ["10.0.0.0/24", "10.0.0.9/path", "user@10.0.0.9", "10.0.0.9:x", "", ":9100"])
async def test_ranges_and_nonsense_are_refused(text: str) -> None:
    code, out, err = await cli("--tcp", text)
    assert (code, out) == (2, "")
    assert "--tcp" in err


async def test_in_chinese() -> None:
    async with Stage(BxDisplaySimulator(), TcpEndpoint()) as stage:
        code, out, _ = await cli("--tcp", stage.endpoint.url.removeprefix("tcp://"), language="zh-CN")
    assert code == 0
    assert "# 不知道接的是什么；可能是：escpos, bx, centerm, modem" in out

"""A machine for the doctor: a configuration, an installed unit, a tree of sysfs, and whoever takes what is not his."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.doctor.examine import Request, examine
from daemon.doctor.finding import Finding, Level
from daemon.doctor.machine import Machine

PROJECT = Path(__file__).parent.parent
UNIT = PROJECT / "systemd/kioskd.service"

NOBODY = "nobody"
"""An account that every machine has, and that may do nothing."""

BASE = """\
hall = "demo"
kiosk = "k1"
[store]
path = "{directory}/store/kioskd.db"
[mqtt]
host = "{host}"
port = {port}
{mqtt}
{devices}
"""


class Patient:
    """What the doctor looks at in a test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.units = directory / "units"
        self.sysfs = directory / "sys"
        self.fonts = directory / "fonts"
        self.store = directory / "store"
        for folder in (self.units, self.sysfs, self.fonts, self.store):
            folder.mkdir()
        self.font = self.fonts / "truetype/droid/DroidSansFallbackFull.ttf"
        self.rare_fonts = [self.fonts / f"truetype/hanazono/HanaMin{part}.ttf" for part in "AB"]
        for font in (self.font, *self.rare_fonts):
            font.parent.mkdir(parents=True, exist_ok=True)
            font.touch()
        self.secrets = directory / "credstore"
        self.configuration = directory / "kioskd.toml"
        self.configure()

    def configure(
        self, devices: str = "", *, host: str = "127.0.0.1", port: int = 1, mqtt: str = "", more: str = ""
    ) -> None:
        """Write ``kioskd.toml``. Without a broker the doctor says so; tests look at what they planted."""
        text = BASE.format(directory=self.directory, host=host, port=port, mqtt=mqtt, devices=devices)
        self.configuration.write_text(text + more, encoding="utf-8")

    def install_unit(self, **settings: str) -> None:
        """The shipped unit, with settings replaced."""
        lines = []
        for line in UNIT.read_text().splitlines():
            key = line.partition("=")[0]
            lines.append(f"{key}={settings[key]}" if key in settings else line)
        (self.units / "kioskd.service").write_text("\n".join(lines))

    @property
    def machine(self) -> Machine:
        return Machine(
            unit_directories=(self.units,),
            fonts=self.fonts,
            credential_stores=(self.secrets,),
            sysfs=self.sysfs,
            credentials=self.directory / "no-credentials",
            environ={},
        )

    async def examine(self, *devices: str, rates: bool = False) -> list[Finding]:
        """Everything found."""
        request = Request(self.configuration, devices, rates)
        return [finding async for finding in examine(request, self.machine, lambda _: None)]

    async def faults(self, *devices: str, rates: bool = False) -> dict[str, Finding]:
        """What is wrong, by code; the broker that no test of a device has is left out."""
        findings = await self.examine(*devices, rates=rates)
        return {
            finding.code: finding
            for finding in findings
            if finding.level is Level.FAULT and finding.code != "broker-down"
        }

    def cli(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """``kioskd doctor`` as a process."""
        command = [sys.executable, "-m", "daemon", "--language", "en", "doctor", "--config", str(self.configuration)]
        return subprocess.run([*command, *words], cwd=PROJECT, capture_output=True, text=True, timeout=60, **options)

    # sysfs, as the kernel lays it out

    def attribute(self, path: str, value: str) -> None:
        file = self.sysfs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n")

    def link(self, path: str, target: str) -> None:
        file = self.sysfs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        (self.sysfs / target).mkdir(parents=True, exist_ok=True)
        file.symlink_to(self.sysfs / target)

    def usb_printer(self, place: str = "1-1", *, serial: str = "A1", driver: str = "", number: int = 5) -> None:
        """A printer-class device on the USB."""
        device = f"devices/pci/usb1/{place}"
        for name, value in {
            "idVendor": "0416",
            "idProduct": "5011",
            "serial": serial,
            "manufacturer": "STM",
            "product": "POS58",
            "busnum": "1",
            "devnum": str(number),
            f"{place}:1.0/bInterfaceClass": "07",
        }.items():
            self.attribute(f"{device}/{name}", value)
        self.link(f"bus/usb/devices/{place}", device)
        self.link(f"bus/usb/devices/{place}:1.0", f"{device}/{place}:1.0")
        if driver:
            self.link(f"{device}/{place}:1.0/driver", f"bus/usb/drivers/{driver}")


@contextlib.contextmanager
def another_program(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `code` and then waits; it has begun to wait on entry."""
    script = f"import sys, time\n{code}\nprint('there', flush=True)\ntime.sleep(600)\n"
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def type_in(commands: tuple[str, ...], **replace: str) -> None:
    """Type what a finding says, with paths of the test in place of the machine's; systemd is not here to be told."""
    for command in commands:
        typed = command
        for old, new in replace.items():
            typed = typed.replace(old, new)
        if not typed.startswith("systemctl"):
            subprocess.run(["sh", "-euc", typed], check=True, timeout=30, capture_output=True)


needs_root_reason = "plants faults that only root can plant"
is_root = os.geteuid() == 0

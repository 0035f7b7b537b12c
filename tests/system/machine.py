"""A virtual machine under qemu, with a USB to plug things into and a plug to pull.

Not imitated: a disk that loses what it was given and had not yet written. When the power is cut, what the machine
has not handed to its disk is lost; what it has, is there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.system.guest_shell import GuestShell
from tests.system.monitor import Monitor

BOOT_S = 180.0
"""A log-in prompt takes 20 to 35 s on a quiet machine with software emulation."""

DOWN_S = 60.0
CONNECT_S = 20.0
OUTPUT_BYTES = 16 << 20

NOTICE_S = 20.0
"""How long the kernel may take to notice that a device was pulled."""

USB_SLOT = "10"
"""The place of the USB controller on the machine's PCI bus, in hexadecimal."""

HOST = "10.0.2.2"
"""The host's loopback, as the machine sees it."""

ACCELERATOR = os.environ.get("QEMU_ACCELERATOR", "tcg,thread=multi")
"""Software emulation: ``kvm`` is much faster where it works, and may hang where it is nested."""

PROCESSOR = "Nehalem"
"""To start the newest one that qemu imitates takes half as long again: its page tables have a level more."""


class Machine:
    """One machine: its disk stays over `cut` and `boot`. `forwarded`: port here → port of the machine."""

    def __init__(self, image: Path, directory: Path, medium: Path, forwarded: dict[int, int]) -> None:
        self._image = image
        self._directory = directory
        self._medium = medium
        self._forwarded = forwarded
        self._disk = directory / "disk.img"
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}
        self.shell: GuestShell
        self.monitor: Monitor
        self.boots = 0
        subprocess.run(["cp", "--sparse=always", image / "root.img", self._disk], check=True)

    async def boot(self, *options: str) -> None:
        """Switch on, and return when the machine takes commands. `options` are more of qemu's."""
        self.boots += 1
        shell, monitor = _Line(self._directory / "shell"), _Line(self._directory / "monitor")
        await shell.listen()
        await monitor.listen()
        self._process = self._start(options)
        self.shell = GuestShell(*await shell.connected())
        self.monitor = Monitor(*await monitor.connected())
        await self.monitor.open()
        await self.shell.ready(BOOT_S)

    def _start(self, options: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._directory / "qemu.log").open("ab") as log:
            return subprocess.Popen([*self._command(), *options], stdout=log, stderr=log)

    def _command(self) -> list[str]:
        directory = self._directory
        forward = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}" for here, there in self._forwarded.items())
        lines = ["-chardev", f"socket,id=shell,path={directory}/shell", "-serial", "chardev:shell"]
        lines += ["-serial", f"file:{directory}/console-{self.boots}.log"]
        lines += ["-chardev", f"socket,id=monitor,path={directory}/monitor", "-mon", "chardev=monitor,mode=control"]
        start = ["-kernel", f"{self._image}/vmlinuz", "-initrd", f"{self._image}/initrd.img"]
        # mitigations=off: nobody attacks this machine
        start += ["-append", "root=/dev/vda rw console=ttyS1 quiet mitigations=off"]
        disks = ["-drive", f"file={self._disk},if=virtio,format=raw,cache=unsafe"]
        disks += ["-drive", f"file={self._medium},if=virtio,format=raw,readonly=on"]
        network = ["-netdev", f"user,id=hall{forward}", "-device", "virtio-net-pci,netdev=hall"]
        usb = ["-device", f"qemu-xhci,id=usb,p2=8,p3=8,addr=0x{USB_SLOT}"]
        size = ["-accel", ACCELERATOR, "-cpu", PROCESSOR, "-smp", "2", "-m", "768"]
        program = ["qemu-system-x86_64", "-nodefaults", "-vga", "std", "-display", "none"]
        return [*program, *size, *start, *disks, *lines, *network, *usb]

    def cut(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._ports.clear()
            self.shell.close()
            self.monitor.close()

    async def reboot(self) -> None:
        """Restart in order, and return when the machine takes commands again."""
        await self.shell.run("systemctl reboot")
        await self.shell.ready(DOWN_S + BOOT_S)

    async def running(self) -> None:
        """Return when everything that starts with the machine has started."""
        state = (await self.shell.attempt("systemctl is-system-running --wait", BOOT_S))[1].strip()
        assert state == "running", await self.shell.attempt("systemctl --failed --no-legend", 60)

    # --- the USB ---------------------------------------------------------------------------------------------------

    async def plug_serial(self, name: str, usb_port: int, tcp_port: int) -> None:
        """Plug in an FTDI adapter whose far end is the listening `tcp_port` of this host."""
        address = {"type": "inet", "data": {"host": "127.0.0.1", "port": str(tcp_port)}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        await self.monitor.ask("chardev-add", id=name, backend=backend)
        await self._plug("usb-serial", name, usb_port, chardev=name)

    async def plug_keyboard(self, name: str, usb_port: int) -> None:
        """Plug in a USB keyboard."""
        await self._plug("usb-kbd", name, usb_port)

    async def _plug(self, driver: str, name: str, usb_port: int, **more: str) -> None:
        await self.monitor.ask("device_add", driver=driver, id=name, bus="usb.0", port=str(usb_port), **more)
        self._ports[name] = usb_port

    async def pull(self, name: str) -> None:
        """Pull a device out; returns when the machine's kernel has noticed.

        No hand is faster: for a suspended device that is back before it was missed, the kernel resumes the old one,
        whose address the new one does not know, and gives up after 40 s.
        """
        await self.monitor.ask_and_await("DEVICE_DELETED", "device_del", id=name)
        hub = f"/sys/bus/pci/devices/0000:00:{USB_SLOT}.0/usb1"
        await self.shell.run(f"while test -e {hub}/1-{self._ports[name]}; do sleep 0.05; done", NOTICE_S)
        chardevs = await self.monitor.ask("query-chardev")
        if any(chardev["label"] == name for chardev in chardevs):
            await self.monitor.ask("chardev-remove", id=name)

    async def key(self, key: str, *, down: bool) -> None:
        """Press or release a key, by qemu's name for it, on the keyboard that was plugged in last."""
        event = {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}
        await self.monitor.ask("input-send-event", events=[event])

    async def press(self, key: str, hold_s: float = 0.05) -> None:
        """Press a key for a moment."""
        await self.key(key, down=True)
        await asyncio.sleep(hold_s)
        await self.key(key, down=False)


class _Line:
    """A socket that qemu connects to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._streams: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def listen(self) -> None:
        self._path.unlink(missing_ok=True)
        self._streams = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_unix_server(
            lambda *ends: self._streams.set_result(ends), self._path, limit=OUTPUT_BYTES
        )

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(CONNECT_S):
            streams = await self._streams
        self._server.close()
        return streams


def make_medium(image: Path, folder: Path) -> None:
    """A disk image with the files of `folder`, as somebody brings them to the kiosk."""
    megabytes = 8 + sum(file.stat().st_size for file in folder.rglob("*")) // 1_000_000 * 5 // 4
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert mkfs is not None, "mkfs.ext4 is missing: make test-system installs it"
    subprocess.run([mkfs, "-q", "-L", "MEDIUM", "-d", folder, image, f"{megabytes}M"], check=True)

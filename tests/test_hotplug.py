"""Hot-plug messages wake the supervisors: messages of the real kernel, and of udev as it sends them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.hotplug import NETLINK_KOBJECT_UEVENT, UDEV_GROUP, is_arrival, watch_hotplug
from daemon.supervisor import Supervisor
from drivers.device import Condition, Reason, State
from drivers.link.serial import open_serial
from drivers.link.url import parse_link
from simulators.bx_display import BxDisplaySimulator
from simulators.stage import PtyEndpoint, Stage

KERNEL_ASKED = Path("/sys/class/mem/null/uevent")
"""Writing an action here makes the kernel announce it: sysfs(5). Harmless for a device that is always there."""

UDEV_MESSAGE = b"libudev\0\xfe\xed\xca\xfe" + bytes(28) + b"ACTION=%s\0DEVPATH=/devices/x\0DEVNAME=/dev/ttyUSB0\0"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may send as the kernel and as udev")


@pytest.fixture
async def wakes() -> AsyncIterator[list[float]]:
    """The times at which the watcher woke the devices."""
    times: list[float] = []
    watching = asyncio.create_task(watch_hotplug(lambda: times.append(time.monotonic())))
    await asyncio.sleep(0)  # it listens now
    yield times
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


def ask_the_kernel() -> None:
    KERNEL_ASKED.write_text("change")


def set_mode(node: Path, mode: int) -> None:
    node.chmod(mode)


def send_as_udev(action: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT) as udev:
        udev.bind((0, 0))
        udev.sendto(UDEV_MESSAGE % action, (0, UDEV_GROUP))


@pytest.mark.parametrize(
    ("message", "arrival"),
    [
        (b"add@/devices/pci0000:00/usb1/1-1\0ACTION=add\0", True),
        (b"bind@/devices/x\0", True),
        (b"change@/devices/x\0", True),
        (b"remove@/devices/x\0ACTION=remove\0", False),
        (b"unbind@/devices/x\0", False),
        (UDEV_MESSAGE % b"add", True),
        (UDEV_MESSAGE % b"remove", False),
        (b"", False),
        (b"libudev\0", False),
        (b"added@/x", False),
    ],
)
def test_only_arrivals_wake(message: bytes, arrival: bool) -> None:
    assert is_arrival(message) is arrival


@needs_root
async def test_the_kernel_wakes_at_once_and_twice_more(wakes: list[float], until: Any) -> None:
    asked = time.monotonic()
    ask_the_kernel()
    await until(lambda: wakes)
    assert wakes[0] - asked < 0.25
    await until(lambda: len(wakes) >= 3)


@needs_root
async def test_udev_wakes_when_its_rules_are_applied(wakes: list[float], until: Any) -> None:
    send_as_udev(b"remove")
    send_as_udev(b"add")
    await until(lambda: wakes)


def never() -> Iterator[float]:
    """No second attempt by itself: what comes back is the wake-up call's doing."""
    return itertools.repeat(3600.0)


class Answering:
    """A driver that is content with an open link."""

    served = False

    async def serve(self, link: Any) -> None:
        self.served = True
        await asyncio.Event().wait()


@needs_root
async def test_a_node_that_is_not_permitted_yet_is_waited_for(tmp_path: Path, until: Any) -> None:
    """A keypad's udev rule takes a moment: the node is there, and closed to us, until its group is set."""
    conditions: list[Condition] = []
    node = tmp_path / "tty"
    async with Stage(BxDisplaySimulator(), PtyEndpoint(node)):
        link = parse_link(f"serial://{node}")
        supervisor = Supervisor("led-1", lambda: open_serial(link), conditions.append, delays=never)
        set_mode(node, 0o000)
        with as_nobody(tmp_path):
            driver = Answering()
            serving = asyncio.create_task(supervisor.run(driver))
            watching = asyncio.create_task(watch_hotplug(supervisor.wake))
            await until(lambda: conditions)
            assert (conditions[-1].state, conditions[-1].reasons) == (State.ABSENT, (Reason.PERMISSION,))
        set_mode(node, 0o666)
        began = time.monotonic()
        with as_nobody(tmp_path):
            os.seteuid(0)
            send_as_udev(b"add")
            os.seteuid(NOBODY)
            await until(lambda: driver.served)
        assert time.monotonic() - began < 1.0
        for task in (serving, watching):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


NOBODY = 65534


@contextlib.contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """Without root's rights, which every node is open to."""
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)

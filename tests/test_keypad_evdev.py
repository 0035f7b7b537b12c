"""A keypad by python-evdev itself, on a machine of umockdev's making: grabbed, read, and its keys asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness import PROJECT

KEY_BYTES = 96  # KEY_MAX / 8, rounded up, as python-evdev asks for
TEXT_BYTES = 256


@dataclass(frozen=True)
class MockNode:
    """One event node of a mock machine; `events` are (seconds, type, code, value)."""

    number: int
    phys: str
    events: tuple[tuple[float, int, int, int], ...] = ()
    held: tuple[int, ...] = ()
    effects: bool = True

    def write(self, folder: Path) -> list[str]:
        """Write the node's description, and give the arguments that load it."""
        node = f"/dev/input/event{self.number}"
        device, ioctls, events = (folder / f"{self.number}.{kind}" for kind in ("umockdev", "ioctl", "events"))
        device.write_text(self._device(node))
        ioctls.write_text(self._ioctls())
        lines = [f"E: {time_s:.6f} {kind:04x} {code:04x} {value:04x}\n" for time_s, kind, code, value in self.events]
        events.write_text("".join(lines))
        loaded = ["-d", str(device), "-i", f"{node}={ioctls}"]
        return [*loaded, "-e", f"{node}={events}"] if self.events else loaded

    def _device(self, node: str) -> str:
        place = f"/devices/mock{self.number}/input/input{self.number}"
        return (
            f"P: {place}/event{self.number}\nN: {node[5:]}\nL: device=../../input{self.number}\n"
            f"E: DEVNAME={node}\nE: MAJOR=13\nE: MINOR={64 + self.number}\nE: SUBSYSTEM=input\n"
            f"A: dev=13:{64 + self.number}\n\n"
            f"P: {place}\nE: SUBSYSTEM=input\nA: id/bustype=0003\nA: id/vendor=1234\nA: id/product=5678\n"
            f"A: id/version=0110\nA: name=Rating panel\nA: phys={self.phys}\nA: uniq=\n"
        )

    def _ioctls(self) -> str:
        name, phys = b"Rating panel\0", self.phys.encode() + b"\0"
        held = bytearray(KEY_BYTES)
        for code in self.held:
            held[code // 8] |= 1 << code % 8
        keys = bytes([0xFC, 0x0F]).ljust(KEY_BYTES, b"\0")
        answers = [
            ("EVIOCGVERSION", 0, bytes.fromhex("01000100")),
            ("EVIOCGID", 0, bytes.fromhex("0300341278561001")),
            ("EVIOCGNAME(0)", len(name), name.ljust(TEXT_BYTES, b"\0")),
            ("EVIOCGPHYS(0)", len(phys), phys.ljust(TEXT_BYTES, b"\0")),
            ("EVIOCGBIT(0)", 4, bytes.fromhex("03000000")),
            ("EVIOCGBIT(0)", KEY_BYTES, bytes(KEY_BYTES)),
            ("EVIOCGBIT(1)", KEY_BYTES, keys),
            ("EVIOCGKEY(0)", KEY_BYTES, bytes(held)),
        ]
        if self.effects:
            answers.append(("EVIOCGEFFECTS", 0, bytes(4)))
        return "".join(f"{name} {result} {data.hex().upper()}\n" for name, result, data in answers)


PRELUDE = """
import asyncio, errno, json, sys
import evdev
from drivers.device import DeviceError, LinkLost
from drivers.link.evdev import open_evdev
from drivers.link.url import parse_link
from drivers.panel.keypad import KeypadOptions, KeypadPanel

grabbed = []
grab = evdev.InputDevice.grab
def watched_grab(device):
    grab(device)
    grabbed.append(device.path)
evdev.InputDevice.grab = watched_grab
conditions, presses = [], []
"""

SERVE = """
async def main():
    link = await open_evdev(parse_link("evdev:///dev/input/event9"))
    panel = KeypadPanel(KeypadOptions(stuck_s=0.2), conditions.append, presses.append)
    serving = asyncio.create_task(panel.serve(link))
    async with asyncio.timeout(10):
        while len(presses) < PRESSES or len(conditions) < CONDITIONS:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.005)
    await asyncio.sleep(AFTER_S)
    assert not serving.done(), serving.exception()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    link.close()
    print(json.dumps({
        "nodes": link.nodes, "grabbed": grabbed, "levels": sorted(press.level for press in presses),
        "conditions": [[condition.state, *condition.reasons] for condition in conditions],
    }))
asyncio.run(main())
"""

OPEN_FAILS = """
async def main():
    try:
        await open_evdev(parse_link("evdev:///dev/input/event9"))
    except DeviceError as error:
        print(json.dumps({"reason": error.reason, "grabbed": grabbed, "open": len(OPEN)}))
OPEN = set()
close, init = evdev.InputDevice.close, evdev.InputDevice.__init__
def watched_init(device, *args):
    init(device, *args)
    OPEN.add(device.path)
def watched_close(device):
    OPEN.discard(device.path)
    close(device)
evdev.InputDevice.close, evdev.InputDevice.__init__ = watched_close, watched_init
"""
KEY_1_PRESSED = ((0.0, 1, 2, 1), (0.0, 0, 0, 0), (0.02, 1, 2, 0), (0.02, 0, 0, 0))
KEY_5_PRESSED = ((0.0, 1, 6, 1), (0.0, 0, 0, 0), (0.02, 1, 6, 0), (0.02, 0, 0, 0))
needs_umockdev = pytest.mark.skipif(shutil.which("umockdev-run") is None, reason="needs Debian's package umockdev")


def serve_until(presses: int, conditions: int, after_s: float = 0) -> str:
    """A script that serves event9 until so much has come, and `after_s` longer."""
    return f"PRESSES, CONDITIONS, AFTER_S = {presses}, {conditions}, {after_s}\n{SERVE}"


def run_on_mock_machine(folder: Path, nodes: list[MockNode], script: str) -> dict[str, Any]:
    """Run `script` in a process that sees `nodes`, and give what it printed as JSON."""
    loaded = [argument for node in nodes for argument in node.write(folder)]
    command = ["umockdev-run", *loaded, "--", sys.executable, "-X", "dev", "-W", "error", "-c", PRELUDE + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@needs_umockdev
def test_umockdev_all_nodes_of_one_keypad_are_grabbed_and_read_and_those_of_others_are_not(tmp_path: Path) -> None:
    nodes = [
        MockNode(7, "usb-mock-1.3/input0", KEY_1_PRESSED),
        MockNode(8, "usb-mock-1.2/input1", KEY_5_PRESSED),
        MockNode(9, "usb-mock-1.2/input0", KEY_1_PRESSED),
    ]
    answer = run_on_mock_machine(tmp_path, nodes, serve_until(presses=2, conditions=1))
    assert answer == {
        "nodes": ["/dev/input/event9", "/dev/input/event8"],
        "grabbed": ["/dev/input/event9", "/dev/input/event8"],
        "levels": [1, 5],
        "conditions": [["ready"]],
    }


@needs_umockdev
def test_umockdev_a_key_that_is_down_from_the_start_is_stuck_and_no_press(tmp_path: Path) -> None:
    nodes = [MockNode(9, "usb-mock-1.2/input0", held=(3,))]
    answer = run_on_mock_machine(tmp_path, nodes, serve_until(presses=0, conditions=2))
    assert answer["levels"] == []
    assert answer["conditions"] == [["ready"], ["degraded", "key-stuck"]]


@needs_umockdev
def test_umockdev_an_overrun_is_made_up_for_from_the_state_of_the_keys(tmp_path: Path) -> None:
    """KEY_1 came up in what was lost: it is not held for ever. A whole press in there is not made up."""
    overrun = ((0.0, 1, 2, 1), (0.0, 0, 0, 0), (0.0, 0, 3, 0), (0.0, 1, 6, 1), (0.0, 0, 0, 0))
    nodes = [MockNode(9, "usb-mock-1.2/input0", overrun)]
    answer = run_on_mock_machine(tmp_path, nodes, serve_until(presses=1, conditions=1, after_s=0.3))
    assert answer["levels"] == [5]
    assert answer["conditions"] == [["ready"]]


@needs_umockdev
def test_umockdev_a_node_that_another_process_has_grabbed_is_busy(tmp_path: Path) -> None:
    """umockdev lets everybody grab, so the kernel's EBUSY for the second node is put in its place."""
    nodes = [MockNode(8, "usb-mock-1.2/input1"), MockNode(9, "usb-mock-1.2/input0")]
    busy = """
def busy_grab(device):
    if device.path.endswith("8"):
        raise OSError(errno.EBUSY, "Device or resource busy")
    watched_grab(device)
evdev.InputDevice.grab = busy_grab
asyncio.run(main())
"""
    answer = run_on_mock_machine(tmp_path, nodes, OPEN_FAILS + busy)
    assert answer == {"reason": "busy", "grabbed": ["/dev/input/event9"], "open": 0}


@needs_umockdev
def test_umockdev_an_ioctl_that_fails_without_a_number_is_no_crash(tmp_path: Path) -> None:
    nodes = [MockNode(9, "usb-mock-1.2/input0", effects=False)]
    answer = run_on_mock_machine(tmp_path, nodes, OPEN_FAILS + "asyncio.run(main())\n")
    assert answer == {"reason": "not-present", "grabbed": [], "open": 0}

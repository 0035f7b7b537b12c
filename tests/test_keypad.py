"""The keypad: key table, presses and stuck keys; driver against simulator; and evdev itself under umockdev."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import DRIVERS
from drivers.device import Condition, LinkLost, Reason, State
from drivers.link.catalog import SCHEMES
from drivers.link.input_event import DOWN, EVENT_BYTES, REPEAT, UP, InputEvent, decode_event
from drivers.link.input_link import InputLink
from drivers.link.url import parse_link
from drivers.panel.capability import Press
from drivers.panel.keypad import KeypadOptions, KeypadPanel
from drivers.panel.keypad_protocol import DEFAULT_KEYS, KEY_CODES, Keys, key_name
from simulators.device import CommandError
from simulators.keypad import KeypadSimulator, key_report
from simulators.stage import Stage
from simulators.uinput_endpoint import UinputEndpoint
from simulators.unix_endpoint import UnixEndpoint
from simulators.wire import HostWire

ROOT = Path(__file__).parent.parent
DEADLINE_S = 5.0
READY = Condition(State.READY)

VECTORS: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/vectors/keypad.toml").read_text())["vector"]
KEY_VECTORS = [vector for vector in VECTORS if "key" in vector]

as_on_64_bit = pytest.mark.skipif(
    struct.calcsize("@l") != 8 or sys.byteorder != "little", reason="the vectors are those of 64-bit little-endian"
)


def _named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


# Events and their vectors


@as_on_64_bit
@pytest.mark.parametrize("vector", VECTORS, ids=_named)
def test_decodes_the_vector(vector: dict[str, Any]) -> None:
    decoded = decode_event(bytes.fromhex(vector["bytes"]))
    assert decoded == InputEvent(vector["time_s"], vector["type"], vector["code"], vector["value"])


@as_on_64_bit
@pytest.mark.parametrize("vector", KEY_VECTORS, ids=_named)
def test_the_simulator_encodes_the_vector(vector: dict[str, Any]) -> None:
    report = key_report(KEY_CODES[vector["key"]], vector["value"], vector["time_s"])
    assert report[:EVENT_BYTES] == bytes.fromhex(vector["bytes"])
    assert decode_event(report[EVENT_BYTES:]) == InputEvent(vector["time_s"], 0, 0, 0)
    assert len(report) == 2 * EVENT_BYTES


@pytest.mark.parametrize("vector", KEY_VECTORS, ids=_named)
def test_the_level_of_the_vector(vector: dict[str, Any]) -> None:
    keys = Keys(KeypadOptions().levels, stuck_s=1)
    assert keys.feed("event0", vector["code"], vector["value"], 0) == vector.get("level")


def test_the_key_table_is_the_kernels() -> None:
    ecodes = import_module("evdev").ecodes.ecodes  # built from linux/input-event-codes.h
    assert {name: ecodes.get(name) for name in KEY_CODES} == dict(KEY_CODES)


# Presses


class Presses:
    """Keys 2 and 3 (levels 5 and 4) of one keypad, with a clock that the test moves."""

    def __init__(self) -> None:
        self.keys = Keys({2: 5, 3: 4}, stuck_s=10)

    def __call__(self, code: int, value: int, now_s: float = 0, node: str = "event0") -> int | None:
        return self.keys.feed(node, code, value, now_s)


def test_one_key_going_down_is_one_press() -> None:
    key = Presses()
    moves = [DOWN, REPEAT, REPEAT, UP, DOWN, UP]
    assert [key(2, value) for value in moves] == [5, None, None, None, 5, None]


def test_bounce_is_passed_on_as_it_came() -> None:
    key = Presses()
    assert [key(2, value) for value in [DOWN, UP] * 3] == [5, None] * 3


def test_a_key_that_was_down_before_is_not_pressed_until_it_comes_up() -> None:
    key = Presses()
    assert [key(2, value) for value in [REPEAT, DOWN, UP, DOWN]] == [None, None, None, 5]


def test_keys_that_stand_for_no_level_press_nothing_and_can_be_stuck() -> None:
    key = Presses()
    assert key(28, DOWN) is None
    assert key.keys.stuck(10) == (28,)


def test_the_same_key_on_two_nodes_is_two_keys() -> None:
    key = Presses()
    assert [key(2, DOWN, node="event0"), key(2, DOWN, node="event1")] == [5, 5]
    key(2, UP, node="event0")
    assert key.keys.stuck(10) == (2,)


def test_a_key_is_stuck_after_its_time_and_recovers() -> None:
    key = Presses()
    assert key.keys.next_stuck_s(0) is None
    key(3, DOWN, 0)
    key(2, DOWN, 4)
    key(2, REPEAT, 5)
    assert key.keys.next_stuck_s(4) == 10
    assert key.keys.stuck(9.9) == ()
    assert key.keys.stuck(10) == (3,)
    assert key.keys.next_stuck_s(10) == 14
    assert key.keys.stuck(14) == (2, 3)
    assert key.keys.next_stuck_s(14) is None
    key(3, UP, 15)
    assert key.keys.stuck(15) == (2,)
    key(2, UP, 15)
    assert key.keys.stuck(99) == ()


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([UP, DOWN, REPEAT])), max_size=60))
def test_presses_are_the_times_a_level_key_goes_from_up_to_down(moves: list[tuple[int, int]]) -> None:
    key = Presses()
    down: set[int] = set()
    for code, value in moves:
        expected = {2: 5, 3: 4}.get(code) if value == DOWN and code not in down else None
        assert key(code, value) == expected
        down = down - {code} if value == UP else down | {code}
    assert key.keys.stuck(10) == tuple(sorted(down))


# Options


def test_the_first_key_is_the_best_by_default() -> None:
    options = KeypadOptions()
    assert [options.levels[KEY_CODES[f"KEY_{digit}"]] for digit in range(1, 6)] == [5, 4, 3, 2, 1]
    assert [options.levels[KEY_CODES[f"KEY_KP{digit}"]] for digit in range(1, 6)] == [5, 4, 3, 2, 1]
    assert len(options.levels) == 10


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"keys": {}}, "at least one key"),
        ({"keys": {"KEY_KP11": 5}}, "no key is called 'KEY_KP11'; did you mean KEY_KP1"),
        ({"keys": {"key_1": 5}}, "did you mean KEY_1"),
        ({"keys": {"贵宾": 5}}, "names are the kernel's"),
        ({"keys": {"KEY_1": 6}}, "KEY_1 = 6: expected a level from 1 to 5"),
        ({"keys": {"KEY_1": 0}}, "expected a level from 1 to 5"),
        ({"stuck_s": 0}, "expected more than 0 seconds"),
        ({"stuck_s": float("nan")}, "expected more than 0 seconds"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        KeypadOptions(**wrong)


def test_the_catalogue_makes_this_driver() -> None:
    entry = DRIVERS["keypad"]
    assert entry.schemes == ("evdev", "evdev+unix")
    assert entry.options_class() is KeypadOptions
    assert isinstance(entry.make(KeypadOptions(), lambda _: None, lambda _: None), KeypadPanel)


# Driver against simulator


STUCK_S = 0.15


class CountingStage(Stage):
    """A stage that counts the hosts it has let in."""

    hosts = 0

    def attached(self, wire: HostWire) -> None:
        super().attached(wire)
        self.hosts += 1


@dataclass
class Rig:
    """A keypad to be served: what it reports and emits, and the stage with the simulator at the far end."""

    stage: CountingStage
    link: InputLink = field(init=False)
    serving: asyncio.Task[None] = field(init=False)
    conditions: list[Condition] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.panel = KeypadPanel(KeypadOptions(stuck_s=STUCK_S), self.conditions.append, self.presses.append)

    async def serve(self) -> None:
        """Open a link and serve the panel over it; returns when both sides are there."""
        hosts, reports = self.stage.hosts, len(self.conditions)
        link = parse_link(self.stage.endpoint.url)
        self.link = await SCHEMES[link.scheme][0](link)
        self.serving = asyncio.create_task(self.panel.serve(self.link))
        await self.until(lambda: self.stage.hosts > hosts and len(self.conditions) > reports)

    async def stop(self) -> None:
        self.serving.cancel()
        await asyncio.gather(self.serving, return_exceptions=True)
        self.link.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                if self.serving.done():
                    self.serving.result()
                await asyncio.sleep(0.001)

    async def pressed(self, *levels: int) -> None:
        await self.until(lambda: len(self.presses) == len(levels))
        assert [press.level for press in self.presses] == list(levels)

    def down(self) -> set[str]:
        return {key["key"] for key in self.stage.simulator.state()["keys"] if key["down"]}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    simulator = KeypadSimulator(hold_s=0.01, bounce_s=0.001, repeat_delay_s=0.02, repeat_period_s=0.005)
    async with CountingStage(simulator, UnixEndpoint(tmp_path / "keypad")) as stage:
        made = Rig(stage)
        await made.serve()
        yield made
        await made.stop()


async def test_an_open_keypad_is_ready(rig: Rig) -> None:
    assert rig.conditions == [READY]


@pytest.mark.parametrize(("word", "level"), [("5", 5), ("1", 1), ("KEY_2", 4), ("key_kp4", 2)])
async def test_a_key_is_a_press_of_its_level(rig: Rig, word: str, level: int) -> None:
    before_s = asyncio.get_running_loop().time()
    rig.stage.command(f"press {word}")
    await rig.pressed(level)
    assert before_s <= rig.presses[0].monotonic_s <= asyncio.get_running_loop().time()
    await rig.until(lambda: not rig.down())
    rig.stage.command(f"press {word}")
    await rig.pressed(level, level)
    assert rig.conditions == [READY]


async def test_two_keys_at_once_are_two_presses(rig: Rig) -> None:
    rig.stage.command("press 5")
    rig.stage.command("press 1")
    await rig.pressed(5, 1)


async def test_a_bouncing_contact_is_as_many_presses(rig: Rig) -> None:
    rig.stage.command("bounce 3 4")
    await rig.pressed(3, 3, 3, 3)


async def test_a_stuck_key_is_one_press_and_degrades_until_it_comes_up(rig: Rig) -> None:
    rig.stage.command("stuck KEY_2")
    await rig.until(lambda: len(rig.conditions) == 2)
    assert (rig.conditions[1].state, rig.conditions[1].reasons) == (State.DEGRADED, (Reason.KEY_STUCK,))
    assert "KEY_2" in rig.conditions[1].detail
    rig.stage.command("press 5")  # the others go on working
    await rig.pressed(4, 5)
    rig.stage.command("release")
    await rig.until(lambda: len(rig.conditions) == 3)
    assert rig.conditions[2] == READY
    await rig.pressed(4, 5)


async def test_a_key_held_while_the_device_vanishes_leaves_no_stuck_key(rig: Rig) -> None:
    rig.stage.command("stuck 3")
    await rig.pressed(3)
    rig.stage.command("cut")
    with pytest.raises(LinkLost) as caught:
        await rig.serving
    assert caught.value.reason is Reason.DISCONNECTED
    rig.link.close()
    rig.stage.command("release")
    rig.stage.command("restore")
    await rig.serve()
    rig.stage.command("press 5")
    await rig.pressed(3, 5)
    await asyncio.sleep(STUCK_S)
    assert rig.conditions == [READY, READY]


async def test_a_key_that_is_stuck_already_when_the_device_comes_is_found_and_not_pressed(rig: Rig) -> None:
    rig.stage.command("cut")
    with pytest.raises(LinkLost):
        await rig.serving
    rig.link.close()
    rig.stage.command("stuck 1")
    rig.stage.command("restore")
    await rig.serve()
    await rig.until(lambda: len(rig.conditions) == 3)
    assert rig.conditions[2].reasons == (Reason.KEY_STUCK,)
    assert rig.presses == []


async def test_noise_ends_serving_and_a_new_link_reads_again(rig: Rig) -> None:
    rig.stage.command("noise 1000")
    with pytest.raises(LinkLost) as caught:
        await rig.serving
    assert caught.value.reason is Reason.GARBLED
    rig.link.close()
    await rig.serve()
    assert rig.conditions == [READY, READY]
    rig.stage.command("press 5")
    await rig.pressed(5)


async def test_a_keypad_has_nothing_to_show(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.panel.thank()
    await rig.panel.dismiss()
    rig.stage.command("press 5")
    await rig.pressed(5)


async def test_cancelling_serve_passes_through(rig: Rig) -> None:
    rig.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.serving


# Simulator


@pytest.mark.parametrize("text", ["press", "press 6", "press KEY_9", "press 1 2", "bounce", "bounce 1 0", "stuck"])
async def test_the_simulator_refuses_wrong_commands(text: str) -> None:
    words = text.split()
    with pytest.raises(CommandError, match="expected"):
        KeypadSimulator().commands[words[0]].run(words[1:])


class Ear:
    """What a host would hear."""

    def __init__(self) -> None:
        self.heard = b""

    def send(self, data: bytes) -> None:
        self.heard += data


async def test_the_simulator_shows_what_is_down() -> None:
    simulator = KeypadSimulator(DEFAULT_KEYS, hold_s=60)
    changes: list[None] = []
    simulator.changed = lambda: changes.append(None)
    simulator.commands["press"].run(["KEY_KP1"])
    state = simulator.state()
    assert [key["key"] for key in state["keys"] if key["down"]] == ["KEY_KP1"]
    assert state["last_press"] == "KEY_KP1"
    assert json.loads(json.dumps(state)) == state
    assert changes
    simulator.close()


async def test_the_simulator_repeats_a_held_key_until_it_comes_up_or_the_simulator_ends() -> None:
    simulator, ear = KeypadSimulator(hold_s=60, repeat_delay_s=0.002, repeat_period_s=0.001), Ear()
    simulator.attach(ear)
    simulator.commands["press"].run(["5"])
    async with asyncio.timeout(DEADLINE_S):
        while len(ear.heard) < 3 * 2 * EVENT_BYTES:
            await asyncio.sleep(0.001)
    values = [decode_event(ear.heard[at : at + EVENT_BYTES]).value for at in range(0, 6 * EVENT_BYTES, 2 * EVENT_BYTES)]
    assert values == [DOWN, REPEAT, REPEAT]
    simulator.close()
    heard = ear.heard
    await asyncio.sleep(0.02)
    assert ear.heard == heard


async def test_without_uinput_the_endpoint_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.uinput_endpoint.UINPUT", str(tmp_path / "uinput"))
    with pytest.raises(OSError, match=r"/uinput.*module is loaded.*Unix socket"):
        await Stage(KeypadSimulator(), UinputEndpoint()).__aenter__()


# evdev itself, on a machine of umockdev's making


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
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


def test_keys_without_a_name_are_told_by_number() -> None:
    assert (key_name(2), key_name(600)) == ("KEY_1", "key 600")

"""Input links: the kernel's events read from descriptors, and the ways in which input devices fail to open.

What only the kernel can do (grab, several nodes, the state of the keys) is tried in test_keypad_evdev.py, with
umockdev.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.catalog import SCHEMES
from drivers.link.evdev import device_nodes
from drivers.link.input_event import (
    DOWN,
    EV_KEY,
    EVENT_BYTES,
    KEY_MAX,
    REPEAT,
    UP,
    InputEvent,
    InputEventError,
    KeyEvent,
    decode_event,
)
from drivers.link.input_link import InputLink, InputNode
from drivers.link.url import parse_link

DEADLINE_S = 5.0
EV_SYN, EV_MSC = 0, 4
SYN_REPORT, SYN_DROPPED = 0, 3


def event(kind: int, code: int, value: int, time_s: int = 7) -> bytes:
    """One struct input_event as linux/input.h has it."""
    return struct.pack("@llHHi", time_s, 500_000, kind, code, value)


# Events


@given(
    st.integers(0, 2**31 - 1),
    st.integers(0, KEY_MAX),
    st.sampled_from([UP, DOWN, REPEAT]),
)
def test_key_events_survive(seconds: int, code: int, value: int) -> None:
    assert decode_event(event(EV_KEY, code, value, seconds)) == InputEvent(seconds + 0.5, EV_KEY, code, value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        event(EV_KEY, 2, DOWN)[:-1],
        event(EV_KEY, 2, DOWN) + b"\0",
        event(EV_KEY, KEY_MAX + 1, DOWN),
        event(EV_KEY, 2, 3),
        event(EV_KEY, 2, -1),
        event(0x20, 2, 0),
        struct.pack("@llHHi", 7, 1_000_000, EV_KEY, 2, DOWN),
        struct.pack("@llHHi", 7, -1, EV_KEY, 2, DOWN),
    ],
)
def test_what_no_kernel_writes_is_refused(data: bytes) -> None:
    with pytest.raises(InputEventError):
        decode_event(data)


@given(st.binary(min_size=EVENT_BYTES, max_size=EVENT_BYTES))
def test_any_bytes_are_an_event_or_a_named_error(data: bytes) -> None:
    try:
        decoded = decode_event(data)
    except InputEventError:
        return
    assert decoded.type != EV_KEY or decoded.code <= KEY_MAX


# Reading


class Node:
    """An event node whose kernel is the test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kernel, self._host = socket.socketpair()
        self._host.setblocking(False)
        self.held: list[int] = []
        self.gone = False
        self.closed = 0

    def opened(self) -> InputNode:
        return InputNode(self.name, self._host.fileno(), self._held_keys, self._close)

    def _held_keys(self) -> Iterable[int]:
        if self.gone:
            raise LinkLost(Reason.DISCONNECTED, "gone")
        return self.held

    def _close(self) -> None:
        self.closed += 1
        self._host.close()

    def say(self, *events: bytes) -> None:
        self.kernel.sendall(b"".join(events))


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    pair = Node("event8"), Node("event9")
    yield pair
    for node in pair:
        node.kernel.close()
        if not node.closed:
            node.opened().close()


async def read(link: InputLink) -> list[tuple[str, int, int]]:
    async with asyncio.timeout(DEADLINE_S):
        return [(event.node, event.code, event.value) for event in await link.read()]


async def test_keys_of_every_node_are_read_and_other_events_are_not(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    link = InputLink([first.opened(), second.opened()])
    assert link.nodes == ("event8", "event9")
    first.say(event(EV_MSC, 4, 458782), event(EV_KEY, 2, DOWN), event(EV_SYN, SYN_REPORT, 0))
    async with asyncio.timeout(DEADLINE_S):
        assert await link.read() == (KeyEvent(2, DOWN, 7.5, "event8"),)
    second.say(event(EV_KEY, 3, DOWN), event(EV_KEY, 3, UP))
    assert await read(link) == [("event9", 3, DOWN), ("event9", 3, UP)]
    link.close()
    assert (first.closed, second.closed) == (1, 1)


async def test_nothing_but_other_events_does_not_end_the_wait(nodes: tuple[Node, Node]) -> None:
    link = InputLink([nodes[0].opened()])
    reading = asyncio.create_task(link.read())
    nodes[0].say(event(EV_SYN, SYN_REPORT, 0))
    assert not (await asyncio.wait([reading], timeout=0.02))[0]
    nodes[0].say(event(EV_KEY, 2, DOWN))
    async with asyncio.timeout(DEADLINE_S):
        assert [key.code for key in await reading] == [2]
    link.close()


async def test_an_idle_link_uses_no_processor_time(nodes: tuple[Node, Node]) -> None:
    link = InputLink([node.opened() for node in nodes])
    reading = asyncio.create_task(link.read())
    start_s = time.process_time()
    await asyncio.wait([reading], timeout=0.3)
    assert time.process_time() - start_s < 0.1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    link.close()


async def test_events_may_come_in_pieces(nodes: tuple[Node, Node]) -> None:
    link = InputLink([nodes[0].opened()])
    data = event(EV_KEY, 2, DOWN) + event(EV_KEY, 2, UP)
    reading = asyncio.create_task(link.read())
    for byte in data[:EVENT_BYTES]:
        assert not reading.done()
        nodes[0].say(bytes([byte]))
        await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE_S):
        assert [key.value for key in await reading] == [DOWN]
    nodes[0].say(data[EVENT_BYTES:])
    assert await read(link) == [("event8", 2, UP)]
    link.close()


async def test_a_cancelled_read_loses_nothing(nodes: tuple[Node, Node]) -> None:
    link = InputLink([node.opened() for node in nodes])
    for code in range(1, 50):
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0)
        nodes[code % 2].say(event(EV_KEY, code, DOWN))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert [key for _, key, _ in await read(link)] == [code]
    link.close()


async def test_a_key_that_is_down_already_is_held_and_not_pressed(nodes: tuple[Node, Node]) -> None:
    nodes[0].held = [3, 2]
    link = InputLink([node.opened() for node in nodes])
    assert await read(link) == [("event8", 2, REPEAT), ("event8", 3, REPEAT)]
    nodes[0].say(event(EV_KEY, 3, UP))
    assert await read(link) == [("event8", 3, UP)]
    link.close()


async def test_after_an_overrun_the_state_of_the_keys_is_asked_for(nodes: tuple[Node, Node]) -> None:
    node = nodes[0]
    link = InputLink([node.opened()])
    node.say(event(EV_KEY, 2, DOWN), event(EV_KEY, 3, DOWN))
    assert len(await read(link)) == 2
    node.held = [3, 4]  # meanwhile 2 came up, and 4 went down
    overrun = [event(EV_KEY, 5, DOWN), event(EV_SYN, SYN_DROPPED, 0), event(EV_KEY, 4, DOWN), event(EV_SYN, 0, 0)]
    node.held.append(5)
    node.say(*overrun)
    assert await read(link) == [("event8", 5, DOWN), ("event8", 2, UP), ("event8", 4, DOWN)]
    node.say(event(EV_KEY, 4, UP))
    assert await read(link) == [("event8", 4, UP)]
    link.close()


async def test_a_device_that_goes_during_an_overrun_is_lost(nodes: tuple[Node, Node]) -> None:
    link = InputLink([nodes[0].opened()])
    nodes[0].gone = True
    nodes[0].say(event(EV_KEY, 2, DOWN), event(EV_SYN, SYN_DROPPED, 0))
    assert await read(link) == [("event8", 2, DOWN)]
    with pytest.raises(LinkLost, match="gone"):
        await link.read()
    link.close()


async def test_what_came_before_a_node_went_is_read_first(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    link = InputLink([first.opened(), second.opened()])
    second.kernel.close()
    first.say(event(EV_KEY, 2, DOWN))
    assert await read(link) == [("event8", 2, DOWN)]
    for _ in range(2):  # and it stays lost
        with pytest.raises(LinkLost) as caught:
            await link.read()
        assert caught.value.reason is Reason.DISCONNECTED
    link.close()


async def test_a_node_that_goes_ends_a_pending_read(nodes: tuple[Node, Node]) -> None:
    link = InputLink([node.opened() for node in nodes])
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    nodes[1].kernel.close()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LinkLost, match="event9"):
            await reading
    link.close()


async def test_an_error_of_the_kernel_is_a_lost_link(nodes: tuple[Node, Node]) -> None:
    """ENODEV cannot be had without a device to pull; a pty that lost its master gives EIO the same way."""
    master, slave = os.openpty()
    os.set_blocking(slave, False)
    link = InputLink([InputNode("event7", slave, tuple, lambda: os.close(slave))])
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    os.close(master)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LinkLost) as caught:
            await reading
    assert caught.value.reason is Reason.DISCONNECTED
    link.close()


async def test_noise_garbles_the_link_after_what_was_sound(nodes: tuple[Node, Node]) -> None:
    link = InputLink([nodes[0].opened()])
    nodes[0].say(event(EV_KEY, 2, DOWN), random.Random(1).randbytes(1000))
    assert await read(link) == [("event8", 2, DOWN)]
    with pytest.raises(LinkLost) as caught:
        await link.read()
    assert caught.value.reason is Reason.GARBLED
    link.close()


async def test_closing_ends_a_pending_read_and_closes_once(nodes: tuple[Node, Node]) -> None:
    link = InputLink([node.opened() for node in nodes])
    reading = asyncio.create_task(link.read())
    await asyncio.sleep(0)
    link.close()
    link.close()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LinkLost, match="closed here"):
            await reading
    assert [node.closed for node in nodes] == [1, 1]
    with pytest.raises(LinkLost, match="closed here"):
        await link.read()


# Which nodes are one device


def _node(sysfs: Path, name: str, phys: str, product: str = "5678", uniq: str = "") -> None:
    device = sysfs / name / "device"
    (device / "id").mkdir(parents=True)
    for attribute, text in {"phys": phys, "uniq": uniq, "id/bustype": "0003", "id/vendor": "1234"}.items():
        (device / attribute).write_text(f"{text}\n")
    (device / "id/product").write_text(f"{product}\n")


def test_the_nodes_of_one_device_are_those_at_one_port(tmp_path: Path) -> None:
    _node(tmp_path, "event3", "usb-0000:00:14.0-1.2/input0")
    _node(tmp_path, "event10", "usb-0000:00:14.0-1.2/input1")
    _node(tmp_path, "event4", "usb-0000:00:14.0-1.3/input0")  # an equal keypad at the next port
    _node(tmp_path, "event5", "usb-0000:00:14.0-1.2/input0", product="9999")  # what was there before
    _node(tmp_path, "event6", "usb-0000:00:14.0-1.2/input0", uniq="AB12")
    _node(tmp_path, "event7", "")  # a virtual device
    _node(tmp_path, "event8", "aa:bb:cc:dd:ee:ff")  # Bluetooth names its adapter: nothing to go by
    _node(tmp_path, "event9", "aa:bb:cc:dd:ee:ff")

    def found(name: str) -> list[str]:
        return [node.name for node in device_nodes(Path("/dev/input") / name, tmp_path)]

    assert found("event3") == ["event3", "event10"]
    assert found("event10") == ["event10", "event3"]
    for alone in ("event4", "event5", "event6", "event7", "event8", "event99"):
        assert found(alone) == [alone]


def test_a_link_to_a_node_is_followed(tmp_path: Path) -> None:
    _node(tmp_path, "event3", "usb-1/input0")
    _node(tmp_path, "event4", "usb-1/input1")
    by_path = tmp_path / "pci-usb-0:1:1.0-event-kbd"
    by_path.symlink_to("/dev/input/event3")
    assert device_nodes(by_path, tmp_path) == (Path("/dev/input/event3"), Path("/dev/input/event4"))


# Opening


async def open_input(url: str) -> InputLink:
    link = parse_link(url)
    opened = await SCHEMES[link.scheme][0](link)
    assert isinstance(opened, InputLink)
    return opened


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.link.evdev.SETTLE_S", 0.0)


async def reason_to_open(url: str) -> Reason:
    with pytest.raises(DeviceError) as caught:
        await open_input(url)
    return caught.value.reason


async def test_a_missing_node_is_not_present(tmp_path: Path) -> None:
    assert await reason_to_open(f"evdev://{tmp_path}/event0") is Reason.NOT_PRESENT
    assert await reason_to_open(f"evdev+unix://{tmp_path}/keys") is Reason.NOT_PRESENT


async def test_what_is_no_input_device_is_the_wrong_device(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("/dev/null", tmp_path / "file", tmp_path / "file" / "event0", tmp_path):
        assert await reason_to_open(f"evdev://{path}") is Reason.WRONG_DEVICE


async def test_a_node_that_may_not_be_opened_says_permission(tmp_path: Path) -> None:
    node = tmp_path / "event0"
    node.touch(mode=0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may open anything
    try:
        assert await reason_to_open(f"evdev://{node}") is Reason.PERMISSION
    finally:
        os.seteuid(user)


async def test_without_evdev_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(DeviceError, match="evdev-binary") as caught:
        await open_input("evdev:///dev/input/event0")
    assert caught.value.reason is Reason.UNSUPPORTED


async def test_a_socket_on_which_nobody_listens_is_not_present(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "keys"))
    assert await reason_to_open(f"evdev+unix://{tmp_path}/keys") is Reason.NOT_PRESENT


async def test_a_socket_of_another_kind_is_the_wrong_device(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(tmp_path / "keys"))
        assert await reason_to_open(f"evdev+unix://{tmp_path}/keys") is Reason.WRONG_DEVICE

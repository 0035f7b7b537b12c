"""Nodes whose opening or closing does not return: FIFOs, whose `open` waits in the kernel for the other end.

A serial port that takes nothing is closed in the system tests, where there is a kernel with such a port.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from drivers.device import DeviceError, Reason
from drivers.link.node import open_node
from tests.harness import until

DEADLINE_S = 30.0


@pytest.fixture
def node(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "node")
    return tmp_path / "node"


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.link.node.OPEN_S", 0.2)


def opened(node: Path) -> asyncio.Task[tuple[int, Callable[[], None]]]:
    """Begin to open the end for reading."""
    return asyncio.create_task(open_node(str(node), lambda: os.open(node, os.O_RDONLY), os.close))


def waiting(node: Path) -> list[threading.Thread]:
    """The threads that wait for the node."""
    return [thread for thread in threading.enumerate() if thread.name == f"node {node}"]


async def far_end(node: Path) -> int:
    """The end for writing: there as soon as somebody opens the other."""
    descriptors: list[int] = []

    def attempt() -> bool:
        try:
            descriptors.append(os.open(node, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads yet
            return False
        return True

    await until(attempt, "the node to be opened", DEADLINE_S)
    return descriptors[0]


def hung_up(far: int) -> bool:
    """Whether the end for reading was closed."""
    try:
        os.write(far, b"x")
    except BrokenPipeError:
        return True
    return False


async def test_what_opens_slowly_holds_nobody_up(node: Path) -> None:
    opening = opened(node)
    await until(lambda: bool(waiting(node)), "the thread", DEADLINE_S)
    assert not (await asyncio.wait([opening], timeout=0.05))[0]
    far = await far_end(node)
    descriptor, close = await opening
    os.write(far, b"!")
    assert os.read(descriptor, 1) == b"!"
    close()
    await until(lambda: hung_up(far), "the end", DEADLINE_S)
    os.close(far)


@pytest.mark.usefixtures("_hurried")
async def test_what_does_not_open_is_no_answer_and_takes_one_thread(node: Path) -> None:
    for _ in range(3):
        with pytest.raises(DeviceError, match="not open after") as caught:
            await opened(node)
        assert caught.value.reason is Reason.NO_ANSWER
        assert len(waiting(node)) == 1
    far = await far_end(node)
    await until(lambda: hung_up(far), "what opened too late to be closed", DEADLINE_S)
    os.close(far)
    await until(lambda: not waiting(node), "the thread to end", DEADLINE_S)


async def test_what_nobody_wants_any_more_is_closed(node: Path) -> None:
    opening = opened(node)
    await until(lambda: bool(waiting(node)), "the thread", DEADLINE_S)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    far = await far_end(node)
    await until(lambda: hung_up(far), "it to be closed", DEADLINE_S)
    os.close(far)


async def test_what_closes_slowly_holds_nobody_up_and_is_opened_after_that(node: Path, tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()
    order: list[str] = []

    def close_when_told(descriptor: int) -> None:
        os.close(os.open(node, os.O_RDONLY))
        order.append("closed")
        os.close(descriptor)

    def open_device(what: str) -> int:
        order.append(what)
        return os.open(device, os.O_RDONLY)

    _, close = await open_node(str(device), partial(open_device, "opened"), close_when_told)
    close()
    again = asyncio.create_task(open_node(str(device), partial(open_device, "opened again"), os.close))
    assert not (await asyncio.wait([again], timeout=0.05))[0]
    os.close(await far_end(node))
    (await again)[1]()
    assert order == ["opened", "closed", "opened again"]


@pytest.mark.usefixtures("_hurried")
async def test_what_does_not_close_is_not_opened(node: Path, tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()
    _, close = await open_node(str(device), lambda: None, lambda _: os.close(os.open(node, os.O_RDONLY)))
    close()
    with pytest.raises(DeviceError, match="not open after") as caught:
        await open_node(str(device), lambda: pytest.fail("opened"), lambda _: None)
    assert caught.value.reason is Reason.NOT_DRAINING
    os.close(await far_end(node))


async def test_a_bug_is_not_swallowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object = None) -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    with pytest.raises(ZeroDivisionError):
        await open_node(str(tmp_path), fail, fail)
    _, close = await open_node(str(tmp_path), lambda: None, fail)
    close()
    await until(lambda: "ZeroDivisionError: a bug" in caplog.text, "the log", DEADLINE_S)

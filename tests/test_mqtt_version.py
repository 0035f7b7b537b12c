"""Which version of MQTT is tried next: the rule by itself, and against a broker that has no 5."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.session import Session
from daemon.mqtt.version import RETRY_V5_S, UNANSWERED_MAX, Version, VersionChoice


class Now:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def test_a_broker_without_5_is_asked_for_3_at_once_and_for_5_again_much_later() -> None:
    now = Now()
    choice = VersionChoice("auto", now)
    assert choice.version() is Version.V5
    assert choice.refused(), "3.1.1 can be tried at once"
    assert choice.version() is Version.V311
    choice.accepted()
    now.s += RETRY_V5_S - 1
    assert choice.version() is Version.V311
    now.s += 1
    assert choice.version() is Version.V5


def test_a_broker_that_hangs_up_once_is_not_thought_to_be_old() -> None:
    choice = VersionChoice("auto", Now())
    for _ in range(UNANSWERED_MAX):
        assert choice.version() is Version.V5
        choice.unanswered()
    assert choice.version() is Version.V311
    choice.unanswered()
    assert choice.version() is Version.V5


def test_a_broker_that_refuses_both_is_not_asked_in_a_circle() -> None:
    choice = VersionChoice("auto", Now())
    assert choice.refused()
    assert not choice.refused(), "back to 5, and that only after a wait"
    assert choice.version() is Version.V5


@pytest.mark.parametrize("setting", ["5", "3.1.1"])
def test_a_fixed_version_is_kept(setting: Any) -> None:
    now = Now()
    choice = VersionChoice(setting, now)
    for _ in range(10):
        assert not choice.refused()
        choice.unanswered()
        now.s += RETRY_V5_S
        assert choice.version().value == setting


CONFIG = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


@pytest.fixture
def amqtt(tmp_path: Path) -> Iterator[int]:
    """The port of a broker that speaks 3.1.1 only."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    file = tmp_path / "amqtt.yaml"
    file.write_text(CONFIG.format(port=port), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("amqtt")), "-c", str(file)]
    with (tmp_path / "amqtt.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
    deadline = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        time.sleep(0.02)
    yield port
    assert process.poll() is None, (tmp_path / "amqtt.log").read_text(encoding="utf-8")
    process.kill()
    process.wait(10)


class Echo:
    """Sends one message to itself."""

    def __init__(self) -> None:
        self.heard: list[Incoming] = []
        self.to_send = [Outgoing("r/command/a/b", b"x", correlation_data=b"only 5 could carry this")]

    def on_connected(self) -> None:
        pass

    def on_disconnected(self, reason: str) -> None:
        pass

    def on_message(self, message: Incoming) -> None:
        self.heard.append(message)
        message.acknowledge()

    def next(self) -> Outgoing | None:
        return self.to_send.pop() if self.to_send else None


async def test_falls_back_against_a_real_broker_without_5(amqtt: int, until: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "daemon.mqtt.connection.ANSWER_S", 0.5
    )  # amqtt 0.12.1 misreads the properties, and says nothing
    echo = Echo()
    broker = Broker("127.0.0.1", "r", "kioskd-a-b", port=amqtt)
    session = Session(broker, echo, subscriptions=("command/#",), delays=lambda: itertools.repeat(0.05))
    task = asyncio.create_task(session.run())
    await until(lambda: echo.heard)
    assert session.version is Version.V311
    assert (echo.heard[0].topic, echo.heard[0].correlation_data) == ("command/a/b", None)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

"""What systemd hears, over real datagram sockets."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A manager's socket, by the name that NOTIFY_SOCKET carries."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@kioskd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(name.replace("@", "\0"))
        end.settimeout(5)
        yield name, end


def heard(end: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in end.recv(4096).decode().split("\n"))


def fill(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"STATUS=full", address)


def test_each_message_reaches_the_manager_as_one_datagram(manager: tuple[str, socket.socket]) -> None:
    name, end = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("4 devices ready")
    notifier.status("打印机缺纸")
    notifier.alive()
    notifier.stopping()
    assert heard(end) == {"READY": "1", "STATUS": "4 devices ready"}
    assert heard(end) == {"STATUS": "打印机缺纸"}
    assert heard(end) == {"WATCHDOG": "1"}
    assert heard(end) == {"STOPPING": "1"}


def test_a_reload_carries_the_monotonic_time_of_its_beginning(manager: tuple[str, socket.socket]) -> None:
    name, end = manager
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier({"NOTIFY_SOCKET": name}).reloading()
    after_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    message = heard(end)
    assert message["RELOADING"] == "1"
    assert before_us <= int(message["MONOTONIC_USEC"]) <= after_us


def test_a_status_cannot_smuggle_in_an_assignment(manager: tuple[str, socket.socket]) -> None:
    name, end = manager
    Notifier({"NOTIFY_SOCKET": name}).status("one\nSTOPPING=1")
    assert heard(end) == {"STATUS": "one STOPPING=1"}


def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready("ready")
    notifier.alive()
    assert notifier.watchdog_s is None


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path"])
def test_an_address_of_another_kind_is_reported_once_and_left_alone(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert address in caplog.text


def test_a_manager_that_is_gone_is_logged_and_does_not_stop_the_daemon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("ready")
    assert "was not told READY=1" in caplog.text


def test_the_kernel_s_full_queue_holds_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.notify.SEND_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
        fill(deaf.getsockname())
        begun_s = time.monotonic()
        notifier.alive()
        assert 0.04 < time.monotonic() - begun_s < 5


@pytest.mark.parametrize(
    ("environment", "limit_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_s_limit_counts_only_for_the_process_it_names(
    environment: dict[str, str], limit_s: float | None
) -> None:
    assert Notifier(environment).watchdog_s == limit_s

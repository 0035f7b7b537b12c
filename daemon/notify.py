"""What the daemon tells systemd about itself: sd_notify(3) in the standard library."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger(__name__)

SEND_TIMEOUT_S = 1.0
"""The manager takes a message within microseconds; one that is stuck must not hold the devices."""


class Notifier:
    """The service manager at the other end of ``NOTIFY_SOCKET``; without that variable every call does nothing.

    A message that cannot be sent is logged and dropped: the devices matter more than the manager's view of them.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environment)
        """The longest time between two `alive`, or None when nobody watches. Beat three times as often."""

    def ready(self, status: str = "") -> None:
        """Start-up or a reload is finished."""
        self._send("READY=1", *_status(status))

    def status(self, status: str) -> None:
        """One line for people, shown by ``systemctl status``."""
        self._send(*_status(status))

    def alive(self) -> None:
        """The watchdog's beat: send it only while the daemon's own work moves."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        # CLOCK_MONOTONIC as sd_notify(3) demands it, so that the manager can match it with its own signal
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """The daemon shuts down."""
        self._send("STOPPING=1")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.settimeout(SEND_TIMEOUT_S)
                manager.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            logger.warning("the service manager was not told %s: %s", assignments[0], error)


def _address(text: str) -> str:
    """The socket's address as Python takes it. sd_notify(3): a path, or ``@`` for the abstract name space."""
    if text.startswith("@"):
        return "\0" + text[1:]
    if text and not text.startswith("/"):
        logger.warning("NOTIFY_SOCKET=%s is neither a path nor an abstract name: nobody is told anything", text)
        return ""
    return text


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """sd_watchdog_enabled(3): the limit counts only for the process it names."""
    limit_us = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not limit_us.isdecimal() or int(limit_us) == 0 or process != str(os.getpid()):
        return None
    return int(limit_us) / 1_000_000


def _status(text: str) -> tuple[str, ...]:
    # a line break would begin an assignment of its own
    return (f"STATUS={' '.join(text.split())}",) if text else ()

"""The time, injected: a test holds it still, a kiosk without a clock battery boots with it in the past."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

BOOT_ID = "BOOT_ID"
"""The variable in which systemd passes it on."""

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Wall time for people and payloads, monotonic time for every duration."""

    def now(self) -> datetime:
        """The time of day, with the kiosk's own time zone."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        ...


class SystemClock:
    """The machine's clock, in its configured time zone."""

    def now(self) -> datetime:
        return datetime.now(UTC).astimezone()

    def monotonic_s(self) -> float:
        # goes on while the machine sleeps: else a night's sleep would look like a clock that was set
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def machine_start(environment: Mapping[str, str] = os.environ) -> str:
    """What tells one start of the machine, over which `Clock.monotonic_s` goes on, from the next.

    Of the kernel, or by its service manager, where a sandbox hides that; else it is as if the machine just started.
    """
    given = environment.get(BOOT_ID)
    if given:
        return given
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip().replace("-", "")  # as systemd writes it
    except OSError:
        return secrets.token_hex(16)

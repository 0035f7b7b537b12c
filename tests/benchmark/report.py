"""docs/benchmarks.md: the table, and what it was measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from daemon import __version__
from tests.benchmark.bed import DISK
from tests.benchmark.figures import Line
from tests.conftest import mosquitto_path

PAGE = """\
# Benchmarks

Written by `make benchmark`, which measures each line side by side with its reference, in one run and by turns, and
fails when a budget is missed. A ratio of two programs under the same load says more about kioskd than milliseconds of
one machine.

{table}

## What is compared

- **press**: a keypad on a Unix socket → the daemon → mosquitto → a subscriber, with a rating session open. kioskd has
  the rating and its event on the disk, fsync included, before it publishes. The reference reads such a socket and
  publishes as many bytes with paho-mqtt; it checks and stores nothing. *Beside one sync and no store*: that reference
  syncs one page to the disk before it publishes, which is the least that a promise to lose nothing can cost.
- **command**: a text for the LED display, checked, and its id remembered. The reference writes as many bytes to a pty
  in paho's callback.
- **backlog**: the daemon's store full of unsent events, beside paho publishing as many from memory, at QoS 1, in a
  window of 20. The growth is from the first tenth of the backlog to the peak.
- **ticket**: the ticket of the tests as text, and the same lines as a picture made by Pillow and python-escpos.
- **CPU of a print job**: a ticket from the queue in the store, laid out, sent over a link that costs nothing and
  confirms at once, and settled in the store, fsyncs included: the time of all threads. The reference writes the bytes
  of such a ticket, and neither stores nor asks anything.
- **CPU of calling the next number**: `ticket/next` at a counter that serves every one of 50 services, 2,000 tickets
  waiting, one in ten with a priority: the command checked and carried out, the present number finished, figures and
  events written and committed, fsync included: the time of all threads. There is no reference, the budget is absolute.
- **slip at a baud rate**: from the first byte to the last on a pty that takes bytes as slowly as that line would, the
  driver's questions to the printer included.
- **start**: from starting the process to the last device's `ready` at a subscriber, on an existing database, with
  simulated devices that answer within two milliseconds. The reference is a Python that imports every library that the
  daemon had imported at its end; *beside importing kioskd's own modules too*: every module of kioskd besides. All have
  their bytecode cached.
- **memory**: resident pages, from `/proc`. The reference is a Python that has imported the libraries of a daemon that
  has printed a ticket, and done nothing with them.
- **idle**: the time of all threads on a processor, from `/proc`.

## What it was measured on

{machine}

## What this does not say

- Everything ran on one machine, over loopback and pseudo-terminals: no network, no real port, no real device.
- Other work on the machine, above all on its disk, moves p99 most, and a p99 of some hundred rounds is never sharp.
  Look at several runs before you believe a difference of a tenth.
- A kiosk's eMMC syncs 5 to 50 times slower than the disk of a server: a press waits for one sync, and that much
  longer.
- Not measured yet: a kiosk's own processor, TLS, MQTT 3.1.1.
"""


def page(lines: Sequence[Line]) -> str:
    """The whole page."""
    return PAGE.format(table="\n".join(_table(lines)), machine="\n".join(_machine()))


def _table(lines: Sequence[Line]) -> Iterable[str]:
    yield "| what | kioskd | reference | figure | budget | |"
    yield "|---|---|---|---|---|---|"
    for line in lines:
        figure = f"{line.figure:.3g} {line.unit}"
        yield f"| {line.what} | {line.kioskd} | {line.reference} | {figure} | {line.budget} | {_verdict(line)} |"


def _verdict(line: Line) -> str:
    return "kept" if line.kept else "**missed**"


def _machine() -> Iterable[str]:
    yield f"- {datetime.now(UTC):%Y-%m-%d}, kioskd {__version__}"
    yield f"- {_processor()}, {os.cpu_count()} processors, {_memory_gb():.0f} GB; {_disk()}"
    yield f"- {platform.system()} {platform.release()}, {_distribution()}"
    packages = ", ".join(f"{name} {version(name)}" for name in ("paho-mqtt", "pydantic", "python-escpos", "pyserial"))
    yield f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
    yield f"- {_broker()}"
    yield f"- load when the run ended: {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _disk() -> str:
    """The file system that the databases were on."""
    answer = subprocess.run(["df", "--output=fstype", DISK], capture_output=True, text=True, check=True)
    return f"databases on {answer.stdout.split()[-1]}"


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "")


def _broker() -> str:
    path = mosquitto_path()
    assert path is not None
    return subprocess.run([path, "-h"], capture_output=True, text=True, check=False).stdout.splitlines()[0]

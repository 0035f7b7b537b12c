"""A store full of events that no broker has had → all of them sent."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.clock import SystemClock
from daemon.events import RatingSubmitted
from daemon.store.database import Transaction
from daemon.store.store import Store
from tests.benchmark.bed import Bed, Tally, rss_kb, topic_as_long_as
from tests.benchmark.figures import KB_IN_MIB, Line, median
from tests.harness import PROJECT, ROOT

TOPIC = f"{ROOT}/event/rating/submitted"
PLAIN = topic_as_long_as(TOPIC)
CHUNK = 500
FLAT_MIB = 8.0
"""How much the daemon may grow from the first tenth of the backlog to its peak: a batch and a window, not a backlog."""

BACKLOG_S = 120.0

CONFIGURATION = """\
hall = "demo"
kiosk = "k1"
[mqtt]
host = "{host}"
port = {port}
[store]
path = "{store}"
"""


async def measure(bed: Bed) -> list[Line]:
    """The same backlog sent several times, the reference by turns with it."""
    count, repeats = (5_000, 1) if bed.quick else (100_000, 3)
    filled = bed.directory / "filled.db"
    size = await _fill(filled, count)
    kioskd, reference, growth_mib = [], [], []
    for _ in range(repeats):
        async with bed.tally(PLAIN) as tally:
            with bed.reference("backlog", count, PLAIN, size) as process:
                rate, _ = await _rate(tally, count, process)
            reference.append(rate)
        async with bed.tally(TOPIC) as tally:
            with _daemon(bed, filled) as process:
                rate, grown_mib = await _rate(tally, count, process)
        kioskd.append(rate)
        growth_mib.append(grown_mib)
    ours, theirs = median(kioskd), median(reference)
    what = f"backlog of {count:,} events"
    return [
        Line(f"{what}, rate", f"{ours:,.0f} /s", f"{theirs:,.0f} /s", ours / theirs, 0.7, floor=True),
        Line(f"{what}, growth in memory", f"{max(growth_mib):.1f} MiB", "–", max(growth_mib), FLAT_MIB, "MiB"),
    ]


async def _fill(path: Path, count: int) -> int:
    """A store with `count` unsent events; the size of one."""
    sizes: list[int] = []
    store = Store(
        path,
        source=f"/{ROOT}",
        clock=SystemClock(),
        on_committed=lambda events: sizes.append(len(events[-1].payload)),
        on_health=_complain,
    )
    store.open()
    for begin in range(0, count, CHUNK):
        await store.transact(_ratings(range(begin, min(begin + CHUNK, count))))
    await store.close()
    return sizes[-1]


def _ratings(numbers: range) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        for number in numbers:
            ticket = f"20261121-A{number:05d}"
            transaction.emit(RatingSubmitted(session=str(number), counter="1", ticket=ticket, level=5, after_s=4.2))

    return change


def _complain(failure: str | None) -> None:
    raise AssertionError(failure)


@contextmanager
def _daemon(bed: Bed, filled: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon without devices on a copy of the store `filled`."""
    store, configuration = bed.directory / "kioskd.db", bed.directory / "kioskd.toml"
    shutil.copyfile(filled, store)
    text = CONFIGURATION.format(host=bed.broker.host, port=bed.broker.port, store=store)
    configuration.write_text(text, encoding="utf-8")
    log = bed.directory / "kioskd.log"
    command = [sys.executable, "-m", "daemon", "run", "--config", str(configuration)]
    with log.open("wb") as log_file:
        process = subprocess.Popen(command, cwd=PROJECT, stderr=log_file)
    try:
        yield process
    finally:
        if process.poll() is not None:
            print(log.read_text(encoding="utf-8"), file=sys.stderr)
        process.terminate()
        process.wait()
        for file in bed.directory.glob("kioskd.db*"):
            file.unlink()


async def _rate(tally: Tally, count: int, process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Messages a second from the first to the last, and how many MiB the process grew after the first tenth."""
    sizes_kb: list[int] = []
    async with asyncio.timeout(BACKLOG_S):
        while tally.count < count:
            await asyncio.sleep(0.05)
            assert process.poll() is None, f"it ended by itself, with exit code {process.returncode}"
            if tally.count >= count // 10:
                sizes_kb.append(rss_kb(process.pid))
    return tally.per_s, (max(sizes_kb) - sizes_kb[0]) / KB_IN_MIB

"""Thirty days of a hall by the rules of the whole daemon: what it holds in memory, and on the disk, stops growing."""

from __future__ import annotations

import gc
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon import intake, picture, upkeep
from daemon.figures import board, counting
from daemon.slips import markup, wrap
from tests.hall_month import KEEP_DAYS, HallMonth
from tests.machine_rig import MEMORY

LONG = bool(os.environ.get("LONG_TESTS"))
VISITORS = 40 if LONG else 2
"""A day."""

DAYS = 30
SETTLED, END = range(6, 10), range(DAYS - 4, DAYS)
"""The days that are compared: those from which on as much is forgotten each day as comes, and the last ones."""

NOISE = {"objects": 200, "memory_bytes": 64 << 10, "file_bytes": 32 << 10}
"""In twenty days: ten objects and 3 kB a day, of some seventy events; and eight pages of the file."""


@dataclass(frozen=True)
class Size:
    """What the daemon holds at the end of a day."""

    objects: int
    memory_bytes: int
    file_bytes: int


def size_of(hall: HallMonth) -> Size:
    for cache in (markup._parts, wrap.wrap):  # of the latest slips, and full after hundreds of them
        cache.cache_clear()
    gc.collect()
    return Size(len(gc.get_objects()), tracemalloc.get_traced_memory()[0], hall.settings.store.path.stat().st_size)


@pytest.fixture
def directory() -> Iterator[Path]:
    """In memory, where there is such a place: what is tried here is not the disk."""
    with tempfile.TemporaryDirectory(prefix="kioskd-month-", dir=MEMORY if MEMORY.is_dir() else None) as path:
        yield Path(path)


@pytest.mark.timeout(900)
async def test_nothing_grows_from_the_first_week_to_the_thirtieth_day(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in (
        (picture, "SETTLE_S", 0.0),
        (board, "GATHER_S", 0.0),
        (board, "LOOK_S", 0.1),
        (upkeep, "LOOK_S", 0.01),
        (upkeep, "KEEP_HOUSE_S", 0.05),
        # what is bounded by numbers that a month does not reach reaches them within days
        (intake, "KNOWN_MAX", 10 * VISITORS),
        (counting, "KEEP_CLOSED", KEEP_DAYS),
    ):
        monkeypatch.setattr(module, name, value)
    tracemalloc.start()
    sizes: dict[int, Size] = {}
    hall = HallMonth(directory)
    try:
        async with hall.open():
            for day in range(DAYS):
                await hall.play(VISITORS)
                if day in SETTLED or day in END:
                    sizes[day] = size_of(hall)
    finally:
        tracemalloc.stop()
    for what, noise in NOISE.items():
        before, after = (min(getattr(sizes[day], what) for day in days) for days in (SETTLED, END))
        assert after <= before + noise, (what, {day: getattr(size, what) for day, size in sizes.items()})

    # and that was a month of everything
    happened = hall.happened
    assert happened["figures.closed"] == happened["readiness.checked"] == DAYS
    assert happened["ticket.issued"] == DAYS * (VISITORS + 2)
    assert happened["rating.submitted"] == DAYS * VISITORS
    assert happened["rating.lapsed"] == happened["ticket.withdrawn"] == DAYS
    assert happened["phone.answered"] == happened["phone.missed"] == DAYS * 2
    assert happened["alert.raised"] == happened["alert.cleared"] > DAYS * 2
    assert happened["clock.jumped"] == 0

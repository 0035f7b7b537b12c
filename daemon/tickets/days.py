"""What a day was called by a clock that was set: a number is given once a day, by whatever date."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from daemon.store.database import Transaction

log = logging.getLogger(__name__)

KEY = "same_days"

NAMES_MAX = 4
"""Days with other names, and other names of a day, that are remembered: the latest."""


def names_of(transaction: Transaction, day: str) -> Sequence[str]:
    """`day`, as ticket ids begin: ``20261121``, and what it was called by the clocks before."""
    return (day, *_read(transaction).get(day, ()))


def now_called(transaction: Transaction, day: str) -> str:
    """What `day` is called since the clock was set; itself, if that is what it is called."""
    return next((name for name, others in _read(transaction).items() if day in others), day)


def call_the_same(transaction: Transaction, before: str, after: str) -> None:
    """The clock was set in the course of the day `before`, which is `after` by now."""
    days = _read(transaction)
    others = [*days.pop(after, ()), *days.pop(before, ()), before]
    # without a battery one day after the other begins as 1970-01-01: the latest is meant
    for names in days.values():
        names[:] = [name for name in names if name not in others]
    days[after] = [name for name in dict.fromkeys(others) if name != after][-NAMES_MAX:]
    transaction.set_meta(KEY, json.dumps(dict(list(days.items())[-NAMES_MAX:])))


def _read(transaction: Transaction) -> dict[str, list[str]]:
    found = transaction.meta(KEY)
    try:
        days: dict[str, list[str]] = json.loads(found) if found else {}
    except ValueError:
        log.error("what the days were called before is damaged, and forgotten: %.100r", found)
        days = {}
    return days

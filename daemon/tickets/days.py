"""What a day was called by a clock that was set: a number is given once a day, by whatever date."""

from __future__ import annotations

import json
from collections.abc import Sequence

from daemon.store.database import Transaction

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
    days[after] = [name for name in dict.fromkeys(others) if name != after][-NAMES_MAX:]
    transaction.set_meta(KEY, json.dumps(dict(list(days.items())[-NAMES_MAX:])))


def _read(transaction: Transaction) -> dict[str, list[str]]:
    found = transaction.meta(KEY)
    return json.loads(found) if found else {}

"""What a row of the table is, and the little statistics it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MS = 1e3

KB_IN_MIB = 1024
"""What Linux calls kB has 1024 bytes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: kioskd beside its reference, and the one number that has a budget.

    `figure` may be at most `limit`, or with `floor` at least.
    """

    what: str
    kioskd: str
    reference: str
    figure: float
    limit: float
    unit: str = "×"
    floor: bool = False

    @property
    def kept(self) -> bool:
        return self.figure >= self.limit if self.floor else self.figure <= self.limit

    @property
    def budget(self) -> str:
        return f"{'≥' if self.floor else '≤'} {self.limit:g} {self.unit}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The value in the middle."""
    return percentile(values, 0.5)


def latency(what: str, kioskd_s: Sequence[float], reference_s: Sequence[float], share: float, limit: float) -> Line:
    """A line that compares one percentile of two latencies."""
    ours, theirs = percentile(kioskd_s, share), percentile(reference_s, share)
    name = f"{what}, p{share * 100:g}"
    return Line(name, f"{ours * MS:.2f} ms", f"{theirs * MS:.2f} ms", ours / theirs, limit)

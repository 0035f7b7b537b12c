"""Durations in buckets that grow by a constant factor: percentiles of any number of them from a few hundred counts.

The estimate of a percentile is the middle of its bucket. Its relative error is at most (GROWTH - 1) / (GROWTH + 1),
as Masson, Rim and Lee show ("DDSketch", VLDB 2019, section 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

GROWTH = 1.05
LONGEST_S = 7 * 86_400.0
"""What is longer counts as so long."""


def bucket_of(seconds: float) -> int:
    """The bucket that holds a duration. Bucket 0 holds everything up to one second."""
    return max(0, math.ceil(math.log(max(1.0, min(seconds, LONGEST_S)), GROWTH)))


def middle_s(bucket: int) -> float:
    """The duration that stands for all in `bucket`: the one with the least relative error."""
    return 2 * GROWTH**bucket / (GROWTH + 1) if bucket else 0.5


def percentile_s(counts: Mapping[int, int], part: float) -> float | None:
    """The duration that `part` (0 to 1) of all that are counted do not exceed, by nearest rank; None without any."""
    rank = max(1, math.ceil(part * sum(counts.values())))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return middle_s(bucket)
    return None

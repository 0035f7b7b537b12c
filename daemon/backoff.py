"""How long to wait before the next attempt: longer each time, never for ever, never all at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

Delays = Callable[[], Iterator[float]]
"""Begins a new series of waits, in seconds."""


def backoff(first_s: float = 0.2, longest_s: float = 5.0, factor: float = 1.7) -> Iterator[float]:
    """Waits that grow from `first_s` to `longest_s`, each shortened by up to a quarter.

    The jitter keeps the kiosks of a hall from coming back in step after a power cut.
    """
    wait_s = first_s
    while True:
        yield wait_s * random.uniform(0.75, 1.0)
        wait_s = min(wait_s * factor, longest_s)

"""What a daemon costs when nothing happens."""

from __future__ import annotations

import asyncio
import time

from tests.benchmark.bed import Bed
from tests.benchmark.figures import Line

SETTLE_S = 2.0


async def measure(bed: Bed) -> list[Line]:
    """Its time on the processor while five devices are ready and the broker is connected."""
    seconds = 5.0 if bed.quick else 30.0
    async with bed.kiosk() as kiosk:
        await asyncio.sleep(SETTLE_S)
        began_s, used_s = time.perf_counter(), kiosk.cpu_s
        await asyncio.sleep(seconds)
        share = 100 * (kiosk.cpu_s - used_s) / (time.perf_counter() - began_s)
    return [Line(f"idle for {seconds:g} s", f"{share:.2f} % of a core", "–", share, 0.3, "%")]

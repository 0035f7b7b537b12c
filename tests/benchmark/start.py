"""Start → every device ready and the broker connected, beside Python importing the same libraries."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Sequence

from tests.benchmark.bed import Bed, BenchKiosk, Ear
from tests.benchmark.figures import MS, Line, median
from tests.benchmark.importing import imported, importing, libraries
from tests.harness import ROOT


async def measure(bed: Bed) -> list[Line]:
    """Starts and imports by turns."""
    rounds = 3 if bed.quick else 15
    kioskd_s: list[float] = []
    libraries_s: list[float] = []
    modules_s: list[float] = []
    async with bed.kiosk() as kiosk, bed.ear(f"{ROOT}/#") as ear:
        await kiosk.stop()
        modules = await imported(bed, kiosk, lambda: _all_ready(kiosk, ear))
        for _ in range(rounds):
            began_s = time.perf_counter()
            kiosk.start()
            kioskd_s.append(await _all_ready(kiosk, ear) - began_s)
            await kiosk.stop()
            libraries_s.append(_importing_s(bed, libraries(modules)))
            modules_s.append(_importing_s(bed, modules))
    return [
        _line("start → everything ready", kioskd_s, libraries_s),
        _line("start → everything ready, beside importing kioskd's own modules too", kioskd_s, modules_s),
    ]


def _line(what: str, kioskd_s: Sequence[float], reference_s: Sequence[float]) -> Line:
    ours, theirs = median(kioskd_s), median(reference_s)
    return Line(what, f"{ours * MS:.0f} ms", f"{theirs * MS:.0f} ms", ours / theirs, 1.5)


async def _all_ready(kiosk: BenchKiosk, ear: Ear) -> float:
    """When the last of what has to be ready was heard to be so."""
    devices = tomllib.loads(kiosk.configuration.read_text(encoding="utf-8"))["devices"]
    waiting = {f"{ROOT}/status": "online", **{f"{ROOT}/device/{name}": "ready" for name in devices}}
    while True:
        sound = await ear.hear(*waiting)
        if json.loads(sound.payload)["state"] == waiting[sound.topic]:
            del waiting[sound.topic]
        if not waiting:
            return sound.at_s


def _importing_s(bed: Bed, modules: Sequence[str]) -> float:
    """Seconds until a Python has imported `modules`."""
    began_s = time.perf_counter()
    with importing(bed, modules):
        return time.perf_counter() - began_s

"""Start → every device ready and the broker connected, beside Python importing the same libraries."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from tests.benchmark.bed import Bed, BenchKiosk, Ear
from tests.benchmark.figures import Line, median
from tests.harness import PROJECT, ROOT

LISTED = """\
import atexit, json, sys
from daemon.__main__ import main

def note():
    loaded = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
    libraries = [name for name in loaded if name.split(".")[0] not in ("daemon", "drivers", "__main__")]
    open({file!r}, "w").write(json.dumps(libraries))

atexit.register(note)
sys.exit(main(["run", "--config", {configuration!r}]))
"""
"""The daemon, which writes down at its end what it has imported."""

IMPORTING = """\
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    importlib.import_module(name)
print(flush=True)
"""


async def measure(bed: Bed) -> list[Line]:
    """Starts and imports by turns."""
    rounds = 3 if bed.quick else 15
    kioskd_s, reference_s = [], []
    async with bed.kiosk() as kiosk, bed.ear(f"{ROOT}/#") as ear:
        await kiosk.stop()
        names = await _imported(bed, kiosk, ear)
        for _ in range(rounds):
            began_s = time.perf_counter()
            kiosk.start()
            kioskd_s.append(await _all_ready(kiosk, ear) - began_s)
            await kiosk.stop()
            reference_s.append(_importing_s(names))
    ours, theirs = median(kioskd_s), median(reference_s)
    what = "start → everything ready"
    return [Line(what, f"{ours * 1e3:.0f} ms", f"{theirs * 1e3:.0f} ms", ours / theirs, 1.5)]


async def _imported(bed: Bed, kiosk: BenchKiosk, ear: Ear) -> Path:
    """A file with the names of everything that a daemon with all of its devices has imported."""
    file = bed.directory / "imported.json"
    program = LISTED.format(file=str(file), configuration=str(kiosk.configuration))
    with (bed.directory / "imported.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=PROJECT, stderr=log)
    await _all_ready(kiosk, ear)
    process.terminate()
    assert await process.wait() == 0, (bed.directory / "imported.log").read_text(encoding="utf-8")
    return file


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


def _importing_s(names: Path) -> float:
    """Seconds until a Python has imported `names`."""
    began_s = time.perf_counter()
    command = [sys.executable, "-c", IMPORTING, str(names)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        return time.perf_counter() - began_s

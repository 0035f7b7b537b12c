"""What a daemon imports, and a Python that imports as much and does nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.benchmark.bed import Bed, BenchKiosk
from tests.harness import PROJECT

OURS = ("daemon", "drivers")

_LISTED = """\
import atexit, json, sys
from daemon.__main__ import main

def note():
    loaded = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
    open({file!r}, "w").write(json.dumps([name for name in loaded if name != "__main__"]))

atexit.register(note)
sys.exit(main(["run", "--config", {configuration!r}]))
"""
"""The daemon, which writes down at its end what it has imported."""

_IMPORTING = """\
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    importlib.import_module(name)
print(flush=True)
sys.stdin.read()
"""


async def imported(bed: Bed, kiosk: BenchKiosk, lived: Callable[[], Awaitable[object]]) -> list[str]:
    """The modules that a daemon has imported when `lived` returns, in order, its own among them."""
    file = bed.directory / "imported.json"
    program = _LISTED.format(file=str(file), configuration=str(kiosk.configuration))
    with (bed.directory / "imported.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=PROJECT, stderr=log)
    await lived()
    process.terminate()
    assert await process.wait() == 0, (bed.directory / "imported.log").read_text(encoding="utf-8")
    names: list[str] = json.loads(file.read_text(encoding="utf-8"))
    return names


def libraries(modules: Sequence[str]) -> list[str]:
    """Those of `modules` that are not kioskd's own."""
    return [name for name in modules if name.split(".")[0] not in OURS]


@contextmanager
def importing(bed: Bed, modules: Sequence[str]) -> Iterator[int]:
    """The process of a Python that has just imported `modules`; gone afterwards."""
    file = bed.directory / "importing.json"
    file.write_text(json.dumps(modules), encoding="utf-8")
    command = [sys.executable, "-c", _IMPORTING, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        yield process.pid

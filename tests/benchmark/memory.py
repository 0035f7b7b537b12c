"""Resident memory of the daemon after a printed ticket, and what every further device adds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from simulators.bx_display import BxDisplaySimulator
from simulators.device import Simulator
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.keypad import KeypadSimulator
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import PtyEndpoint, Stage
from simulators.unix_endpoint import UnixEndpoint
from tests.benchmark.bed import Bed, Parts, command, rss_kb
from tests.benchmark.figures import KB_IN_MIB, Line, median
from tests.benchmark.importing import imported, importing, libraries
from tests.harness import ROOT

OF_EACH = 5
MAKERS: dict[str, Callable[[], Simulator]] = {
    "escpos": lambda: EscposPrinterSimulator(mm_per_s=None),
    "bx": lambda: BxDisplaySimulator(reply_s=0.002, boot_s=0.05),
    "keypad": KeypadSimulator,
    "modem": lambda: ModemPhoneSimulator(answer_s=0.005),
}
PRINTED = f"{ROOT}/event/print/printed"


async def measure(bed: Bed) -> list[Line]:
    """The harness's five devices, then twenty more of four kinds beside them, by turns."""
    of_each, repeats = (1, 1) if bed.quick else (OF_EACH, 3)
    libraries_kb = await _libraries_kb(bed)
    await _resident_kb(bed, of_each)  # the first run compiles what it imports, and is larger for it
    small, large = [], []
    for _ in range(repeats):
        small.append(await _resident_kb(bed, 0))
        large.append(await _resident_kb(bed, of_each))
    ours_mib, theirs_mib = median(small) / KB_IN_MIB, libraries_kb / KB_IN_MIB
    each_kb = (median(large) - median(small)) / (4 * of_each)
    return [
        Line(
            "resident memory, five devices, after a ticket",
            f"{ours_mib:.1f} MiB",
            f"{theirs_mib:.1f} MiB for the libraries alone",
            ours_mib,
            50,
            "MiB",
        ),
        Line("each further device", f"{each_kb:.0f} kB", "–", each_kb, 150, "kB"),
    ]


async def _libraries_kb(bed: Bed) -> int:
    """What a Python takes that has imported the libraries of a daemon which has printed a ticket."""
    async with bed.kiosk() as kiosk, bed.ear(PRINTED) as ear:
        await kiosk.stop()

        async def print_one() -> None:
            ear.publish(*command("ticket/take", service="a"))
            await ear.hear(PRINTED)

        modules = await imported(bed, kiosk, print_one)
    with importing(bed, libraries(modules)) as process:
        return rss_kb(process)


async def _resident_kb(bed: Bed, of_each: int) -> int:
    async with bed.kiosk(Parts(further=_further(bed.directory, of_each))) as kiosk, bed.ear(PRINTED) as ear:
        ear.publish(*command("ticket/take", service="a"))
        await ear.hear(PRINTED)
        return kiosk.rss_kb


def _further(directory: Path, of_each: int) -> dict[str, tuple[str, Stage]]:
    """So many devices of each kind, on lines of their own."""
    found: dict[str, tuple[str, Stage]] = {}
    for number in range(of_each):
        for driver, make in MAKERS.items():
            path = directory / f"{driver}-{number}"
            endpoint = UnixEndpoint(path) if driver == "keypad" else PtyEndpoint(path)
            found[f"{driver}-{number}"] = driver, Stage(make(), endpoint)
    return found

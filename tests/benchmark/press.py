"""A press on a keypad → a subscriber hears of it. kioskd has it on the disk before."""

from __future__ import annotations

import time

from simulators.keypad import KeypadSimulator
from simulators.stage import Stage
from simulators.unix_endpoint import UnixEndpoint
from tests.benchmark.bed import Bed, BenchKiosk, Ear, command, pause, topic_as_long_as
from tests.benchmark.figures import Line, latency
from tests.harness import ROOT

WHAT = "press → subscriber"
OPENED = f"{ROOT}/event/rating/opened"
SUBMITTED = f"{ROOT}/event/rating/submitted"
PRESSED = topic_as_long_as(SUBMITTED)
WARM_UP = 20


async def measure(bed: Bed) -> list[Line]:
    """Ratings in sessions that were opened for them, and presses of two references, by turns."""
    rounds = 30 if bed.quick else 1000
    plain, synced = (_keypad(bed, name) for name in ("plain", "synced"))
    async with bed.kiosk() as kiosk, bed.ear(OPENED, SUBMITTED, PRESSED) as ear, plain, synced:
        size = (await _rated(kiosk, ear))[1]
        with (
            bed.reference("press", bed.directory / "plain", PRESSED, size),
            bed.reference("press", bed.directory / "synced", PRESSED, size, bed.directory / "page"),
        ):
            kioskd_s, plain_s, synced_s = [], [], []
            for _ in range(WARM_UP + rounds):
                kioskd_s.append((await _rated(kiosk, ear))[0])
                plain_s.append((await _heard(plain, ear, PRESSED))[0])
                synced_s.append((await _heard(synced, ear, PRESSED))[0])
    beside_plain, beside_synced = (kioskd_s[WARM_UP:], plain_s[WARM_UP:]), (kioskd_s[WARM_UP:], synced_s[WARM_UP:])
    return [
        latency(WHAT, *beside_plain, 0.5, 2.0),
        latency(WHAT, *beside_plain, 0.99, 3.0),
        latency(f"{WHAT}, beside one sync and no store", *beside_synced, 0.5, 2.0),
    ]


def _keypad(bed: Bed, name: str) -> Stage:
    return Stage(KeypadSimulator(), UnixEndpoint(bed.directory / name))


async def _rated(kiosk: BenchKiosk, ear: Ear) -> tuple[float, int]:
    ear.publish(*command("rating/open", counter="1"))
    await ear.hear(OPENED)
    return await _heard(kiosk.lines["keypad"], ear, SUBMITTED)


async def _heard(keypad: Stage, ear: Ear, topic: str) -> tuple[float, int]:
    """Seconds from the press to the message on `topic`, and the message's size."""
    await pause()
    began_s = time.perf_counter()
    keypad.command("stuck 5")
    sound = await ear.hear(topic)
    keypad.command("release")  # not in the middle of what is measured: a finger stays longer than that
    return sound.at_s - began_s, len(sound.payload)

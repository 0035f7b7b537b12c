"""A simulated day of a hall against the whole daemon: the figures, the events and the plan come to the same."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.hall_day import COUNTERS, RATED, HallDay

LONG = bool(os.environ.get("LONG_TESTS"))
ROUNDS, CALLS = (100, 20) if LONG else (8, 2)
"""2,000 tickets, 1,500 ratings and 400 calls in the long form."""

PATIENCE_S = 60.0


async def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}"
        await asyncio.sleep(0.02)


def ready(day: HallDay) -> bool:
    states = [status["state"] for topic, status in day.hearing.retained.items() if topic.startswith("device/")]
    return states == ["ready"] * len(day.lines)


def by_nearest_rank(values: list[float], part: float) -> float:
    return sorted(values)[max(0, -(-int(part * 100) * len(values) // 100) - 1)]


async def test_figures_events_and_plan_come_to_the_same(tmp_path: Path, broker: Mosquitto) -> None:
    day = HallDay(tmp_path, broker)
    async with day.open():
        await until(lambda: ready(day), "every device")
        await day.play(rounds=ROUNDS, calls=CALLS)
        closed = day.hearing.expect("figures.closed")
        day.clock.advance(86_400)
        await day.ask("ticket/take", service="a")  # the first of the next day
        async with asyncio.timeout(PATIENCE_S):
            figures = await closed
    plan, hearing = day.plan, day.hearing
    assert plan.tickets["issued"] == COUNTERS * ROUNDS
    assert sum(plan.levels.values()) == RATED * ROUNDS
    assert sum(plan.calls.values()) == COUNTERS * CALLS

    # the events, of which none is missing
    sequences = sorted({int(event["sequence"]) for event in hearing.events})
    assert sequences == list(range(sequences[0], sequences[-1] + 1))
    heard = Counter(event["type"].removeprefix("kioskd.") for event in {e["id"]: e for e in hearing.events}.values())
    heard["ticket.issued"] -= 1  # that of the next day
    heard["print.printed"] -= 1
    assert {kind: heard[f"ticket.{kind}"] for kind in plan.tickets} == plan.tickets
    assert heard["ticket.called"] == heard["print.printed"] == COUNTERS * ROUNDS
    assert Counter(rating["level"] for rating in hearing.data("rating.submitted")) == plan.levels
    assert heard["rating.lapsed"] == plan.lapsed
    assert heard["phone.missed"] == plan.calls["missed"]
    answered = Counter(call["in_time"] for call in hearing.data("phone.answered"))
    assert answered == {True: plan.calls["in-time"], False: plan.calls["late"]}

    # the figures
    tickets = figures["tickets"]
    assert {kind: tickets[kind] for kind in plan.tickets} == plan.tickets
    assert (tickets["called"], tickets["withdrawn"]) == (COUNTERS * ROUNDS, 0)
    for (kind, service), count in plan.services.items():
        assert figures["services"][service][kind] == count
    for name, times in (("waited", plan.waited_s), ("served", plan.served_s)):
        assert tickets[name]["count"] == len(times)
        assert tickets[name]["mean_s"] == pytest.approx(sum(times) / len(times), abs=0.051)
        for key, part in (("p50_s", 0.5), ("p95_s", 0.95)):
            assert tickets[name][key] == pytest.approx(by_nearest_rank(times, part), rel=0.025)
    ratings, rated = figures["ratings"], sum(plan.levels.values())
    assert ratings["levels"] == {str(level): plan.levels[level] for level in (5, 4, 3, 2, 1)}
    assert ratings["lapsed"] == plan.lapsed
    assert ratings["participation"] == pytest.approx(rated / (rated + plan.lapsed), abs=5e-5)
    assert ratings["satisfaction"] == pytest.approx(sum(plan.levels[level] for level in (5, 4, 3)) / rated, abs=5e-5)
    phones = figures["phones"]
    assert phones["answered_in_time"] == plan.calls["in-time"]
    assert (phones["answered_late"], phones["missed"]) == (plan.calls["late"], plan.calls["missed"])
    assert figures["prints"] == {"printed": COUNTERS * ROUNDS, "unconfirmed": 0, "failed": 0, "expired": 0}
    assert {name: seen["available"] for name, seen in figures["devices"].items()} == dict.fromkeys(day.lines, 1.0)

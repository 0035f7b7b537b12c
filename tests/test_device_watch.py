"""Alerts about devices: a fault that lasts, paper that runs out, and no storm from a plug that is loose."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from daemon.alerts.device_watch import DeviceWatch, apply_verdicts
from drivers.device import Condition, Reason, State
from tests.store_rig import HeldClock, Ledger, open_ledger

READY = Condition(State.READY)
ABSENT = Condition(State.ABSENT, (Reason.NOT_PRESENT,))
LOW = Condition(State.DEGRADED, (Reason.PAPER_NEAR_END,))
EMPTY = Condition(State.FAULTED, (Reason.PAPER_END,))
UNKNOWN = Condition(State.UNKNOWN)
PATIENCE_S = 60.0


class Watched:
    """Devices whose condition is told, and what came of it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.watch = DeviceWatch(ledger.clock)
        self.devices: set[str] = set()

    def become(self, condition: Condition, for_s: float = 0.0, device: str = "d") -> None:
        """The device is so from now on, and is looked at after `for_s`."""
        self.devices.add(device)
        self.watch.changed(device, condition, PATIENCE_S)
        self.ledger.clock.advance(for_s)
        self.look()

    def look(self) -> None:
        verdicts = self.watch.verdicts(PATIENCE_S)
        self.ledger.do(lambda change: apply_verdicts(change, verdicts, self.devices))

    def told(self) -> list[tuple[str, str, str]]:
        """What was told since the last time."""
        events, stored = self.ledger.events, self.ledger.events.stored
        found = [
            (name.removeprefix("alert."), payload["data"]["alert"], payload["data"]["about"])
            for name, payload in zip(events.names, events.payloads, strict=True)
        ]
        stored.clear()
        return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db", HeldClock()) as ledger:
        yield ledger


@pytest.fixture
def watched(ledger: Ledger) -> Watched:
    watched = Watched(ledger)
    watched.become(READY, for_s=PATIENCE_S)
    assert watched.told() == []
    return watched


def test_a_fault_that_lasts_raises_one_alert_which_ends_when_it_was_well_for_as_long(watched: Watched) -> None:
    watched.become(ABSENT, for_s=59)
    assert watched.told() == []
    watched.ledger.clock.advance(1)
    watched.look()
    assert watched.ledger.events.data("alert.raised") == [
        {
            "alert": "device-fault",
            "about": "d",
            "detail": "absent, not-present",
            "figures": {"state": "absent", "reasons": ["not-present"]},
        }
    ]
    watched.become(ABSENT, for_s=3600)
    watched.become(READY, for_s=59)
    assert watched.told() == [("raised", "device-fault", "d")]
    watched.become(READY, for_s=1)
    assert watched.told() == [("cleared", "device-fault", "d")]


@pytest.mark.parametrize(("absent_s", "ready_s", "alerts"), [(2, 5, 0), (5, 2, 1), (30, 29, 1)])
def test_a_loose_plug_raises_one_alert_at_most(watched: Watched, absent_s: float, ready_s: float, alerts: int) -> None:
    for _ in range(200):
        watched.become(ABSENT, for_s=absent_s)
        watched.become(READY, for_s=ready_s)
    assert watched.told() == [("raised", "device-fault", "d")] * alerts


def test_it_says_when_to_look_next(watched: Watched) -> None:
    assert watched.watch.due_in_s(PATIENCE_S) == inf
    watched.become(ABSENT, for_s=20)
    assert watched.watch.due_in_s(PATIENCE_S) == 40
    watched.become(READY, for_s=5)
    assert watched.watch.due_in_s(PATIENCE_S) == 15
    watched.become(UNKNOWN, for_s=5)
    assert watched.watch.due_in_s(PATIENCE_S) == inf
    watched.become(ABSENT, for_s=60)
    assert watched.watch.due_in_s(PATIENCE_S) == inf


def test_what_nobody_knows_is_neither_a_fault_nor_its_end(watched: Watched) -> None:
    watched.become(UNKNOWN, for_s=3600)
    assert watched.told() == []
    watched.become(ABSENT, for_s=60)
    watched.become(UNKNOWN, for_s=3600)
    assert watched.told() == [("raised", "device-fault", "d")]


def test_low_paper_is_told_at_once_and_ends_when_there_was_paper_for_a_while(watched: Watched) -> None:
    watched.become(LOW)
    assert watched.told() == [("raised", "paper-low", "d")]
    for _ in range(50):  # a sensor at the edge of the roll
        watched.become(READY, for_s=3)
        watched.become(LOW, for_s=1)
    watched.become(EMPTY, for_s=10)
    watched.become(ABSENT, for_s=40)  # who is not there says nothing of paper
    assert watched.told() == []
    watched.become(READY, for_s=60)
    assert watched.told() == [("cleared", "paper-low", "d")]


def test_the_clock_of_the_wall_does_not_matter(watched: Watched) -> None:
    watched.become(ABSENT, for_s=30)
    watched.ledger.clock.set("1970-01-01T00:00:00+08:00")
    watched.look()
    watched.ledger.clock.set("2028-02-29T12:00:00+08:00")
    watched.look()
    assert watched.told() == []
    watched.become(ABSENT, for_s=30)
    assert watched.told() == [("raised", "device-fault", "d")]


def test_an_open_alert_outlives_restarts_until_the_device_has_worked(watched: Watched) -> None:
    watched.become(ABSENT, for_s=60)
    assert watched.told() == [("raised", "device-fault", "d")]
    again = watched
    for _ in range(10):  # started again and again, each time not for long
        watched.ledger.restart()
        again = Watched(watched.ledger)
        again.devices = {"d"}
        again.look()  # before the device has said anything
        again.become(READY, for_s=29)
        again.become(ABSENT, for_s=29)
    assert again.told() == []
    again.become(READY, for_s=60)
    assert again.told() == [("cleared", "device-fault", "d")]


def test_devices_are_told_apart_and_one_that_is_not_configured_any_more_has_none(watched: Watched) -> None:
    watched.become(EMPTY, device="e", for_s=60)
    assert watched.told() == [("raised", "device-fault", "e"), ("raised", "paper-low", "e")]
    watched.watch.forget("e")
    watched.devices = {"d"}
    watched.look()
    assert watched.told() == [("cleared", "device-fault", "e"), ("cleared", "paper-low", "e")]

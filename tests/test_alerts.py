"""Alerts: one open alert a cause, acknowledged by command, in a list that has an end."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from pydantic import ValidationError

from daemon.alerts.alerts import (
    LISTED_MAX,
    acknowledge,
    clear_alert,
    clear_others,
    follow_clock,
    open_alerts,
    raise_alert,
)
from daemon.alerts.device_watch import DeviceWatch, apply_verdicts
from daemon.alerts.queue_limits import CLEARED_AT, watch_queue
from daemon.commands import AlertAcknowledge, Refusal, Reply
from daemon.events import Alert
from daemon.events.alert_figures import AlertFigures, DeviceTrouble, RingCount
from daemon.refused import Refused
from daemon.settings import Queue, Settings
from daemon.statuses import AlertsStatus
from daemon.tickets import QueueFigures
from drivers.device import Condition, Reason, State
from tests.machine_rig import HallMachine, machine_settings
from tests.store_rig import MORNING, HeldClock, Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


ABSENT = DeviceTrouble(state="absent", reasons=("not-present",))


def raised(ledger: Ledger, alert: Alert, about: str, figures: AlertFigures = ABSENT) -> None:
    ledger.do(lambda change: raise_alert(change, alert, about, figures))


def listed(ledger: Ledger) -> AlertsStatus:
    return ledger.do(open_alerts)


def test_a_cause_has_one_open_alert_and_causes_are_told_apart(ledger: Ledger) -> None:
    for _ in range(2):
        raised(ledger, Alert.DEVICE_FAULT, "led-1")
        raised(ledger, Alert.DEVICE_FAULT, "led-2")
        raised(ledger, Alert.PAPER_LOW, "led-1")
    assert ledger.events.names == ["alert.raised"] * 3
    ledger.do(lambda change: clear_alert(change, Alert.DEVICE_FAULT, "led-1"))
    ledger.do(lambda change: clear_alert(change, Alert.DEVICE_FAULT, "led-1"))
    assert ledger.events.data("alert.cleared") == [{"alert": "device-fault", "about": "led-1"}]
    raised(ledger, Alert.DEVICE_FAULT, "led-1")
    assert ledger.events.names.count("alert.raised") == 4
    ledger.do(lambda change: clear_others(change, Alert.DEVICE_FAULT, {"led-1"}))
    assert [(entry.alert, entry.about) for entry in listed(ledger).alerts] == [
        ("device-fault", "led-1"),
        ("paper-low", "led-1"),
    ]


def test_who_has_seen_it_stands_in_the_list_until_it_is_cleared(ledger: Ledger) -> None:
    raised(ledger, Alert.PHONE_UNANSWERED, "phone-1", RingCount(rings=4, rings_max=3))
    ledger.clock.advance(30)
    ledger.do(lambda change: acknowledge(change, Alert.PHONE_UNANSWERED, "phone-1", "工号012"))
    ledger.clock.advance(30)
    ledger.do(lambda change: acknowledge(change, Alert.PHONE_UNANSWERED, "phone-1", "013"))
    assert ledger.events.data("alert.acknowledged") == [
        {"alert": "phone-unanswered", "about": "phone-1", "by": "工号012", "raised_at": MORNING}
    ]
    ledger.restart()
    (entry,) = listed(ledger).alerts
    assert entry.model_dump(mode="json") == {
        "alert": "phone-unanswered",
        "about": "phone-1",
        "detail": "ring 4, 3 are allowed",
        "figures": {"rings": 4, "rings_max": 3},
        "raised_at": MORNING,
        "acknowledged_by": "工号012",
        "acknowledged_at": "2026-11-21T08:30:30+08:00",
    }
    ledger.do(lambda change: clear_alert(change, Alert.PHONE_UNANSWERED, "phone-1"))
    assert listed(ledger) == AlertsStatus(open=0, alerts=())
    raised(ledger, Alert.PHONE_UNANSWERED, "phone-1")
    assert listed(ledger).alerts[0].acknowledged_by is None


def test_an_alert_of_before_the_clock_was_set_has_the_right_time_afterwards(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "kioskd.db", HeldClock("1970-01-01T00:00:05+08:00")) as ledger:
        began_s = ledger.clock.now().timestamp()
        raised(ledger, Alert.DEVICE_FAULT, "led-1")
        ledger.clock.advance(5)
        ledger.do(lambda change: acknowledge(change, Alert.DEVICE_FAULT, "led-1", "012"))
        ledger.clock.advance(5)
        expected_s = ledger.clock.now().timestamp()
        ledger.clock.set(MORNING)
        by_s = ledger.clock.now().timestamp() - expected_s
        ledger.do(lambda change: follow_clock(change, began_s, expected_s, by_s))
        (entry,) = listed(ledger).alerts
        assert entry.acknowledged_at is not None
        assert entry.raised_at.isoformat() == "2026-11-21T08:29:50+08:00"
        assert entry.acknowledged_at.isoformat() == "2026-11-21T08:29:55+08:00"


def test_what_is_not_open_cannot_be_acknowledged(ledger: Ledger) -> None:
    raised(ledger, Alert.PAPER_LOW, "printer-1")
    for cause in ((Alert.PAPER_LOW, "printer-2"), (Alert.DEVICE_FAULT, "printer-1")):
        with pytest.raises(Refused, match="no alert {} about {} is open".format(*cause)) as refused:
            ledger.do(partial(acknowledge, alert=cause[0], about=cause[1], by="012"))
        assert refused.value.reason is Refusal.UNKNOWN_ALERT
    assert "alert.acknowledged" not in ledger.events.names


@pytest.mark.parametrize("wrong", [{"alert": "fire"}, {"about": ""}, {"by": ""}, {"by": "a\nb"}, {"by": "长" * 41}])
def test_what_is_no_acknowledgement(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        AlertAcknowledge.model_validate({"alert": "paper-low", "about": "printer-1", "by": "012"} | wrong)


def test_the_list_has_an_end_and_begins_with_the_latest_that_nobody_has_seen(ledger: Ledger) -> None:
    for number in range(LISTED_MAX + 5):
        raised(ledger, Alert.PROMISE_DUE, f"t-{number}")
        ledger.clock.advance(1)
    ledger.do(lambda change: acknowledge(change, Alert.PROMISE_DUE, f"t-{LISTED_MAX + 4}", "012"))
    status = listed(ledger)
    assert status.open == LISTED_MAX + 5
    assert [entry.about for entry in status.alerts] == [f"t-{number}" for number in range(LISTED_MAX + 3, 3, -1)]


SERVICES = ("a", "b")
DEVICES = ("printer-1", "led-1")
LIMIT = 10
PATIENCE_S = 60.0
READY = Condition(State.READY)
CONDITIONS = (
    READY,
    Condition(State.DEGRADED, (Reason.PAPER_NEAR_END,)),
    Condition(State.FAULTED, (Reason.PAPER_END,)),
    Condition(State.ABSENT, (Reason.NO_ANSWER,)),
    Condition(State.UNKNOWN),
)
FAULTY = (State.FAULTED, State.ABSENT)


class Alerting(HallMachine):
    """Queues that grow and shrink, devices that come and go, somebody who acknowledges; and what is to be open."""

    def __init__(self) -> None:
        super().__init__(Settings({"hall": "h", "kiosk": "k"}), ())
        self.open: dict[tuple[Alert, str], str | None] = {}  # → who has seen it
        self.restart()

    def begin(self, alert: Alert, about: str) -> None:
        self.open.setdefault((alert, about), None)

    def end(self, alert: Alert, about: str) -> None:
        self.open.pop((alert, about), None)

    @rule()
    def restart(self) -> None:
        self.ledger.restart()
        self.watch = DeviceWatch(self.clock)
        # seconds that speak for a fault, of so many that decide; half of them at the start
        self.gauges = dict.fromkeys(DEVICES, PATIENCE_S / 2)
        self.paper = dict.fromkeys(DEVICES, PATIENCE_S / 2)
        self.conditions: dict[str, Condition] = {}
        self.looked_s = self.clock.monotonic_s()

    @rule(service=st.sampled_from(SERVICES), waiting=st.integers(0, 15))
    def queue_is(self, service: str, waiting: int) -> None:
        self.ledger.do(
            lambda change: watch_queue(change, service, QueueFigures(waiting, None), Queue(waiting_max=LIMIT))
        )
        if waiting > LIMIT:
            self.begin(Alert.QUEUE_TOO_LONG, service)
        elif waiting <= CLEARED_AT * LIMIT:
            self.end(Alert.QUEUE_TOO_LONG, service)

    @rule(device=st.sampled_from(DEVICES), condition=st.sampled_from(CONDITIONS))
    def device_is(self, device: str, condition: Condition) -> None:
        self.let_time_speak()
        self.watch.changed(device, condition, PATIENCE_S)
        self.conditions[device] = condition

    @rule()
    def look(self) -> None:
        self.let_time_speak()
        verdicts = self.watch.verdicts(PATIENCE_S)
        self.ledger.do(lambda change: apply_verdicts(change, verdicts, DEVICES))
        for device in self.conditions:
            for alert, seconds in ((Alert.DEVICE_FAULT, self.gauges[device]), (Alert.PAPER_LOW, self.paper[device])):
                if seconds >= PATIENCE_S:
                    self.begin(alert, device)
                elif seconds <= 0:
                    self.end(alert, device)

    def let_time_speak(self) -> None:
        """The plain model: seconds in which the device was faulty count up, those in which it worked down."""
        passed_s, self.looked_s = self.clock.monotonic_s() - self.looked_s, self.clock.monotonic_s()
        for device, condition in self.conditions.items():
            if condition.state is State.UNKNOWN:
                continue
            sign = 1 if condition.state in FAULTY else -1
            self.gauges[device] = min(PATIENCE_S, max(0.0, self.gauges[device] + sign * passed_s))
            if condition.state is State.ABSENT:
                continue
            if {Reason.PAPER_END, Reason.PAPER_NEAR_END}.isdisjoint(condition.reasons):
                self.paper[device] = max(0.0, self.paper[device] - passed_s)
            else:
                self.paper[device] = PATIENCE_S

    @rule(alert=st.sampled_from(Alert), about=st.sampled_from(SERVICES + DEVICES), by=st.sampled_from(("012", "013")))
    def somebody_acknowledges(self, alert: Alert, about: str, by: str) -> None:
        reply: Reply = self.commands.send("alert/acknowledge", alert=alert, about=about, by=by)
        if (alert, about) not in self.open:
            assert reply.reason == Refusal.UNKNOWN_ALERT
            return
        self.open[alert, about] = self.open[alert, about] or by
        assert reply.data == {"acknowledged_by": self.open[alert, about]}

    @invariant()
    def the_list_is_what_is_open(self) -> None:
        status = self.ledger.do(open_alerts)
        assert {(entry.alert, entry.about): entry.acknowledged_by for entry in status.alerts} == self.open
        assert status.open == len(self.open)

    @invariant()
    def each_is_raised_and_cleared_in_turn(self) -> None:
        open_by_events: set[tuple[str, str]] = set()
        for name, payload in zip(self.ledger.events.names, self.ledger.events.payloads, strict=True):
            cause = (payload["data"]["alert"], payload["data"]["about"])
            if name == "alert.raised":
                assert cause not in open_by_events
                open_by_events.add(cause)
            else:
                assert cause in open_by_events
                open_by_events.discard(cause) if name == "alert.cleared" else None
        assert open_by_events == set(self.open)


TestAlerting = Alerting.TestCase
TestAlerting.settings = machine_settings(15, 40)

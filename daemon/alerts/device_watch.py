"""Alerts about devices: one that cannot do its work for a while, and a printer that runs out of paper.

Theory of operation. For each cause a gauge fills while it is there and empties while it is gone; the alert is raised
when the gauge is full and cleared when it is empty, and between them stays as it is. So a device that comes and goes
raises one alert, which ends when it has been well for as long as it took. What nobody knows moves no gauge. A gauge
begins half full: after a restart, half the time decides whether an alert of before it stays.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import inf

from daemon.alerts.alerts import clear_alert, clear_others, raise_alert
from daemon.clock import Clock
from daemon.events import Alert
from daemon.events.alert_figures import DeviceTrouble
from daemon.store.database import Transaction
from drivers.device import Condition, Reason, State

PAPER = frozenset({Reason.PAPER_NEAR_END, Reason.PAPER_END})
TALKING = frozenset({State.READY, State.DEGRADED, State.FAULTED})
ALERTS = (Alert.DEVICE_FAULT, Alert.PAPER_LOW)


@dataclass(slots=True)
class Gauge:
    """The seconds that speak for a cause, of those that decide."""

    level_s: float
    there: bool | None = None

    def pass_time(self, seconds: float, full_s: float, *, at_once: bool) -> None:
        """The cause was, for so long, as last seen. `at_once`: seen once, it is certain."""
        if self.there:
            self.level_s = full_s if at_once else min(full_s, self.level_s + seconds)
        elif self.there is False:
            self.level_s = max(0.0, self.level_s - seconds)

    def decided_in_s(self, full_s: float) -> float:
        """When it will be decided if all stays as it is; infinite when it is, or nothing moves it."""
        left_s = {True: full_s - self.level_s, False: self.level_s, None: 0.0}[self.there]
        return left_s if left_s > 0.0 else inf

    def verdict(self, full_s: float) -> bool | None:
        """Whether the cause is there; None while that is not decided."""
        return self.level_s >= full_s or (False if self.level_s <= 0.0 else None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an alert about a device is to be open. None leaves it as it is."""

    open: bool | None
    condition: Condition


Verdicts = Mapping[tuple[Alert, str], Verdict]


class DeviceWatch:
    """What is known of every device. Lives in the event loop; `apply_verdicts` takes its word into the store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._conditions: dict[str, Condition] = {}
        self._gauges: dict[tuple[Alert, str], Gauge] = {}
        self._looked_s = clock.monotonic_s()

    def changed(self, device: str, condition: Condition, patience_s: float) -> None:
        """The condition of `device` is this from now on."""
        self._pass_time(patience_s)
        self._conditions[device] = condition
        for alert, there in _causes(condition).items():
            self._gauges.setdefault((alert, device), Gauge(patience_s / 2)).there = there

    def states(self) -> dict[str, str]:
        """How each device is that has said anything since this run began."""
        return {device: str(condition.state) for device, condition in self._conditions.items()}

    def forget(self, device: str) -> None:
        """There is no such device any more."""
        self._conditions.pop(device, None)
        for alert in ALERTS:
            self._gauges.pop((alert, device), None)

    def verdicts(self, patience_s: float) -> dict[tuple[Alert, str], Verdict]:
        """What is to be open now. A cause has to be there, or gone, for `patience_s`; low paper is told at once."""
        self._pass_time(patience_s)
        return {
            (alert, device): Verdict(gauge.verdict(patience_s), self._conditions[device])
            for (alert, device), gauge in self._gauges.items()
        }

    def due_in_s(self, patience_s: float) -> float:
        """When the next verdict may change without any news, in seconds."""
        self._pass_time(patience_s)
        return min((gauge.decided_in_s(patience_s) for gauge in self._gauges.values()), default=inf)

    def _pass_time(self, patience_s: float) -> None:
        now_s = self._clock.monotonic_s()
        for (alert, _), gauge in self._gauges.items():
            gauge.pass_time(now_s - self._looked_s, patience_s, at_once=alert is Alert.PAPER_LOW)
        self._looked_s = now_s


def apply_verdicts(transaction: Transaction, verdicts: Verdicts, devices: Container[str]) -> None:
    """Raise and clear the alerts about devices; those about all but `devices` are over."""
    for alert in ALERTS:
        clear_others(transaction, alert, devices)
    for (alert, device), verdict in verdicts.items():
        if verdict.open:
            raise_alert(transaction, alert, device, _figures(verdict.condition))
        elif verdict.open is False:
            clear_alert(transaction, alert, device)


def _causes(condition: Condition) -> dict[Alert, bool | None]:
    """What `condition` says of each cause. Of paper only a printer that talks says anything."""
    faulted = None if condition.state is State.UNKNOWN else condition.state in (State.FAULTED, State.ABSENT)
    low = bool(PAPER.intersection(condition.reasons)) if condition.state in TALKING else None
    return {Alert.DEVICE_FAULT: faulted, Alert.PAPER_LOW: low}


def _figures(condition: Condition) -> DeviceTrouble:
    return DeviceTrouble(state=str(condition.state), reasons=tuple(map(str, condition.reasons)))

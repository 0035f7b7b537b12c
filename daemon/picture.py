"""How the hall stands now, as retained topics: queues, counters and open alerts, read from the store after each change.

Whoever looks at them sees, too, what somebody should know: the alerts about queues, promises, counters and devices
are raised and cleared here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daemon.alerts.alerts import clear_others, open_alerts
from daemon.alerts.attendance import Idleness, watch_counters
from daemon.alerts.device_watch import DeviceWatch, Verdicts, apply_verdicts
from daemon.alerts.promises import watch_promises
from daemon.alerts.queue_limits import forget_queues, watch_queue
from daemon.envelope import StoredEvent
from daemon.events import Alert
from daemon.forecast import forecast, read_pace
from daemon.hall.situation import Post, Situation, read_situation
from daemon.model import Model
from daemon.settings import Settings
from daemon.statuses import CounterStatus, QueueStatus
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreError

SETTLE_S = 0.02
"""Changes that come together make one picture."""

WAITING_GROWS_S = 30.0
"""How often the waiting times are looked at when nothing changes."""

SHOWN = tuple(f"event/{noun}/" for noun in ("ticket", "counter", "alert", "device"))
"""The events that change the picture."""


@dataclass(frozen=True, slots=True)
class _View:
    """What one look saw."""

    topics: Mapping[str, Model]
    idleness: Idleness


class Picture:
    """Keeps ``queue/…``, ``counter/…`` and ``alerts`` true.

    `show` publishes a retained topic if it differs from before; `clear` takes one away that is not configured any more.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        devices: DeviceWatch,
        show: Callable[[str, Model], None],
        clear: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._devices = devices
        self._show = show
        self._clear = clear
        self._shown: frozenset[str] = frozenset()
        self._idleness: Idleness = {}
        self._stale = asyncio.Event()

    def committed(self, events: Sequence[StoredEvent]) -> None:
        """New events: some change the picture."""
        if any(event.topic.startswith(SHOWN) for event in events):
            self._stale.set()

    def refresh(self) -> None:
        """Look again, whatever happened."""
        self._stale.set()

    async def run(self) -> None:
        """Draw the picture anew whenever it may have changed."""
        self._stale.set()
        while True:
            try:
                async with asyncio.timeout(self._rest_s()):
                    await self._stale.wait()
            except TimeoutError:
                pass  # nothing happened, and the waiting got longer
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            await self._draw()

    def _rest_s(self) -> float:
        return min(WAITING_GROWS_S, self._devices.due_in_s(self._settings().alerts.device_s))

    async def _draw(self) -> None:
        settings, idleness = self._settings(), self._idleness
        verdicts = self._devices.verdicts(settings.alerts.device_s)
        try:
            view = await self._store.transact(lambda transaction: _look(transaction, settings, verdicts, idleness))
        except StoreError:
            return  # the topic `status` says that the store fails
        self._idleness = view.idleness
        for topic, status in view.topics.items():
            self._show(topic, status)
        for topic in self._shown - view.topics.keys():
            self._clear(topic)
        self._shown = frozenset(view.topics)


def _look(transaction: Transaction, settings: Settings, verdicts: Verdicts, idleness: Idleness) -> _View:
    situation = read_situation(transaction, settings)
    forecasts = forecast(situation, read_pace(transaction))
    watch_promises(transaction)
    apply_verdicts(transaction, verdicts, settings.devices.keys())
    clear_others(transaction, Alert.PHONE_UNANSWERED, settings.devices.keys())
    idleness = watch_counters(transaction, situation, settings.queue.unattended_s, idleness)
    forget_queues(transaction, settings.services.keys())
    for service, stands in situation.queues.items():
        watch_queue(transaction, service, stands, settings.queue, forecasts[service])
    return _View(_topics(situation, forecasts) | {"alerts": open_alerts(transaction)}, idleness)


def _topics(situation: Situation, forecasts: Mapping[str, float | None]) -> dict[str, Model]:
    topics: dict[str, Model] = {}
    for service, stands in situation.queues.items():
        longest_wait_s, forecast_s = _whole(stands.longest_wait_s), _whole(forecasts[service])
        topics[f"queue/{service}"] = QueueStatus(
            waiting=stands.waiting, longest_wait_s=longest_wait_s, forecast_s=forecast_s
        )
    for counter, post in situation.posts.items():
        topics[f"counter/{counter}"] = _counter(post)
    return topics


def _counter(post: Post) -> CounterStatus:
    stand = post.stand
    number = post.ticket.number if post.ticket else None
    return CounterStatus(state=stand.state.value, staff=stand.staff, reason=stand.reason, number=number)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)

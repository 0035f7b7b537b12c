"""Alerts about queues (rows 9, 10 and 11 of the service rules): raised above the limit, cleared well below it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import tickets
from daemon.alerts.device_watch import DeviceWatch
from daemon.alerts.queue_limits import forget_queues, watch_queue
from daemon.events import Alert
from daemon.picture import Picture
from daemon.settings import Queue, Service, Settings, load_settings
from daemon.tickets import QueueFigures
from tests.store_rig import Ledger, open_ledger, open_store, until

LIMITS = Queue(waiting_max=10, wait_max_s=600)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def look(ledger: Ledger, waiting: int, longest_wait_s: float | None = None, limits: Queue = LIMITS) -> None:
    ledger.do(lambda change: watch_queue(change, "a", QueueFigures(waiting, longest_wait_s), limits))


def told(ledger: Ledger) -> list[tuple[str, str]]:
    return [
        (name, event["data"]["alert"]) for name, event in zip(ledger.events.names, ledger.events.payloads, strict=True)
    ]


def test_ten_may_wait_the_eleventh_raises_one_alert_that_ends_at_eight(ledger: Ledger) -> None:
    for waiting in (10, 11, 10, 11, 12, 9):
        look(ledger, waiting)
    assert told(ledger) == [("alert.raised", Alert.QUEUE_TOO_LONG)]
    assert ledger.events.data("alert.raised")[0]["about"] == "a"
    look(ledger, 8)
    look(ledger, 0)
    assert told(ledger) == [("alert.raised", Alert.QUEUE_TOO_LONG), ("alert.cleared", Alert.QUEUE_TOO_LONG)]


def test_ten_minutes_may_be_waited(ledger: Ledger) -> None:
    look(ledger, 1, 600.0)
    look(ledger, 1, 601.0)
    look(ledger, 1, 490.0)
    assert told(ledger) == [("alert.raised", Alert.WAIT_TOO_LONG)]
    look(ledger, 0, None)
    assert told(ledger)[1:] == [("alert.cleared", Alert.WAIT_TOO_LONG)]


def test_row_9_in_an_emergency_hall_ten_minutes_may_be_waited(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "kioskd.toml").write_text('hall = "h"\nkiosk = "k"\nprofile = "emergency"\n')
    limits = load_settings(tmp_path / "kioskd.toml", {}).queue
    look(ledger, 1, 600.0, limits)
    assert told(ledger) == []
    look(ledger, 1, 601.0, limits)
    assert told(ledger) == [("alert.raised", Alert.WAIT_TOO_LONG)]


def test_without_limits_there_is_no_alert_and_an_open_one_ends(ledger: Ledger) -> None:
    look(ledger, 99, 9999.0, Queue())
    assert told(ledger) == []
    look(ledger, 99, 9999.0)
    look(ledger, 99, 9999.0, Queue())
    assert [name for name, _ in told(ledger)] == ["alert.raised"] * 2 + ["alert.cleared"] * 2


def test_a_service_that_is_not_configured_any_more_has_no_alert(ledger: Ledger) -> None:
    look(ledger, 11)
    ledger.do(lambda change: forget_queues(change, frozenset({"a"})))
    assert len(told(ledger)) == 1
    ledger.do(lambda change: forget_queues(change, frozenset({"b"})))
    assert told(ledger)[1:] == [("alert.cleared", Alert.QUEUE_TOO_LONG)]


async def test_a_hall_whose_queue_grows_and_shrinks(tmp_path: Path) -> None:
    service = Service(name="综合业务", printer="printer-1", prefix="A")
    limited = {"services": {"a": {"name": "综合业务", "printer": "p", "prefix": "A"}}, "queue": {"waiting_max": 2}}
    devices = {"devices": {"p": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"}}}
    settings = Settings({"hall": "h", "kiosk": "k"} | limited | devices)
    async with open_store(tmp_path / "kioskd.db") as rig:
        picture = Picture(
            lambda: settings, rig.store, DeviceWatch(rig.clock), lambda _topic, _status: None, lambda _topic: None
        )
        drawing = asyncio.create_task(picture.run())
        for _ in range(3):
            ticket, _ahead = await rig.store.transact(lambda change: tickets.take(change, "a", service))
            await rig.store.transact(lambda change, ticket=ticket: tickets.let_wait(change, ticket.id))  # type: ignore[misc]
        picture.refresh()
        await until(lambda: rig.events.data("alert.raised"), "the alert")
        figures = {"waiting": 3, "waiting_max": 2}
        raised = {"alert": Alert.QUEUE_TOO_LONG, "about": "a", "detail": "3 wait, 2 may", "figures": figures}
        assert rig.events.data("alert.raised") == [raised]
        for _ in range(2):
            await rig.store.transact(lambda change: tickets.call_next(change, "1", ("a",)))
        picture.committed(rig.events.stored)
        await until(lambda: rig.events.data("alert.cleared"), "the end of the alert")
        drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await drawing

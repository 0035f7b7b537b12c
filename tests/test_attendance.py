"""Posts are not left empty (row 17 of the service rules): when an open counter is unattended, and when no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon import tickets
from daemon.alerts.alerts import open_alerts
from daemon.alerts.attendance import watch_counters
from daemon.hall import counters
from daemon.hall.situation import read_situation
from daemon.settings import Settings
from daemon.store.database import Transaction
from tests.store_rig import Ledger, open_ledger

LIMIT_S = 600
SETTINGS = Settings(
    {
        "hall": "h",
        "kiosk": "k",
        "services": {
            "a": {"name": "综合业务", "printer": "p", "prefix": "A"},
            "b": {"name": "社保业务", "printer": "p", "prefix": "B"},
        },
        "counters": {
            "1": {"name": "1号窗口", "services": ["a"]},
            "2": {"name": "2号窗口", "services": ["a", "b"]},
        },
        "devices": {"p": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"}},
    }
)


class Room:
    """Two counters, and whoever looks at them."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.idleness: object = {}
        self.restart()

    def restart(self) -> None:
        self.ledger.restart()
        self.idleness = {}

    def do(self, change: Callable[[Transaction], object]) -> None:
        self.ledger.do(change)
        self.look()

    def look(self, limit_s: int | None = LIMIT_S) -> None:
        def change(transaction: Transaction) -> object:
            situation = read_situation(transaction, SETTINGS)
            return watch_counters(transaction, situation, limit_s, self.idleness)  # type: ignore[arg-type]

        self.idleness = self.ledger.do(change)

    def wait(self, seconds: float) -> None:
        self.ledger.clock.advance(seconds)
        self.look()

    def somebody_comes(self, service: str = "a") -> None:
        def change(transaction: Transaction) -> None:
            ticket, _ = tickets.take(transaction, service, SETTINGS.services[service])
            tickets.let_wait(transaction, ticket.id)

        self.do(change)

    def opens(self, counter: str) -> None:
        self.do(lambda change: counters.open_counter(change, counter, "012"))

    def calls(self, counter: str) -> None:
        self.do(lambda change: tickets.call_next(change, counter, SETTINGS.counters[counter].services))

    @property
    def unattended(self) -> set[str]:
        return {entry.about for entry in self.ledger.do(open_alerts).alerts if entry.alert == "counter-unattended"}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield Room(ledger)


def test_people_wait_and_the_open_counter_calls_nobody(room: Room) -> None:
    room.opens("1")
    room.wait(3600)
    room.somebody_comes()
    room.wait(LIMIT_S)
    assert room.unattended == set()
    room.wait(1)
    assert room.unattended == {"1"}
    assert room.ledger.events.data("alert.raised") == [
        {
            "alert": "counter-unattended",
            "about": "1",
            "detail": "1 wait, nothing was done for 601 s, 600 s may be",
            "figures": {"waiting": 1, "idle_s": 601.0, "unattended_s": 600},
        }
    ]
    room.wait(600)
    room.calls("1")
    assert room.unattended == set()
    assert [name for name in room.ledger.events.names if name.startswith("alert")] == ["alert.raised", "alert.cleared"]


def test_a_called_number_stands_at_an_open_counter(room: Room) -> None:
    room.opens("1")
    room.somebody_comes()
    room.calls("1")
    room.wait(LIMIT_S - 1)
    room.do(lambda change: tickets.call_again(change, "1"))
    room.wait(LIMIT_S)
    assert room.unattended == set()
    room.wait(1)
    assert room.unattended == {"1"}
    room.do(lambda change: tickets.finish(change, "1"))
    assert room.unattended == set()


def test_each_counter_for_itself(room: Room) -> None:
    room.opens("1")
    room.opens("2")
    for _ in range(5):
        room.somebody_comes()
    for _ in range(3):
        room.calls("2")
        room.wait(400)
    assert room.unattended == {"1"}
    room.somebody_comes("b")
    room.wait(300)
    assert room.unattended == {"1", "2"}


def test_who_waits_for_another_counter_alone_makes_nobody_else_s_post_an_empty_one(room: Room) -> None:
    room.opens("1")
    room.opens("2")
    room.somebody_comes()
    room.calls("1")
    room.do(lambda change: tickets.transfer(change, "1", "a", "2"))
    room.wait(601)
    assert room.unattended == {"2"}
    room.do(lambda change: counters.close_counter(change, "2"))
    room.wait(601)
    assert room.unattended == {"1"}, "by now it may call whom counter 2 left waiting"


@pytest.mark.parametrize(
    "change",
    [
        lambda change: counters.pause_counter(change, "1", "开会"),
        lambda change: counters.close_counter(change, "1"),
        lambda change: counters.open_counter(change, "1", "013"),  # somebody took over
        lambda change: tickets.call_next(change, "2", ("a",)),  # nobody waits any more
    ],
)
def test_what_else_ends_it(room: Room, change: Callable[[Transaction], object]) -> None:
    room.opens("1")
    room.somebody_comes()
    room.wait(601)
    assert room.unattended == {"1"}
    room.do(change)
    assert room.unattended == set()


def test_only_what_a_command_opened_is_watched(room: Room) -> None:
    room.somebody_comes()
    room.wait(3600)
    assert room.unattended == set()


def test_without_a_limit_there_is_no_alert_and_an_open_one_ends(room: Room) -> None:
    room.opens("1")
    room.somebody_comes()
    room.wait(601)
    assert room.unattended == {"1"}
    room.look(limit_s=None)
    assert room.unattended == set()


def test_an_open_alert_outlives_a_restart_and_the_time_begins_anew(room: Room) -> None:
    room.opens("1")
    room.opens("2")
    room.somebody_comes("a")
    room.wait(601)
    assert room.unattended == {"1", "2"}
    room.restart()
    room.look()
    room.wait(500)
    assert room.unattended == {"1", "2"}
    room.calls("2")
    assert room.unattended == set()
    room.somebody_comes("a")
    room.restart()
    room.wait(600)
    assert room.unattended == set()


def test_the_clock_of_the_wall_does_not_matter(room: Room) -> None:
    room.opens("1")
    room.somebody_comes()
    room.wait(300)
    room.ledger.clock.set("2026-11-21T12:30:00+08:00")
    room.look()
    assert room.unattended == set()
    room.wait(301)
    assert room.unattended == {"1"}

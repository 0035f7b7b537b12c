"""Which numbers there are to be had: opening hours, daily limits, and a queue that another system keeps (rule 1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import tickets
from daemon.calendar import Calendar, Span
from daemon.commands import Refusal, Reply
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.hall.opening_hours import OpeningHours
from daemon.hall.queue_mode import ONLY_IN
from daemon.intake import Intake
from daemon.settings import Settings
from daemon.settings.calendar_file import parse_calendar
from tests.machine_rig import Message, Silent
from tests.queue_rig import TABLES, Queue
from tests.store_rig import HeldClock, Ledger, open_ledger, open_store, until

WEEK = parse_calendar(
    'holidays = ["2026-11-23"]\n[hours]\nmon = ["09:00-12:00", "13:00-17:00"]\ntue = ["09:00-12:00"]\n'
    'sat = ["09:00-12:00"]\n'
)
"""The clock of the tests stands at a Saturday's 08:30."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def hall(**of_a: Any) -> dict[str, Any]:
    """The hall of the tests, with more said of service a."""
    services = {**TABLES["services"], "a": {**TABLES["services"]["a"], **of_a}}
    return {**TABLES, "services": services}


# opening hours


def at(moment: str) -> Any:
    return HeldClock(f"{moment}+08:00").now()


@pytest.mark.parametrize(
    ("hours", "moment", "opens"),
    [
        ((), "2026-11-22T03:00", None),
        (("08:30-11:30",), "2026-11-21T08:30", None),
        (("08:30-11:30",), "2026-11-21T08:29:59", "2026-11-21T08:30"),
        (("08:30-11:30", "13:00-16:00"), "2026-11-21T11:30", "2026-11-21T13:00"),
        (("08:30-11:30",), "2026-11-21T12:00", "2026-11-24T08:30"),  # Sunday closed, Monday a holiday
        (("calendar",), "2026-11-21T08:59", "2026-11-21T09:00"),
        (("calendar",), "2026-11-21T09:00", None),
        (("08:30-09:00", "calendar"), "2026-11-21T08:45", None),
        (("00:00-24:00",), "2026-11-23T10:00", "2026-11-24T00:00"),
    ],
)
def test_hours_are_those_of_the_days_on_which_the_hall_is_open(
    hours: tuple[str, ...], moment: str, opens: str | None
) -> None:
    opening = OpeningHours.parse(hours)
    assert opening.is_open(WEEK, at(moment)) is (opens is None)
    if opens is not None:
        assert opening.next_opening(WEEK, at(moment)) == at(opens)


def test_without_a_calendar_every_day_is_one() -> None:
    opening = OpeningHours.parse(("08:00-08:10",))
    assert opening.next_opening(Calendar(), at("2026-11-22T09:00")) == at("2026-11-23T08:00")
    closed = Calendar(week=((), (), (), (), (), (), ()))
    assert opening.next_opening(closed, at("2026-11-22T09:00")) is None


@pytest.mark.parametrize("text", ["9-12", "12:00-09:00", "09:00-24:30", "holiday", ""])
def test_what_are_no_hours_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="hours"):
        OpeningHours.parse((text,))
    assert OpeningHours.parse(("09:00-12:00",)).own == (Span(32_400, 43_200),)


def test_a_closed_service_gives_no_number_and_says_when_it_opens(ledger: Ledger) -> None:
    queue = Queue(ledger, hall(hours=["09:00-11:30"]))
    reply = queue.send("take", service="a")
    assert reply.reason == Refusal.SERVICE_CLOSED
    assert reply.data == {"opens_at": "2026-11-21T09:00:00+08:00"}
    assert "opens at 2026-11-21 09:00" in reply.detail
    assert queue.come("b") == "B001"
    queue.clock.advance(1800)
    assert queue.come() == "A001"
    queue.clock.advance(3 * 3600)
    assert queue.next() == "A001", "who has a number is served"


# daily limits


def test_no_more_numbers_are_given_in_a_day_than_are_served(ledger: Ledger) -> None:
    queue = Queue(ledger, hall(daily_max=2, hours=["08:00-12:00"]))
    queue.come()
    queue.come()
    ledger.restart()
    reply = queue.send("take", service="a")
    assert reply.reason == Refusal.LIMIT_REACHED
    assert reply.data == {"opens_at": "2026-11-22T08:00:00+08:00"}
    queue.clock.advance(86_400)
    assert queue.come() == "A001"


def test_a_number_that_nobody_holds_does_not_count_for_the_limit(ledger: Ledger) -> None:
    queue = Queue(ledger, hall(daily_max=2))
    unprinted = str(queue.send("take", service="a").data["ticket"])
    queue.come()
    ledger.do(lambda change: tickets.withdraw(change, unprinted, "paper-end"))
    assert queue.come() == "A003", "and its number is not given again"
    queue.send("cancel", ticket="A003")
    assert queue.come() == "A004"
    assert queue.send("take", service="a").reason == Refusal.LIMIT_REACHED


# a queue that another system keeps


def test_a_number_of_another_system_is_printed_and_waits(ledger: Ledger) -> None:
    queue = Queue(ledger, mode="external")
    due = "2026-11-21T10:00:00+08:00"
    reply = queue.send("print", number="K-12", service="a", ahead=7, due_at=due, priority="elderly")
    assert reply.data == {"ticket": "20261121-K-12", "number": "K-12", "ahead": 7, "due_at": due}
    (slip,) = queue.slips()
    said = [slip["data"][field] for field in ("number", "ahead", "due_at", "priority")]
    assert said == ["K-12", 7, due, "老年人优先"]
    assert queue.send("call", counter="1", ticket="K-12").reason == Refusal.NOT_WAITING
    queue.comes_out(reply)
    assert queue.send("call", counter="1", ticket="K-12").reason is None
    assert queue.send("finish", counter="1").reason is None


def test_a_number_is_given_once_a_day_but_for_one_that_was_taken_back(ledger: Ledger) -> None:
    queue = Queue(ledger, mode="external")
    ticket = str(queue.send("print", number="12", service="a").data["ticket"])
    assert queue.send("print", number="12", service="a").reason == Refusal.NUMBER_IN_USE
    assert queue.send("register", number="12", service="b").reason == Refusal.NUMBER_IN_USE
    ledger.do(lambda change: tickets.withdraw(change, ticket, "paper-end"))
    again = queue.send("print", number="12", service="a")
    queue.comes_out(again)
    queue.clock.advance(86_400)
    assert queue.send("print", number="12", service="a").reason is None


def test_a_number_without_a_slip_of_this_kiosk_is_waited_for_too(ledger: Ledger) -> None:
    queue = Queue(ledger, mode="external")
    assert queue.send("register", number="K1", service="a").data["ahead"] == 0
    assert queue.send("register", number="K2", service="a").data["ahead"] == 1
    queue.clock.advance(600)
    figures = ledger.do(lambda change: tickets.figures(change, "a"))
    assert (figures.waiting, figures.longest_wait_s) == (2, 600.0)
    queue.send("call", counter="1", ticket="K2")
    queue.send("skip", counter="1")
    assert queue.state("K2") == "absent", "who is called again, and when, the other system says"
    assert queue.send("return", ticket="K2").reason is None
    assert queue.state("K2") == "waiting"
    assert queue.slips() == []


@pytest.mark.parametrize("mode", ["own", "external"])
def test_what_does_not_fit_who_keeps_the_queue_is_refused(ledger: Ledger, mode: str) -> None:
    queue = Queue(ledger, mode=mode)
    data = {
        "take": {"service": "a"},
        "next": {"counter": "1"},
        "print": {"number": "1", "service": "a"},
        "register": {"number": "1", "service": "a"},
    }
    assert {kind.VERB for kind in ONLY_IN} == data.keys()
    for kind, needed in ONLY_IN.items():
        refused = queue.send(kind.VERB, **data[kind.VERB]).reason == Refusal.QUEUE_MODE
        assert refused is (needed != mode), kind


# two counters in the same moment


async def test_two_counters_that_call_in_the_same_moment_never_get_the_same_number(tmp_path: Path) -> None:
    settings = Settings(dict(TABLES))
    silent = Silent()
    desk = Hall(settings, Desks(boards={}, ratings={}, printers={"printer-1": silent}))
    async with open_store(tmp_path / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        intake = Intake(lambda: desk, rig.store, rig.clock, tasks, lambda _: None, lambda: None)
        await intake.open()
        replies: list[Reply] = []

        def send(command: str, name: str, **data: Any) -> None:
            body = {"id": command, "deadline": "2100-01-01T00:00:00Z", "data": data}
            message = Message(f"command/ticket/{name}", json.dumps(body).encode())
            intake.receive(message, replies.append, lambda: None)

        for number in range(60):
            ticket, _ = await rig.store.transact(lambda change: tickets.take(change, "a", settings.services["a"]))
            await rig.store.transact(lambda change, ticket=ticket: tickets.let_wait(change, ticket.id))  # type: ignore[misc]
            send(f"{number}-1", "next", counter="1")
            send(f"{number}-2", "next", counter="2")
        await until(lambda: len(finals(replies)) == 120, "every answer")
        called = [reply.data["number"] for reply in finals(replies) if reply.reason is None]
        assert sorted(called) == [f"A{number:03d}" for number in range(1, 61)]
        assert {reply.reason for reply in finals(replies)} == {None, Refusal.NOTHING_WAITING}


def finals(replies: list[Reply]) -> list[Reply]:
    return [reply for reply in replies if reply.final]

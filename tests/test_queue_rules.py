"""The queue's commands, each over the hall's real rules and a real database: rules 1, 5 and 12 of the service rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from daemon import tickets
from daemon.commands import Refusal
from daemon.model import Priority
from daemon.settings import Settings
from daemon.slips.book import SlipBook
from daemon.slips.examples import example, example_data
from daemon.slips.models import SLIPS
from daemon.slips.order import PRIORITY_WORDS
from daemon.texts import SLIP_LANGUAGES, SlipLanguage
from drivers.printer.page_text import as_text
from tests.machine_rig import CommandLog
from tests.queue_rig import TABLES, Queue
from tests.store_rig import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


@pytest.fixture
def queue(ledger: Ledger) -> Queue:
    return Queue(ledger, passed_over_max=2)


# rule 12: emergency patients, disabled people, elderly people and appointments first


def test_row_12_priorities_are_called_by_rank_and_within_one_by_arrival(ledger: Ledger) -> None:
    queue = Queue(ledger, passed_over_max=100)
    come = ["ordinary", "appointment", "elderly", "disabled", "emergency", "elderly"]
    numbers = {number: kind for kind in come for number in [queue.come(priority=kind)]}
    called = [queue.next() for _ in come]
    assert [numbers[str(number)] for number in called] == [
        "emergency", "disabled", "elderly", "elderly", "appointment", "ordinary",
    ]  # fmt: skip
    assert called[2:4] == ["A003", "A006"]


def test_row_12_whoever_has_waited_longest_is_passed_over_so_often_and_no_oftener(queue: Queue) -> None:
    for kind in ["ordinary", "ordinary", *["emergency"] * 5]:
        queue.come(priority=kind)
    assert [queue.next() for _ in range(7)] == ["A003", "A004", "A001", "A005", "A006", "A002", "A007"]


def test_row_12_passing_over_is_remembered_over_a_restart_and_by_all_counters(queue: Queue) -> None:
    for kind in ["ordinary", *["disabled"] * 4]:
        queue.come(priority=kind)
    assert queue.next("1") == "A002"
    queue.ledger.restart()
    assert [queue.next("2"), queue.next("1")] == ["A003", "A001"]


def test_row_12_without_passing_over_the_order_is_that_of_arrival(ledger: Ledger) -> None:
    queue = Queue(ledger, passed_over_max=0)
    for kind in ["ordinary", "emergency", "elderly"]:
        queue.come(priority=kind)
    assert [queue.next() for _ in range(3)] == ["A001", "A002", "A003"]


def test_row_12_the_ticket_and_the_reply_know_of_the_priority(queue: Queue) -> None:
    queue.come()
    queue.come(priority="elderly")
    reply = queue.send("take", service="a", priority="emergency")
    assert reply.data["ahead"] == 0
    assert queue.send("take", service="a", priority="appointment").data["ahead"] == 2
    assert [slip["data"]["priority"] for slip in queue.slips()] == ["", "老年人优先", "急诊优先", "预约"]
    issued = queue.ledger.events.data("ticket.issued")
    assert [event["priority"] for event in issued] == ["ordinary", "elderly", "emergency", "appointment"]


@pytest.mark.parametrize("template", ["ticket", "ticket-large"])
@pytest.mark.parametrize("language", SLIP_LANGUAGES)
@pytest.mark.parametrize("columns", [32, 48])
def test_row_12_every_template_of_a_ticket_has_room_for_it(template: str, language: SlipLanguage, columns: int) -> None:
    words = PRIORITY_WORDS[Priority.EMERGENCY][language]
    slip = SLIPS[template].model_validate(example_data(template, language) | {"priority": words})
    said, ordinary = (
        "".join(as_text(SlipBook().lay_out(template, language, each, columns)).split())  # large print is spaced out
        for each in (slip, example(template, language))
    )
    assert words in said
    assert words not in ordinary


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    who=st.lists(st.sampled_from(list(Priority)), min_size=1, max_size=12),
    later=st.lists(st.sampled_from(list(Priority)), max_size=40),
    most=st.integers(0, 3),
)
def test_row_12_everybody_is_called_by_the_call_that_is_promised(
    tmp_path_factory: pytest.TempPathFactory, who: list[Priority], later: list[Priority], most: int
) -> None:
    """With k people before them, by the (k + 1)(`passed_over_max` + 1)-th call, whoever comes later."""
    with open_ledger(tmp_path_factory.mktemp("order") / "kioskd.db") as ledger:
        queue = Queue(ledger, passed_over_max=most)
        first = [queue.come(priority=kind) for kind in who]
        called: list[str | None] = []
        while len(called) < len(first) + len(later):
            if len(called) < len(later):
                queue.come(priority=later[len(called)])
            called.append(queue.next())
        for before, number in enumerate(first):
            assert called.index(number) + 1 <= (before + 1) * (most + 1)


# a given number, a mistake, somebody who does not come


def test_a_given_number_is_called_before_all_others(queue: Queue) -> None:
    for _ in range(3):
        queue.come()
    assert queue.send("call", counter="1", ticket="A003").data["number"] == "A003"
    assert queue.send("call", counter="1", ticket="20261121-A002").data["number"] == "A002"
    assert (queue.state("A003"), queue.next()) == ("finished", "A001")


def test_a_number_alone_is_that_of_today_and_after_midnight_of_yesterday(queue: Queue) -> None:
    queue.clock.set("2026-11-21T23:50:00+08:00")
    queue.come()
    queue.come()
    assert queue.next("2") == "A001"
    queue.send("finish", counter="2")
    queue.clock.set("2026-11-22T00:10:00+08:00")
    assert queue.come() == "A001"
    assert queue.send("call", counter="1", ticket="A002").data["ticket"] == "20261121-A002"
    assert queue.send("call", counter="2", ticket="A001").data["ticket"] == "20261122-A001"


def test_row_1_after_midnight_no_number_is_given_that_somebody_still_waits_with(queue: Queue) -> None:
    queue.clock.set("2026-11-21T23:50:00+08:00")
    for _ in range(4):
        queue.come()
    queue.next()
    queue.next("2")
    queue.send("finish", counter="1")
    queue.clock.set("2026-11-22T00:10:00+08:00")
    assert queue.come() == "A001", "that of yesterday is finished"
    assert queue.come() == "A005", "who has A002 is being served, and two wait"
    queue.clock.advance(12 * 3600)
    assert queue.come() == "A006"


def test_what_cannot_be_called_is_refused_by_its_reason(queue: Queue) -> None:
    printing = str(queue.send("take", service="a").data["ticket"])
    queue.come("b")
    queue.come()
    queue.next("2")
    reasons = {
        "A777": Refusal.UNKNOWN_TICKET,
        printing: Refusal.NOT_WAITING,
        "A002": Refusal.NOT_SERVED,
    }
    assert queue.send("call", counter="1", ticket="B001").reason == Refusal.NOT_WAITING, "counter 2 serves it"
    for name, reason in reasons.items():
        assert queue.send("call", counter="3", ticket=name).reason == reason
    queue.send("finish", counter="2")
    assert queue.send("call", counter="3", ticket="B001").reason == Refusal.TICKET_OVER


def test_a_called_number_that_is_called_is_called_again(queue: Queue) -> None:
    queue.come()
    queue.next()
    assert queue.send("call", counter="1", ticket="A001").reason is None
    assert [event["times"] for event in queue.ledger.events.data("ticket.called")] == [1, 2]


def test_the_last_call_can_be_undone_once_and_only_for_a_while(queue: Queue) -> None:
    for _ in range(3):
        queue.come()
    queue.next()
    assert queue.next() == "A002"
    queue.clock.advance(60)
    assert queue.send("uncall", counter="1").data["number"] == "A002"
    assert queue.send("uncall", counter="1").reason == Refusal.NO_TICKET
    assert (queue.state("A001"), queue.next("2")) == ("finished", "A002"), "it has its place back"
    queue.clock.advance(61)
    assert queue.send("uncall", counter="2").reason == Refusal.TOO_LATE
    assert queue.ledger.events.data("ticket.uncalled") == [
        {"ticket": "20261121-A002", "number": "A002", "service": "a", "counter": "1"}
    ]


def test_who_does_not_come_is_absent_and_can_be_brought_back(queue: Queue) -> None:
    for _ in range(3):
        queue.come()
    queue.next()
    queue.send("skip", counter="1")
    assert queue.state("A001") == "absent"
    assert queue.ledger.events.data("ticket.skipped")[0]["back_after"] is None
    assert queue.send("return", ticket="A002").reason == Refusal.NOT_ABSENT
    assert queue.send("return", ticket="A001").reason is None
    assert [queue.next(), queue.next(), queue.next()] == ["A002", "A003", "A001"], "at once when nobody else waits"
    assert queue.send("skip", counter="1").reason is None
    queue.clock.advance(12 * 3600)
    assert queue.send("return", ticket="A001").reason == Refusal.TICKET_OVER


def test_by_policy_who_does_not_come_is_called_again_after_some_others_and_so_often_only(ledger: Ledger) -> None:
    queue = Queue(ledger, back_after=2, back_times=1)
    for _ in range(5):
        queue.come()
    assert queue.next() == "A001"
    queue.send("skip", counter="1")
    assert (queue.state("A001"), queue.ledger.events.data("ticket.skipped")[0]["back_after"]) == ("skipped", 2)
    queue.ledger.restart()
    assert [queue.next("2"), queue.next(), queue.next()] == ["A002", "A003", "A001"]
    assert len(queue.ledger.events.data("ticket.returned")) == 1
    queue.send("skip", counter="1")
    assert queue.state("A001") == "absent"
    assert [queue.next(), queue.next(), queue.next()] == ["A004", "A005", Refusal.NOTHING_WAITING]


def test_a_visitor_who_leaves_is_not_called(queue: Queue) -> None:
    queue.come()
    queue.come()
    assert queue.send("cancel", ticket="A001").reason is None
    assert queue.send("cancel", ticket="A001").reason == Refusal.NOT_WAITING
    assert queue.ledger.events.data("ticket.withdrawn")[0]["reason"] == "cancelled"
    assert queue.next() == "A002"


# rule 5: first-asked responsibility


def test_row_5_a_transferred_number_keeps_its_place_and_its_waiting_time(queue: Queue) -> None:
    queue.come("a")
    queue.clock.advance(100)
    queue.come("b")
    assert queue.next("1") == "A001"
    queue.clock.advance(20)
    assert queue.send("transfer", counter="1", service="b").reason is None
    assert queue.ledger.events.data("ticket.transferred") == [
        {"ticket": "20261121-A001", "number": "A001", "service": "a", "counter": "1", "to_service": "b",
         "to_counter": None, "served_s": 20.0}
    ]  # fmt: skip
    assert (queue.next("1"), queue.next("3")) == (Refusal.NOTHING_WAITING, "A001")
    assert queue.ledger.events.data("ticket.called")[-1]["waited_s"] == 120.0


def test_row_5_a_number_that_is_sent_to_a_counter_waits_for_it_alone(queue: Queue) -> None:
    queue.come("a")
    queue.next("1")
    assert queue.send("transfer", counter="1", service="a", to_counter="3").reason == Refusal.NOT_SERVED
    assert queue.send("transfer", counter="1", service="b", to_counter="9").reason == Refusal.UNKNOWN_COUNTER
    assert queue.send("transfer", counter="1", service="b", to_counter="3").reason is None
    assert queue.next("2") == Refusal.NOTHING_WAITING
    assert queue.send("call", counter="2", ticket="A001").reason == Refusal.NOT_SERVED
    assert queue.next("3") == "A001"


def test_row_5_nobody_waits_for_ever_for_a_counter_that_is_gone(queue: Queue) -> None:
    queue.come("a")
    queue.next("1")
    queue.send("transfer", counter="1", service="b", to_counter="3")
    queue.ledger.do(lambda change: tickets.leave_counters(change, {"2": frozenset("ab"), "3": frozenset("a")}))
    assert queue.next("2") == "A001"


def test_row_5_a_referral_slip_is_printed_when_it_is_asked_for(queue: Queue) -> None:
    queue.come("a")
    queue.next("1")
    to = {"service": "b", "to_counter": "3", "slip": True, "reason": "该事项由医保窗口办理"}
    assert queue.send("transfer", counter="1", **to).status == "accepted", "the outcome is that of the slip"
    slip = queue.slips()[1]
    assert (slip["template"], slip["data"]["number"]) == ("referral", "A001")
    said = [slip["data"][field] for field in ("from_window", "service", "window", "reason")]
    assert said == ["1号窗口", "医保", "3号窗口", "该事项由医保窗口办理"]


def test_rule_14_the_next_call_ends_the_service_before_it_which_is_then_rated(ledger: Ledger) -> None:
    queue = Queue(ledger)
    queue.commands = CommandLog(ledger, Settings({**TABLES}), panels=("1",))
    first, second = queue.come(), queue.come()
    assert "session" not in queue.send("next", counter="1").data
    assert "session" not in queue.send("call", counter="1", ticket=first).data  # the same again: nothing is over
    reply = queue.send("next", counter="1")
    assert (reply.data["number"], reply.data["session"]) == (second, "1")
    ((ticket,),) = ledger.rows("SELECT ticket FROM rating_session WHERE state = 'open'")
    assert str(ticket).endswith(first)

"""What is changed under a queue's feet: its counters, its services, who keeps it (rules 1, 2, 5 and 20)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import Refusal
from daemon.printing import jobs as printing
from daemon.reload import end_what_is_gone
from daemon.settings import Settings
from daemon.slips.book import SlipBook
from daemon.slips.order import SlipOrder
from drivers.printer.capability import Evidence, Outcome, PrintResult
from drivers.printer.page_text import as_text
from tests.queue_rig import TABLES, Queue
from tests.store_rig import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


@pytest.fixture
def queue(ledger: Ledger) -> Queue:
    return Queue(ledger)


def reloaded(queue: Queue, tables: Mapping[str, Any] = TABLES, **of_queue: Any) -> Queue:
    """The same hall under another configuration."""
    after = Queue(queue.ledger, tables, **of_queue)
    after.commands.numbers = itertools.count(1000)
    queue.ledger.do(lambda change: end_what_is_gone(change, Settings({**tables})))
    return after


def without_counter(name: str) -> dict[str, Any]:
    return {**TABLES, "counters": {key: table for key, table in TABLES["counters"].items() if key != name}}


WITHOUT_B = {
    **TABLES,
    "services": {"a": TABLES["services"]["a"]},
    "counters": {"1": TABLES["counters"]["1"], "2": {"name": "2号窗口", "services": ["a"]}},
}


def comes_out(queue: Queue) -> None:
    """Every slip that is to be printed is printed."""
    result = PrintResult(Outcome.PRINTED, paper=True, sent=100, total=100, evidence=Evidence.GS_R)

    def settle(change: Any) -> bool:
        job = printing.next_job(change, "printer-1")
        if job is not None:
            printing.settle(change, job, result, "withdraw")
        return job is not None

    while queue.ledger.do(settle):
        pass


# counters


def test_row_1_who_was_called_to_a_counter_that_is_gone_has_the_place_of_before(queue: Queue) -> None:
    for _ in range(3):
        queue.come("b")
    assert [queue.next("3"), queue.next("2")] == ["B001", "B002"]
    after = reloaded(queue, without_counter("3"))
    uncalled = queue.ledger.events.data("ticket.uncalled")
    assert uncalled == [{"ticket": "20261121-B001", "number": "B001", "service": "b", "counter": "3"}]
    assert (queue.state("B001"), queue.state("B002")) == ("waiting", "called")
    assert [after.next("2"), after.next("2")] == ["B001", "B003"]
    reloaded(after, without_counter("3"))
    assert len(queue.ledger.events.data("ticket.uncalled")) == 1, "once is enough"


def test_row_1_who_had_been_put_aside_and_was_called_to_a_counter_that_is_gone_is_put_aside_again(
    queue: Queue,
) -> None:
    queue.come("b")
    queue.next("3")
    queue.send("skip", counter="3")
    queue.send("call", counter="3", ticket="B001")
    after = reloaded(queue, without_counter("3"))
    assert queue.state("B001") == "absent"
    assert after.send("call", counter="2", ticket="B001").reason is None


def test_row_5_who_is_absent_and_was_sent_to_a_counter_that_is_gone_can_come_back_to_another(queue: Queue) -> None:
    queue.come("a")
    queue.next("1")
    queue.send("transfer", counter="1", service="b", to_counter="3")
    queue.next("3")
    queue.send("skip", counter="3")
    after = reloaded(queue, without_counter("3"))
    assert after.send("call", counter="2", ticket="A001").reason is None


def test_row_5_who_is_sent_to_a_counter_that_closes_is_called_by_any_other(queue: Queue) -> None:
    for _ in range(2):
        queue.come("a")
        queue.next("1")
        assert queue.send("transfer", counter="1", service="b", to_counter="3").reason is None
    assert queue.next("2") == Refusal.NOTHING_WAITING
    queue.commands.send("counter/pause", counter="3")
    assert queue.next("2") == Refusal.NOTHING_WAITING, "it will serve again"
    queue.commands.send("counter/close", counter="3")
    queue.ledger.restart()
    assert queue.next("2") == "A001"
    queue.commands.send("counter/open", counter="3")
    assert queue.send("call", counter="2", ticket="A002").reason == Refusal.NOT_SERVED
    queue.commands.send("counter/close", counter="3")
    assert queue.send("call", counter="2", ticket="A002").reason is None


def test_row_5_who_was_skipped_and_waits_for_a_counter_that_closes_is_called_by_any_other(ledger: Ledger) -> None:
    queue = Queue(ledger, back_times=1)
    queue.come("a")
    queue.next("1")
    queue.send("transfer", counter="1", service="b", to_counter="3")
    queue.next("3")
    queue.send("skip", counter="3")
    assert queue.next("2") == Refusal.NOTHING_WAITING
    queue.commands.send("counter/close", counter="3")
    assert queue.next("2") == "A001"


def test_row_5_nobody_is_sent_to_a_closed_counter(queue: Queue) -> None:
    queue.come("a")
    queue.next("1")
    queue.commands.send("counter/close", counter="3")
    assert queue.send("transfer", counter="1", service="b", to_counter="3").reason == Refusal.COUNTER_CLOSED
    assert queue.send("finish", counter="1").reason is None, "nothing had happened"


# services


def test_row_5_a_number_of_a_service_that_is_gone_is_sent_on_with_a_slip(queue: Queue) -> None:
    queue.come("b")
    queue.next("2")
    after = reloaded(queue, WITHOUT_B)
    assert after.send("transfer", counter="2", service="a", slip=True).status == "accepted"
    assert after.slips()[-1]["template"] == "referral"
    assert after.next("1") == "B001"


def test_row_1_who_waits_for_a_service_that_is_gone_is_not_lost(queue: Queue) -> None:
    queue.come("b")
    comes_out(queue)
    after = reloaded(queue, WITHOUT_B)
    assert after.next("2") == Refusal.NOTHING_WAITING
    assert after.send("reprint", ticket="20261121-B001").reason == Refusal.UNKNOWN_SERVICE
    assert after.send("call", counter="2", ticket="B001").reason == Refusal.NOT_SERVED
    again = Queue(queue.ledger)
    again.commands.numbers = itertools.count(2000)
    assert again.next("2") == "B001"


# who keeps the queue


def test_row_1_a_number_that_another_system_gave_is_not_given_again_the_same_day(ledger: Ledger) -> None:
    external = Queue(ledger, mode="external")
    for number in ("A001", "A002", "A004"):
        assert external.send("register", number=number, service="a").reason is None
    own = reloaded(external)
    assert [own.come() for _ in range(3)] == ["A003", "A005", "A006"]
    assert [own.next() for _ in range(3)] == ["A001", "A002", "A004"]


def test_row_1_numbers_that_another_system_used_up_are_exhausted(ledger: Ledger) -> None:
    short = {**TABLES, "services": {**TABLES["services"], "a": {**TABLES["services"]["a"], "last": 2}}}
    external = Queue(ledger, short, mode="external")
    for number in ("A1", "A2"):
        external.send("register", number=number, service="a")
    own = reloaded(external, short)
    assert own.send("take", service="a").reason == Refusal.NUMBERS_EXHAUSTED
    assert own.send("take", service="b").reason is None


def test_row_1_a_number_of_another_system_that_is_taken_back_is_none_more_for_the_day(ledger: Ledger) -> None:
    limited = {**TABLES, "services": {**TABLES["services"], "a": {**TABLES["services"]["a"], "daily_max": 1}}}
    own = Queue(ledger, limited)
    own.send("cancel", ticket=own.come())
    external = reloaded(own, limited, mode="external")
    external.send("register", number="A9", service="a")
    external.send("cancel", ticket="A9")
    again = Queue(ledger, limited)
    again.commands.numbers = itertools.count(2000)
    again.come()
    assert again.send("take", service="a").reason == Refusal.LIMIT_REACHED


# what the slip says


def test_row_2_those_are_ahead_as_well_whose_slips_are_still_being_printed(queue: Queue) -> None:
    replies = [queue.send("take", service="a") for _ in range(3)]
    assert [reply.data["ahead"] for reply in replies] == [0, 1, 2]
    assert [slip["data"]["ahead"] for slip in queue.slips()] == [0, 1, 2]
    assert queue.send("take", service="b").data["ahead"] == 0
    assert queue.send("take", service="a", priority="emergency").data["ahead"] == 0
    comes_out(queue)
    assert queue.send("take", service="a").data["ahead"] == 4
    queue.send("reprint", ticket="20261121-A003")
    assert queue.slips()[-1]["data"]["ahead"] == 3, "the emergency, and two who came earlier"


def test_row_20_a_ticket_in_large_print_and_its_reprint_too(queue: Queue) -> None:
    queue.send("take", service="a", large=True)
    queue.send("take", service="a")
    comes_out(queue)
    queue.ledger.restart()
    for number in ("A001", "A002"):
        assert queue.send("reprint", ticket=f"20261121-{number}").reason is None
    templates = [slip["template"] for slip in queue.slips()]
    assert templates == ["ticket-large", "ticket", "ticket-large", "ticket"]
    order = SlipOrder.model_validate(queue.slips()[2])
    said = "".join(as_text(order.lay_out(SlipBook(), 48)).split())  # large print is spaced out
    assert "A001" in said
    assert "补打" in said


def test_row_20_a_number_of_another_system_in_large_print(ledger: Ledger) -> None:
    queue = Queue(ledger, mode="external")
    queue.send("print", number="K-12", service="a", large=True)
    assert [slip["template"] for slip in queue.slips()] == ["ticket-large"]

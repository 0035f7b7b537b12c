"""The rules of the queue, on real transactions: numbers anew each day, nobody lost, nobody served twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import tickets
from daemon.commands import Refusal
from daemon.refused import Refused
from daemon.settings import Service
from daemon.tickets import LEFT_OVER_S, QueueFigures, Ticket, TicketState
from tests.store_rig import Ledger, open_ledger

A = Service(name="综合业务", printer="printer-1", prefix="A")
B = Service(name="医保", printer="printer-1", prefix="B", last=12)
SERVICES = {"a": A, "b": B}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def take(ledger: Ledger, service: str = "a", *, printed: bool = True) -> Ticket:
    ticket, _ = ledger.do(lambda change: tickets.take(change, service, SERVICES[service]))
    if printed:
        ledger.do(lambda change: tickets.let_wait(change, ticket.id))
    return ticket


def call(ledger: Ledger, counter: str = "1", services: tuple[str, ...] = ("a",)) -> Ticket:
    return ledger.do(lambda change: tickets.call_next(change, counter, services))


def refusal(ledger: Ledger, run: object) -> Refusal:
    before = ledger.events.names
    with pytest.raises(Refused) as refused:
        ledger.do(run)  # type: ignore[arg-type]
    assert ledger.events.names == before
    return refused.value.reason


def state(ledger: Ledger, ticket: Ticket) -> TicketState:
    return TicketState(ledger.rows("SELECT state FROM ticket WHERE id = ?", ticket.id)[0][0])


def test_numbers_count_by_service_and_begin_anew_each_day(ledger: Ledger) -> None:
    assert [take(ledger).number for _ in range(3)] == ["A001", "A002", "A003"]
    assert take(ledger, "b").number == "B01"
    ledger.clock.set("2026-11-21T23:59:59.9+08:00")
    assert take(ledger).id == "20261121-A004"
    ledger.clock.set("2026-11-22T00:00:00+08:00")
    assert take(ledger).id == "20261122-A001"
    assert take(ledger, "b").id == "20261122-B01"
    ledger.clock.set("2026-11-21T23:59:58+08:00")
    assert take(ledger).id == "20261121-A005", "set back over midnight: the day's own numbers go on"


def test_the_day_is_the_one_on_the_wall_of_the_hall(ledger: Ledger) -> None:
    ledger.clock.set("2026-11-22T07:59:00+08:00")  # still the 21st in UTC
    assert take(ledger).id == "20261122-A001"


def test_numbers_survive_a_restart(ledger: Ledger) -> None:
    first = take(ledger)
    ledger.restart()
    second = take(ledger)
    assert (first.number, second.number) == ("A001", "A002")
    assert call(ledger).id == first.id
    ledger.restart()
    assert ledger.do(lambda change: tickets.present(change, "1")) is not None
    assert refusal(ledger, lambda change: tickets.call_again(change, "2")) is Refusal.NO_TICKET


def test_when_the_days_numbers_are_used_up_it_is_said_and_the_next_day_begins_at_the_first(ledger: Ledger) -> None:
    numbers = [take(ledger, "b").number for _ in range(12)]
    assert (numbers[0], numbers[-1]) == ("B01", "B12")
    for _ in range(2):
        assert refusal(ledger, lambda change: tickets.take(change, "b", B)) is Refusal.NUMBERS_EXHAUSTED
    assert ledger.do(lambda change: tickets.figures(change, "b")).waiting == 12
    ledger.clock.advance(86_400)
    assert take(ledger, "b").number == "B01"


def test_a_service_that_is_renamed_during_the_day_gives_no_number_again(ledger: Ledger) -> None:
    take(ledger)
    renamed, _ = ledger.do(lambda change: tickets.take(change, "general", A))
    assert renamed.number == "A002"
    later = A.model_copy(update={"first": 500})
    assert ledger.do(lambda change: tickets.take(change, "general", later))[0].number == "A500"
    shorter = A.model_copy(update={"last": 99})
    assert refusal(ledger, lambda change: tickets.take(change, "general", shorter)) is Refusal.NUMBERS_EXHAUSTED


def test_nobody_is_called_whose_number_nobody_holds(ledger: Ledger) -> None:
    ticket = take(ledger, printed=False)
    assert refusal(ledger, lambda change: tickets.call_next(change, "1", ("a",))) is Refusal.NOTHING_WAITING
    ledger.do(lambda change: tickets.withdraw(change, ticket.id, "paper-end"))
    ledger.do(lambda change: tickets.let_wait(change, ticket.id))  # too late: it stays withdrawn
    assert refusal(ledger, lambda change: tickets.call_next(change, "1", ("a",))) is Refusal.NOTHING_WAITING
    assert ledger.events.names == ["ticket.issued", "ticket.withdrawn"]


def test_a_number_in_somebodys_hand_is_not_withdrawn_for_a_later_fault(ledger: Ledger) -> None:
    waiting, called = take(ledger), take(ledger)
    call(ledger)
    for ticket in (waiting, called):
        ledger.do(lambda change, t=ticket: tickets.withdraw(change, t.id, "no-answer"))  # type: ignore[misc]
        ledger.do(lambda change, t=ticket: tickets.let_wait(change, t.id))  # type: ignore[misc]
    assert [state(ledger, waiting), state(ledger, called)] == [TicketState.CALLED, TicketState.WAITING]
    assert "ticket.withdrawn" not in ledger.events.names


def test_a_number_that_went_with_a_damaged_database_stays_gone(ledger: Ledger) -> None:
    ledger.do(lambda change: tickets.let_wait(change, "20261121-A777"))
    ledger.do(lambda change: tickets.withdraw(change, "20261121-A777", "paper-end"))
    assert ledger.events.names == []


def test_counters_call_in_the_order_of_arrival_over_their_services(ledger: Ledger) -> None:
    taken = [take(ledger, service) for service in "abba"]
    both = [call(ledger, "1", ("b", "a")).number for _ in range(2)]
    assert both == [taken[0].number, taken[1].number]
    assert call(ledger, "2", ("a",)).number == taken[3].number
    assert call(ledger, "2", ("a", "b")).number == taken[2].number
    assert refusal(ledger, lambda change: tickets.call_next(change, "3", ("a", "b"))) is Refusal.NOTHING_WAITING
    assert state(ledger, taken[0]) is TicketState.FINISHED, "calling the next finishes the present one"


def test_calling_with_nobody_waiting_leaves_the_present_number_alone(ledger: Ledger) -> None:
    take(ledger)
    ticket = call(ledger)
    assert refusal(ledger, lambda change: tickets.call_next(change, "1", ("a",))) is Refusal.NOTHING_WAITING
    assert state(ledger, ticket) is TicketState.CALLED


def test_calls_are_counted_and_waits_measured_to_the_first(ledger: Ledger) -> None:
    take(ledger)
    ledger.clock.advance(90.1234)
    call(ledger)
    ledger.clock.advance(30)
    ledger.do(lambda change: tickets.call_again(change, "1"))
    ledger.clock.advance(5)
    ledger.do(lambda change: tickets.finish(change, "1"))
    calls = ledger.events.data("ticket.called")
    assert [(data["times"], data["waited_s"]) for data in calls] == [(1, 90.123), (2, 120.123)]
    assert ledger.events.data("ticket.finished")[0]["served_s"] == 35.0


def test_a_clock_that_was_set_back_makes_no_wait_negative(ledger: Ledger) -> None:
    take(ledger)
    ledger.clock.advance(-3600)
    assert ledger.do(lambda change: tickets.figures(change, "a")) == QueueFigures(1, 0.0)
    call(ledger)
    ledger.clock.advance(-3600)
    ledger.do(lambda change: tickets.finish(change, "1"))
    assert ledger.events.data("ticket.called")[0]["waited_s"] == 0.0
    assert ledger.events.data("ticket.finished")[0]["served_s"] == 0.0


def test_midnight_ends_nothing_and_half_a_day_of_waiting_does(ledger: Ledger) -> None:
    ledger.clock.set("2026-11-21T23:30:00+08:00")
    night = take(ledger)
    ledger.clock.set("2026-11-22T00:30:00+08:00")
    morning = take(ledger)
    ledger.do(tickets.withdraw_left_over)
    assert ledger.do(lambda change: tickets.figures(change, "a")) == QueueFigures(2, 3600.0)
    ledger.clock.advance(LEFT_OVER_S - 3600)
    assert ledger.do(lambda change: tickets.figures(change, "a")).waiting == 1, "it counts as gone at once"
    assert call(ledger).id == morning.id
    ledger.do(tickets.withdraw_left_over)
    assert ledger.events.data("ticket.withdrawn") == [
        {"ticket": night.id, "number": "A001", "service": "a", "reason": "left-over"}
    ]
    ledger.do(tickets.withdraw_left_over)
    assert len(ledger.events.data("ticket.withdrawn")) == 1

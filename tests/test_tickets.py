"""The rules of the queue, on real transactions: numbers anew each day, nobody lost, nobody served twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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


class Queue(RuleBasedStateMachine):
    """Two services and three counters against a plain model: a list of who waits, and who is served where."""

    counters = st.sampled_from("123")
    services = st.sampled_from("ab")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="kioskd-queue-"))
        self.ledger = Ledger(self.directory / "kioskd.db")
        self.printing: list[Ticket] = []
        self.waiting: list[Ticket] = []
        self.called: dict[str, Ticket] = {}
        self.ended: list[Ticket] = []
        self.given: dict[tuple[str, str], int] = {}

    def teardown(self) -> None:
        self.ledger.database.close()
        shutil.rmtree(self.directory)

    def _day(self) -> str:
        return f"{self.ledger.clock.now():%Y%m%d}"

    @rule(service=services)
    def take(self, service: str) -> None:
        count = self.given.get((self._day(), service), 0) + 1
        if count > SERVICES[service].last:
            refused = refusal(self.ledger, lambda change: tickets.take(change, service, SERVICES[service]))
            assert refused is Refusal.NUMBERS_EXHAUSTED
            return
        self.given[self._day(), service] = count
        ticket, ahead = self.ledger.do(lambda change: tickets.take(change, service, SERVICES[service]))
        width = len(str(SERVICES[service].last))
        assert ticket.id == f"{self._day()}-{service.upper()}{count:0{width}d}"
        assert ahead == sum(other.service == service for other in self._callable())
        self.printing.append(ticket)

    @precondition(lambda self: self.printing)
    @rule(chance=st.data(), comes_out=st.booleans())
    def print(self, chance: st.DataObject, comes_out: bool) -> None:
        ticket = self.printing.pop(chance.draw(st.integers(0, len(self.printing) - 1)))
        if comes_out:
            self.ledger.do(lambda change: tickets.let_wait(change, ticket.id))
            self.waiting = sorted([*self.waiting, ticket], key=self._taken_at)
        else:
            self.ledger.do(lambda change: tickets.withdraw(change, ticket.id, "paper-end"))
            self.ended.append(ticket)

    def _callable(self) -> list[Ticket]:
        """A slip may come out so late that its number is left over before it ever waited."""
        now = self.ledger.clock.now().timestamp()
        return [ticket for ticket in self.waiting if now - ticket.issued_at < LEFT_OVER_S]

    def _taken_at(self, ticket: Ticket) -> int:
        return [data["ticket"] for data in self.ledger.events.data("ticket.issued")].index(ticket.id)

    @rule(counter=counters, wanted=st.sampled_from([("a",), ("b",), ("a", "b")]))
    def call(self, counter: str, wanted: tuple[str, ...]) -> None:
        ticket = next((ticket for ticket in self._callable() if ticket.service in wanted), None)
        if ticket is None:
            refused = refusal(self.ledger, lambda change: tickets.call_next(change, counter, wanted))
            assert refused is Refusal.NOTHING_WAITING
            return
        assert call(self.ledger, counter, wanted).id == ticket.id
        self.waiting.remove(ticket)
        if counter in self.called:
            self.ended.append(self.called[counter])
        self.called[counter] = ticket

    @rule(counter=counters, what=st.sampled_from([tickets.call_again, tickets.skip, tickets.finish]))
    def act(self, counter: str, what: object) -> None:
        if counter not in self.called:
            assert refusal(self.ledger, lambda change: what(change, counter)) is Refusal.NO_TICKET  # type: ignore[operator]
            return
        ticket = self.ledger.do(lambda change: what(change, counter))  # type: ignore[operator]
        assert ticket.id == self.called[counter].id
        if what is not tickets.call_again:
            self.ended.append(self.called.pop(counter))

    @rule()
    def restart(self) -> None:
        self.ledger.restart()

    @rule(hours=st.sampled_from([0.5, 3, 11]))
    def time_passes(self, hours: float) -> None:
        self.ledger.clock.advance(hours * 3600)
        now = self.ledger.clock.now().timestamp()
        over = [ticket for ticket in self.waiting if now - ticket.issued_at >= LEFT_OVER_S]
        self.ledger.do(tickets.withdraw_left_over)
        self.waiting = [ticket for ticket in self.waiting if ticket not in over]
        self.ended += over

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        rows = self.ledger.rows("SELECT id, state, counter FROM ticket ORDER BY place")
        found = {identity: (state, counter) for identity, state, counter in rows}
        assert len(found) == len(self.printing) + len(self.waiting) + len(self.called) + len(self.ended), "none lost"
        assert [identity for identity, state, _ in rows if state == "waiting"] == [t.id for t in self.waiting]
        assert {counter: t.id for counter, t in self.called.items()} == {
            counter: identity for identity, (state, counter) in found.items() if state == "called"
        }
        assert all(found[t.id][0] in ("finished", "skipped", "withdrawn") for t in self.ended)
        firsts = [data["ticket"] for data in self.ledger.events.data("ticket.called") if data["times"] == 1]
        assert len(firsts) == len(set(firsts)), "nobody is served twice"


Queue.TestCase.settings = hypothesis_settings(max_examples=30, stateful_step_count=40, deadline=None)
TestQueue = Queue.TestCase

"""What is kept, for how long and how much of it; and what a clock that is wrong, or set, does to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import ratings, tickets
from daemon.commands import Reply, Status
from daemon.events import EventsDropped, TicketWaiting
from daemon.phones import Line, end, ring
from daemon.printing import jobs as printing
from daemon.printing.subject import Subject
from daemon.settings import Service
from daemon.store.database import Transaction
from daemon.store.journal import settle_command, take_command
from daemon.store.retention import CHUNK, REMEMBER_IDS_S, forget_old, make_room
from drivers.phone.capability import Answer, CallEnded
from drivers.printer.capability import Evidence, Outcome, PrintResult
from tests.store_rig import Ledger, open_ledger, ticket_order

DAY_S = 86_400.0
SERVICE = Service(name="综合业务", printer="printer-1", prefix="A")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def take(change: Transaction) -> tickets.Ticket:
    """A number with its command and its print job, none of them finished."""
    ticket, _ = tickets.take(change, "a", SERVICE)
    take_command(change, f"c-{ticket.id}", "f", change.now)
    deadline = change.now.timestamp() + 60
    printing.enqueue(change, "printer-1", Subject(ticket.id), ticket_order(ticket.number), deadline, f"c-{ticket.id}")
    return ticket


def serve(change: Transaction) -> None:
    """A whole visit and a phone call, each with its end."""
    take(change)
    job = printing.next_job(change, "printer-1")
    assert job is not None
    printed = PrintResult(Outcome.PRINTED, paper=True, sent=9, total=9, evidence=Evidence.PROCESS_ID)
    printing.settle(change, job, printed, "withdraw")
    tickets.call_next(change, "1", ("a",))
    ticket = tickets.finish(change, "1")
    ratings.open_session(change, "1", ticket.id)
    ratings.submit(change, "1", "panel-1", 5, session=None)
    ring(change, Line("phone-1", "1", 3), 1)
    end(change, Line("phone-1", "1", 3), CallEnded(Answer.MISSED, 1, 1.0))


def counts(ledger: Ledger) -> dict[str, int]:
    tables = ("event", "command", "ticket", "print_job", "rating_session", "phone_call", "numbering")
    return {table: ledger.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608


def send_everything(ledger: Ledger) -> None:
    sequences = [row[0] for row in ledger.rows("SELECT sequence FROM event WHERE sent_at IS NULL")]
    ledger.do(lambda change: change.note_sent(sequences))


def test_what_is_settled_goes_when_it_is_old_and_not_before(ledger: Ledger) -> None:
    ledger.do(serve)
    send_everything(ledger)
    full = counts(ledger)
    assert min(full.values()) > 0
    ledger.clock.advance(7 * DAY_S - 120)
    assert ledger.do(lambda change: forget_old(change, 7)) == 0
    assert counts(ledger) == full
    ledger.clock.advance(240)
    assert ledger.do(lambda change: forget_old(change, 7)) == sum(full.values()) - full["numbering"]
    assert counts(ledger) == dict.fromkeys(full, 0) | {"numbering": 1}
    assert ledger.do(lambda change: forget_old(change, 7)) == 0
    ledger.clock.advance(400 * DAY_S)
    ledger.do(lambda change: forget_old(change, 7))
    assert counts(ledger)["numbering"] == 0


def test_what_is_not_settled_stays_however_old_it_is(ledger: Ledger) -> None:
    ledger.do(take)
    ledger.do(lambda change: ratings.open_session(change, "1", None))
    ledger.do(lambda change: ring(change, Line("phone-1", "1", 3), 1))
    before = counts(ledger)
    ledger.clock.advance(399 * DAY_S)
    assert ledger.do(lambda change: forget_old(change, 7)) == 0
    assert counts(ledger) == before
    unsent = ledger.do(lambda change: change.unsent(0, 99))
    assert [event.sequence for event in unsent] == ledger.events.sequences


def test_an_id_is_remembered_as_long_as_its_command_could_come_again(ledger: Ledger) -> None:
    soon, far = ledger.clock.now(), ledger.clock.now().replace(year=2099)
    for command, deadline in (("soon", soon), ("far", far)):
        ledger.do(lambda change, c=command, d=deadline: take_command(change, c, "f", d))  # type: ignore[misc]
        ledger.do(lambda change, c=command: settle_command(change, Reply(id=c, status=Status.DONE)))  # type: ignore[misc]
    ledger.clock.advance(7 * DAY_S + 1)
    ledger.do(lambda change: forget_old(change, 7))
    assert ledger.rows("SELECT id FROM command") == [("far",)]
    ledger.clock.advance(REMEMBER_IDS_S)
    ledger.do(lambda change: forget_old(change, 7))
    assert ledger.rows("SELECT id FROM command") == [], "a deadline in another century does not fill the disk"


def emit_many(ledger: Ledger, count: int) -> None:
    def change(transaction: Transaction) -> None:
        for _ in range(count):
            transaction.emit(TicketWaiting(ticket="t", number="A001", service="x" * 300))

    ledger.do(change)


def room(ledger: Ledger, max_bytes: int) -> None:
    """As the house is kept: a chunk at a time, until nothing more goes."""
    while ledger.do(lambda change: make_room(change, max_bytes)) > 0:
        pass


def test_room_is_made_of_what_was_sent_first_then_of_what_is_settled_and_of_the_unsent_last(ledger: Ledger) -> None:
    ledger.do(serve)
    first_unsent = len(ledger.events.stored) + 2 * CHUNK + 1
    emit_many(ledger, 2 * CHUNK)
    send_everything(ledger)
    emit_many(ledger, CHUNK)
    ledger.clock.advance(3600)

    def make_a_little_room() -> None:
        ledger.do(lambda change: make_room(change, change.used_bytes() - 1))

    make_a_little_room()
    assert counts(ledger)["ticket"] == 1
    assert ledger.rows("SELECT min(sequence), count(*) FROM event")[0] == (CHUNK + 1, first_unsent - 1)
    while counts(ledger)["ticket"] == 1:
        make_a_little_room()
    unsent = list(range(first_unsent, first_unsent + CHUNK))
    assert [row[0] for row in ledger.rows("SELECT sequence FROM event ORDER BY 1")] == unsent
    assert ledger.events.data("events.dropped") == []
    make_a_little_room()
    assert ledger.events.data("events.dropped")[0]["count"] == CHUNK


def test_what_was_never_sent_goes_last_and_what_went_is_said_to_the_last(ledger: Ledger) -> None:
    emit_many(ledger, 5 * CHUNK)
    room(ledger, 0)
    dropped = [EventsDropped(**data) for data in ledger.events.data("events.dropped")]
    spans = [(news.first_sequence, news.last_sequence, news.count) for news in dropped]
    assert spans == [(n * CHUNK + 1, (n + 1) * CHUNK, CHUNK) for n in range(5)]
    left = ledger.rows("SELECT sequence, topic FROM event ORDER BY 1")
    assert left == [(5 * CHUNK + n, "event/events/dropped") for n in range(1, 6)], "the news itself is never dropped"
    emit_many(ledger, 1)
    assert ledger.events.sequences[-1] == 5 * CHUNK + 6, "no number is given again"


def test_the_bytes_stay_bounded_whatever_is_added(ledger: Ledger) -> None:
    most = 400_000
    for _ in range(20):
        emit_many(ledger, 1000)
        room(ledger, most)
        assert ledger.do(lambda change: change.used_bytes()) <= most
    gone = sum(data["count"] for data in ledger.events.data("events.dropped"))
    left = ledger.rows("SELECT count(*) FROM event WHERE topic != 'event/events/dropped'")[0][0]
    assert gone + left == 20_000


def test_a_clock_in_1970_orders_and_keeps_everything(ledger: Ledger) -> None:
    clock = ledger.clock
    clock.set("1970-01-01T08:00:07+08:00")
    ledger.do(serve)
    ledger.do(lambda change: forget_old(change, 7))
    clock.set("2026-11-21T08:30:00+08:00")
    ledger.do(take)
    clock.set("2001-01-01T00:00:00+08:00")
    ledger.do(take)
    assert ledger.events.sequences == list(range(1, len(ledger.events.stored) + 1))
    times = [event["time"] for event in ledger.events.payloads]
    assert (times[0], times[-2], times[-1]) == (
        "1970-01-01T08:00:07+08:00",
        "2026-11-21T08:30:00+08:00",
        "2001-01-01T00:00:00+08:00",
    )
    issued = [data["ticket"] for data in ledger.events.data("ticket.issued")]
    assert issued == ["19700101-A001", "20261121-A001", "20010101-A002"], "A001 is held by somebody who still waits"


def test_whoever_took_a_number_by_the_wrong_clock_still_waits_when_it_is_set(ledger: Ledger) -> None:
    """A kiosk without a clock battery: the visitors of its first minutes have not waited for 56 years."""
    clock = ledger.clock
    clock.set("1970-01-01T08:00:00+08:00")
    started = clock.now().timestamp()
    early = ledger.do(take)
    called = ledger.do(take)
    ledger.do(lambda change: tickets.let_wait(change, called.id))
    ledger.do(lambda change: tickets.call_next(change, "1", ("a",)))
    ledger.do(lambda change: tickets.let_wait(change, early.id))
    clock.advance(100)
    jumped_from = clock.now().timestamp()
    clock.set("2026-11-21T08:30:00+08:00")
    by_s = clock.now().timestamp() - jumped_from
    late = ledger.do(take)
    ledger.do(lambda change: tickets.let_wait(change, late.id))
    ledger.do(lambda change: tickets.follow_clock(change, started, jumped_from, by_s))
    clock.advance(20)
    ledger.do(tickets.withdraw_left_over)
    assert ledger.events.data("ticket.withdrawn") == []
    assert ledger.do(lambda change: tickets.figures(change, "a")) == tickets.QueueFigures(2, 120.0)
    ledger.do(lambda change: tickets.finish(change, "1"))
    assert ledger.events.data("ticket.finished")[0]["served_s"] == 120.0
    assert ledger.do(lambda change: tickets.call_next(change, "1", ("a",))).id == early.id


def test_whoever_waits_since_before_a_power_cut_is_left_alone_when_the_clock_is_set(ledger: Ledger) -> None:
    clock = ledger.clock
    ticket = ledger.do(take)
    ledger.do(lambda change: tickets.let_wait(change, ticket.id))
    ledger.restart()
    clock.set("1970-01-01T08:00:00+08:00")
    started = clock.now().timestamp()
    assert ledger.do(lambda change: tickets.figures(change, "a")) == tickets.QueueFigures(1, 0.0)
    clock.set("2026-11-21T08:32:00+08:00")
    ledger.do(
        lambda change: tickets.follow_clock(change, started, started + 60, clock.now().timestamp() - started - 60)
    )
    assert ledger.do(lambda change: tickets.figures(change, "a")) == tickets.QueueFigures(1, 120.0)

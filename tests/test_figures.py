"""The day's figures (row 21 of the service rules): they are the totals of the day's events, and each day is closed."""

from __future__ import annotations

import json
import math
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon import followups
from daemon.events import (
    DaemonStarted,
    DaemonStopping,
    DeviceChanged,
    Event,
    PhoneAnswered,
    PhoneMissed,
    PhoneUnknown,
    PrintExpired,
    PrintFailed,
    PrintPrinted,
    PrintUnconfirmed,
    RatingLapsed,
    RatingRepeated,
    RatingSubmitted,
    RatingUnsolicited,
    TicketCalled,
    TicketFinished,
    TicketIssued,
    TicketSkipped,
    TicketWithdrawn,
)
from daemon.figures.counting import KEEP_CLOSED, count, turn_day, watch_devices
from daemon.figures.day import Figures
from daemon.figures.histogram import GROWTH, LONGEST_S, bucket_of, middle_s, percentile_s
from daemon.figures.reading import read_days, read_open, read_previous
from daemon.store.database import Transaction
from tests.store_rig import HeldClock, Ledger, open_ledger

ERROR = 0.025


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db", reactions=[count]) as ledger:
        yield ledger


def emit(ledger: Ledger, *events: Event) -> None:
    def change(transaction: Transaction) -> None:
        for event in events:
            transaction.emit(event)

    ledger.do(change)


def today(ledger: Ledger) -> Figures:
    figures = ledger.do(read_open)
    assert figures is not None
    return figures


def closed(ledger: Ledger) -> list[dict[str, Any]]:
    return ledger.events.data("figures.closed")


# events of every kind that counts, and the totals of a day from what was published of it

TICKET: dict[str, Any] = {"ticket": "t", "number": "A1"}
CALL: dict[str, Any] = {"call": "1", "phone": "p", "counter": None, "ringing_s": 1.0, "caller": None}
PRINT: dict[str, Any] = {"job": "1", "ticket": "t", "printer": "p", "copy_number": 1}
SESSION: dict[str, Any] = {"session": "1", "counter": "1"}

services = st.sampled_from(("a", "b"))
durations = st.floats(0, 50_000).map(lambda seconds: round(seconds, 3))
levels = st.integers(1, 5)
rings = st.integers(1, 8)
day_events: st.SearchStrategy[Event] = st.one_of(
    services.map(lambda name: TicketIssued(**TICKET, service=name, ahead=0)),
    services.map(lambda name: TicketSkipped(**TICKET, service=name, counter="1")),
    services.map(lambda name: TicketWithdrawn(**TICKET, service=name, reason="paper-end")),
    st.builds(
        lambda name, times, waited_s: TicketCalled(**TICKET, service=name, counter="1", times=times, waited_s=waited_s),
        *(services, st.integers(1, 3), durations),
    ),
    st.builds(
        lambda name, served_s: TicketFinished(**TICKET, service=name, counter="1", served_s=served_s),
        *(services, durations),
    ),
    levels.map(lambda level: RatingSubmitted(**SESSION, ticket=None, level=level, after_s=1)),
    levels.map(lambda level: RatingRepeated(**SESSION, level=level)),
    levels.map(lambda level: RatingUnsolicited(panel="p", counter="1", level=level)),
    st.just(RatingLapsed(**SESSION, ticket=None, reason="timed-out")),
    rings.map(lambda number: PhoneAnswered(**CALL, rings=number, in_time=number <= 3)),
    rings.map(lambda number: PhoneMissed(**CALL, rings=number)),
    rings.map(lambda number: PhoneUnknown(**CALL, rings=number)),
    st.just(PrintPrinted(**PRINT, evidence="gs-r")),
    st.just(PrintUnconfirmed(**PRINT, reason="never-answers")),
    st.just(PrintFailed(**PRINT, reason="paper-end", paper=False, again=False)),
    st.just(PrintExpired(**PRINT, reason="deadline")),
)


def plain_totals(payloads: list[dict[str, Any]]) -> dict[str, Any]:
    """The totals, from events as they were published, by nothing but counting them."""
    data = [(payload["type"].removeprefix("kioskd."), payload["data"]) for payload in payloads]
    names = Counter(name for name, _ in data)
    first_calls = [event for name, event in data if name == "ticket.called" and event["times"] == 1]
    levels = Counter(str(event["level"]) for name, event in data if name == "rating.submitted")
    in_time = sum(name == "phone.answered" and event["in_time"] for name, event in data)
    return {
        "tickets": [names[f"ticket.{verb}"] for verb in ("issued", "finished", "skipped", "withdrawn")],
        "called": len(first_calls),
        "waited": sorted(event["waited_s"] for event in first_calls),
        "served": sorted(event["served_s"] for name, event in data if name == "ticket.finished"),
        "levels": {level: levels[level] for level in "54321"},
        "ratings": [names[f"rating.{verb}"] for verb in ("lapsed", "repeated", "unsolicited")],
        "phones": [in_time, names["phone.answered"] - in_time, names["phone.missed"], names["phone.unknown"]],
        "prints": [names[f"print.{verb}"] for verb in ("printed", "unconfirmed", "failed", "expired")],
    }


def expect_totals(figures: Figures, totals: dict[str, Any]) -> None:
    tickets, ratings, phones, prints = figures.tickets, figures.ratings, figures.phones, figures.prints
    assert [tickets.issued, tickets.finished, tickets.skipped, tickets.withdrawn] == totals["tickets"]
    assert tickets.called == totals["called"]
    for times, seconds in ((tickets.waited, totals["waited"]), (tickets.served, totals["served"])):
        assert times.count == len(seconds)
        if not seconds:
            assert (times.mean_s, times.p50_s, times.p95_s) == (None, None, None)
            continue
        assert times.mean_s == pytest.approx(sum(seconds) / len(seconds), abs=0.06)
        for estimate, part in ((times.p50_s, 0.5), (times.p95_s, 0.95)):
            exact = seconds[max(1, math.ceil(part * len(seconds))) - 1]
            assert estimate == pytest.approx(exact, rel=ERROR, abs=0.56)
    assert ratings.levels == totals["levels"]
    assert [ratings.lapsed, ratings.repeated, ratings.unsolicited] == totals["ratings"]
    assert [phones.answered_in_time, phones.answered_late, phones.missed, phones.unknown] == totals["phones"]
    assert [prints.printed, prints.unconfirmed, prints.failed, prints.expired] == totals["prints"]


@settings(max_examples=40, deadline=None)
@given(day=st.lists(st.tuples(day_events, st.sampled_from(("", "", "", "undone", "restart", "+1 h", "-1 h")))))
def test_the_figures_of_a_day_are_the_totals_of_its_events(day: list[tuple[Event, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder, "k.db"), reactions=[count]) as ledger:
        ledger.do(turn_day)
        hour = 8
        for event, trouble in day:
            if trouble == "restart":
                ledger.restart()
            elif trouble in ("+1 h", "-1 h"):
                hour = max(1, min(hour + int(trouble[:2]), 23))
                ledger.clock.set(f"2026-11-21T{hour:02d}:00:00+08:00")
            ledger.do(partial(_emit_or_undo, event=event, undone=trouble == "undone"))
        expect_totals(today(ledger), plain_totals(ledger.events.payloads))
        ledger.clock.set("2026-11-22T00:00:00+08:00")
        ledger.do(turn_day)
        (told,) = closed(ledger)
        expect_totals(Figures(**told), plain_totals(ledger.events.payloads))


def _emit_or_undo(transaction: Transaction, event: Event, undone: bool) -> None:
    transaction.emit(event)
    if undone:
        transaction.undo()


def test_services_are_told_apart_and_add_up(ledger: Ledger) -> None:
    emit(ledger, *(TicketIssued(**TICKET, service=name, ahead=0) for name in "aab"))
    emit(ledger, TicketCalled(**TICKET, service="b", counter="1", times=1, waited_s=90))
    figures = today(ledger)
    assert {name: one.issued for name, one in figures.services.items()} == {"a": 2, "b": 1}
    assert (figures.services["a"].waited.count, figures.services["b"].waited.count) == (0, 1)
    assert figures.tickets.issued == 3


def test_no_rating_is_never_a_good_one(ledger: Ledger) -> None:
    lapsed = RatingLapsed(**SESSION, ticket=None, reason="timed-out")
    emit(ledger, lapsed, lapsed)
    assert (today(ledger).ratings.participation, today(ledger).ratings.satisfaction) == (0.0, None)
    for level in (3, 2):
        emit(ledger, RatingSubmitted(**SESSION, ticket=None, level=level, after_s=1))
    assert (today(ledger).ratings.participation, today(ledger).ratings.satisfaction) == (0.5, 0.5)
    emit(ledger, RatingUnsolicited(panel="p", counter=None, level=5), RatingRepeated(**SESSION, level=5))
    assert (today(ledger).ratings.participation, today(ledger).ratings.satisfaction) == (0.5, 0.5)


def test_a_call_of_unknown_outcome_is_neither_answered_nor_missed(ledger: Ledger) -> None:
    emit(ledger, PhoneUnknown(**CALL, rings=2))
    assert today(ledger).phones.in_time is None
    emit(ledger, PhoneAnswered(**CALL, rings=3, in_time=True), PhoneMissed(**CALL, rings=6))
    assert today(ledger).phones.in_time == 0.5


# percentiles


@given(st.floats(1, LONGEST_S, exclude_min=True))
def test_the_middle_of_a_bucket_is_within_the_error(seconds: float) -> None:
    assert middle_s(bucket_of(seconds)) == pytest.approx(seconds, rel=ERROR)


def test_the_edges_of_the_buckets() -> None:
    assert (GROWTH - 1) / (GROWTH + 1) < ERROR
    assert {bucket_of(seconds) for seconds in (-5.0, 0.0, 1.0)} == {0}
    assert bucket_of(1.001) == 1
    assert bucket_of(1e12) == bucket_of(LONGEST_S) < 300
    assert percentile_s({}, 0.5) is None
    assert percentile_s({3: 1, 9: 99}, 0.01) == middle_s(3)
    assert percentile_s({3: 1, 9: 99}, 0.02) == middle_s(9)


# the day


def issue(ledger: Ledger) -> None:
    emit(ledger, TicketIssued(**TICKET, service="a", ahead=0))


def test_midnight_closes_the_day_before_the_first_event_of_the_next(ledger: Ledger) -> None:
    issue(ledger)
    ledger.clock.set("2026-11-22T00:00:00+08:00")
    issue(ledger)
    assert ledger.events.names == ["ticket.issued", "figures.closed", "ticket.issued"]
    (event,) = (payload for payload in ledger.events.payloads if payload["type"] == "kioskd.figures.closed")
    assert event["subject"] == event["data"]["day"] == "2026-11-21"
    assert (event["data"]["part"], event["data"]["tickets"]["issued"]) == (1, 1)
    assert (str(today(ledger).day), today(ledger).tickets.issued) == ("2026-11-22", 1)
    previous = ledger.do(read_previous)
    assert previous is not None
    assert previous.model_dump(mode="json") == event["data"]


def test_a_day_on_which_nothing_happened_is_closed_too(ledger: Ledger) -> None:
    for day in ("21", "22", "22", "23"):
        ledger.clock.set(f"2026-11-{day}T00:00:01+08:00")
        ledger.do(turn_day)
    assert [event["day"] for event in closed(ledger)] == ["2026-11-21", "2026-11-22"]


def test_a_restart_after_days_closes_the_day_that_was_open(ledger: Ledger) -> None:
    issue(ledger)
    ledger.restart()
    ledger.clock.set("2026-11-25T07:00:00+08:00")
    emit(ledger, DaemonStarted(boot="b", version="1", clean=False))
    assert [(event["day"], event["tickets"]["issued"]) for event in closed(ledger)] == [("2026-11-21", 1)]


def test_a_kiosk_that_boots_with_its_clock_in_1970_goes_on_with_its_day(ledger: Ledger) -> None:
    issue(ledger)
    ledger.restart()
    ledger.clock.set("1970-01-01T08:00:12+08:00")
    issue(ledger)
    ledger.clock.set("2026-11-21T09:00:00+08:00")
    issue(ledger)
    assert closed(ledger) == []
    assert today(ledger).tickets.issued == 3


def test_a_new_kiosk_whose_clock_was_never_set_has_a_day_of_its_own_until_it_is(ledger: Ledger) -> None:
    ledger.clock.set("1970-01-01T08:00:12+08:00")
    issue(ledger)
    ledger.clock.set("2026-11-21T09:00:00+08:00")
    issue(ledger)
    assert [(event["day"], event["tickets"]["issued"]) for event in closed(ledger)] == [("1970-01-01", 1)]
    assert str(today(ledger).day) == "2026-11-21"


def test_an_hour_back_over_midnight_opens_no_day_again(ledger: Ledger) -> None:
    ledger.clock.set("2028-02-29T00:30:00+08:00")
    issue(ledger)
    ledger.clock.set("2028-02-28T23:30:00+08:00")
    issue(ledger)
    assert closed(ledger) == []
    ledger.clock.set("2028-03-01T00:00:00+08:00")
    issue(ledger)
    assert [(event["day"], event["tickets"]["issued"]) for event in closed(ledger)] == [("2028-02-29", 2)]


def test_a_clock_that_is_set_back_by_days_begins_a_further_part_of_a_closed_day(ledger: Ledger) -> None:
    issue(ledger)
    ledger.clock.set("2030-01-01T09:00:00+08:00")
    issue(ledger)
    ledger.clock.set("2026-11-21T10:00:00+08:00")
    issue(ledger)
    issue(ledger)
    assert [(event["day"], event["part"]) for event in closed(ledger)] == [("2026-11-21", 1), ("2030-01-01", 1)]
    ledger.clock.set("2026-11-22T10:00:00+08:00")
    ledger.do(turn_day)
    days = [
        (str(day.day), day.part, day.tickets.issued) for day in ledger.do(lambda change: read_days(change, None, None))
    ]
    assert days == [("2026-11-21", 1, 1), ("2026-11-21", 2, 2), ("2026-11-22", 1, 0), ("2030-01-01", 1, 1)]


def test_thirty_days_leave_a_row_each_and_no_more_memory(ledger: Ledger) -> None:
    rows, sizes = [], []
    tracemalloc.start()
    for day in range(1, 31):
        ledger.clock.set(f"2026-11-{day:02d}T09:00:00+08:00")
        waits = ((number * 37 + day) % 1200 for number in range(60))
        emit(ledger, *(TicketCalled(**TICKET, service="a", counter="1", times=1, waited_s=one) for one in waits))
        ledger.events.stored.clear()
        rows.append(ledger.rows("SELECT count(*) FROM figure")[0][0])
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(rows) <= 61
    assert ledger.rows("SELECT count(*) FROM closed_day") == [(29,)]
    assert max(sizes[10:]) - min(sizes[10:]) < 100_000


def test_closed_days_are_bounded(ledger: Ledger) -> None:
    ledger.do(turn_day)
    ledger.do(lambda change: change.insert("INSERT INTO closed_day VALUES (?, '2020-01-01', '{}')", KEEP_CLOSED))
    ledger.do(lambda change: change.insert("INSERT INTO closed_day VALUES (1, '2019-01-01', '{}')"))
    ledger.clock.set("2026-11-22T09:00:00+08:00")
    ledger.do(turn_day)
    assert ledger.rows("SELECT id FROM closed_day") == [(KEEP_CLOSED,), (KEEP_CLOSED + 1,)]


def test_an_event_is_counted_without_reading_the_day_again(ledger: Ledger) -> None:
    issue(ledger)
    statements: list[str] = []
    with ledger.database.transaction() as connection, connection.savepoint() as transaction:
        connection.raw.set_trace_callback(statements.append)
        transaction.emit(TicketCalled(**TICKET, service="a", counter="1", times=1, waited_s=4.0))
        connection.raw.set_trace_callback(None)
    reads = [statement for statement in statements if "SELECT" in statement]
    assert reads == ["SELECT value FROM meta WHERE key = 'figures-day'"]
    assert sum("INSERT INTO figure" in statement for statement in statements) == 2


# devices


def device(name: str, state: str) -> DeviceChanged:
    return DeviceChanged(device=name, kind="printer", state=state, reasons=())


def test_devices_are_watched_by_the_clock_that_never_jumps(ledger: Ledger) -> None:
    emit(ledger, device("printer-1", "ready"))
    ledger.clock.advance(300)
    ledger.clock.set("2026-11-21T20:00:00+08:00")
    emit(ledger, device("printer-1", "faulted"))
    ledger.clock.advance(100)
    emit(ledger, device("printer-1", "unknown"))
    ledger.clock.advance(50)
    ledger.do(watch_devices)
    seen = today(ledger).devices["printer-1"]
    assert (seen.ready_s, seen.degraded_s, seen.faulted_s, seen.absent_s, seen.unknown_s) == (300, 0, 100, 0, 50)
    assert seen.available == 0.75


def test_silence_is_not_availability(ledger: Ledger) -> None:
    emit(ledger, device("led-1", "unknown"))
    ledger.clock.advance(60)
    ledger.do(watch_devices)
    assert today(ledger).devices["led-1"].available is None


def test_nobody_watches_while_kioskd_is_gone(ledger: Ledger) -> None:
    emit(ledger, device("printer-1", "ready"))
    ledger.clock.advance(60)
    emit(ledger, DaemonStopping(boot="b"))
    ledger.clock.advance(600)
    emit(ledger, DaemonStarted(boot="c", version="1", clean=True))
    emit(ledger, device("printer-1", "ready"))
    ledger.clock.advance(30)
    ledger.do(watch_devices)
    ledger.clock.advance(600)
    emit(ledger, DaemonStarted(boot="d", version="1", clean=False))
    ledger.do(watch_devices)
    assert today(ledger).devices["printer-1"].ready_s == 90


def test_a_device_that_was_removed_is_not_watched_any_further(ledger: Ledger) -> None:
    emit(ledger, device("printer-1", "ready"), device("printer-2", "ready"))
    ledger.clock.advance(60)
    ledger.do(lambda change: watch_devices(change, {"printer-1": "ready"}))
    ledger.clock.advance(60)
    ledger.do(lambda change: watch_devices(change, {"printer-1": "ready"}))
    assert {name: seen.ready_s for name, seen in today(ledger).devices.items()} == {"printer-1": 120, "printer-2": 60}


def test_a_change_that_could_not_be_stored_counts_from_the_next_look(ledger: Ledger) -> None:
    """A full disk takes no event; `ready` for hours on end would be a lie, and so would be no time at all."""
    emit(ledger, device("printer-1", "ready"))
    ledger.clock.advance(60)
    states = {"printer-1": "absent", "led-1": "ready"}
    ledger.do(lambda change: watch_devices(change, states))
    ledger.clock.advance(600)
    ledger.do(lambda change: watch_devices(change, states))
    seen = today(ledger).devices
    assert (seen["printer-1"].ready_s, seen["printer-1"].absent_s, seen["led-1"].ready_s) == (60, 600, 600)


def test_follow_ups_are_counted_and_the_open_ones_are_those_of_all_days(ledger: Ledger) -> None:
    for level in (1, 2, 2):
        ledger.do(lambda change, level=level: followups.open_followup(change, "1", level))  # type: ignore[misc]
    ledger.do(lambda change: followups.close_followup(change, "1", "done", "0312"))
    ledger.clock.advance(86_400)
    ledger.do(turn_day)
    ledger.do(lambda change: followups.close_followup(change, "2", "done", "0312"))
    names = ("followups_opened", "followups_closed", "followups_open")
    assert [closed(ledger)[0]["ratings"][name] for name in names] == [3, 1, 2]
    assert [getattr(today(ledger).ratings, name) for name in names] == [0, 1, 1]


def test_each_day_has_its_own_part_of_a_devices_time(ledger: Ledger) -> None:
    clock: HeldClock = ledger.clock
    clock.set("2026-11-21T23:59:00+08:00")
    emit(ledger, device("printer-1", "ready"))
    clock.advance(60)
    ledger.do(turn_day)
    clock.advance(30)
    ledger.do(watch_devices)
    assert closed(ledger)[0]["devices"]["printer-1"]["ready_s"] == 60
    assert today(ledger).devices["printer-1"].ready_s == 30


def test_the_event_is_json_like_any_other(ledger: Ledger) -> None:
    issue(ledger)
    ledger.clock.set("2026-11-22T09:00:00+08:00")
    issue(ledger)
    payload = json.loads(ledger.events.stored[1].payload)
    assert payload["type"] == "kioskd.figures.closed"
    assert payload["data"]["ratings"]["satisfaction"] is None

"""The forecast for a new number (row 11 of the service rules): from what is known, and nothing invented."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from daemon.alerts.queue_limits import watch_queue
from daemon.events import Alert, TicketFinished
from daemon.forecast import SAMPLES_MIN, SERVED_MAX_S, forecast, learn, read_pace
from daemon.hall.counters import CounterState, Stand
from daemon.hall.situation import Post, Situation
from daemon.settings import Queue
from daemon.tickets import QueueFigures, Ticket, TicketState
from tests.store_rig import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db", reactions=(learn,)) as ledger:
        yield ledger


def finished(ledger: Ledger, served_s: float, service: str = "a") -> None:
    event = TicketFinished(ticket="t", number="A001", service=service, counter="1", served_s=served_s)
    ledger.do(lambda change: change.emit(event))


def post(*services: str, serves: str | None = None, state: CounterState = CounterState.OPEN) -> Post:
    """A counter, and the service of the ticket that it serves now."""
    ticket = None
    if serves is not None:
        ticket = Ticket("t", serves, "A001", TicketState.CALLED, 1, issued_at=0.0, called_at=0.0)
    return Post(Stand(state), services, ticket)


def situation(waiting: dict[str, int], **posts: Post) -> Situation:
    return Situation({service: QueueFigures(count, None) for service, count in waiting.items()}, posts)


def test_the_pace_is_known_from_the_third_ticket_on_and_outlives_a_restart(ledger: Ledger) -> None:
    for number, served_s in enumerate((100.0, 200.0, 300.0), start=1):
        assert ledger.do(read_pace) == {}
        finished(ledger, served_s)
        assert number <= SAMPLES_MIN
    ledger.restart()
    assert ledger.do(read_pace) == {"a": pytest.approx(200.0)}


def test_the_pace_follows_the_day_and_is_one_row(ledger: Ledger) -> None:
    for _ in range(50):
        finished(ledger, 100.0)
    assert ledger.do(read_pace) == {"a": pytest.approx(100.0)}
    for _ in range(30):
        finished(ledger, 300.0)
    assert 290 < ledger.do(read_pace)["a"] < 300
    assert len(ledger.rows("SELECT * FROM pace")) == 1


def test_a_ticket_that_was_forgotten_at_its_counter_does_not_count(ledger: Ledger) -> None:
    for _ in range(SAMPLES_MIN):
        finished(ledger, 60.0)
    finished(ledger, SERVED_MAX_S + 1)
    assert ledger.do(read_pace) == {"a": pytest.approx(60.0)}


@pytest.mark.parametrize(
    ("waiting", "posts", "expected_s"),
    [
        ({"a": 0}, {"one": post("a")}, 0.0),
        ({"a": 0}, {"one": post("a", serves="a")}, 60.0),
        ({"a": 3}, {"one": post("a")}, 180.0),
        ({"a": 3}, {"one": post("a", serves="a")}, 240.0),
        ({"a": 3}, {"one": post("a", serves="a"), "two": post("a", serves="a")}, 120.0),
        ({"a": 3}, {"one": post("a", serves="a"), "two": post("a")}, 90.0),
        # a counter that is not open serves nobody
        ({"a": 3}, {"one": post("a", serves="a"), "two": post("a", state=CounterState.PAUSED)}, 240.0),
        # who waits for another service stands in the way at the counters that serve both
        ({"a": 1, "b": 2}, {"one": post("a", "b")}, 60.0 + 2 * 300.0),
        ({"a": 1, "b": 2}, {"one": post("a", "b"), "two": post("b")}, 60.0 + 2 * 300.0 / 2),
        ({"a": 1, "b": 2}, {"one": post("a"), "two": post("b")}, 60.0),
        ({"a": 0, "b": 0}, {"one": post("a", "b", serves="b")}, 300.0),
        ({"a": 0, "b": 0}, {"one": post("a", serves="a"), "two": post("a", serves="b")}, 50.0),  # 1 / (1/60 + 1/300)
    ],
)
def test_the_plain_model(waiting: dict[str, int], posts: dict[str, Post], expected_s: float) -> None:
    found = forecast(situation(waiting, **posts), {"a": 60.0, "b": 300.0})
    assert found["a"] == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("waiting", "posts"),
    [
        ({"a": 0}, {}),
        ({"a": 0}, {"one": post("a", state=CounterState.CLOSED)}),
        ({"a": 0}, {"one": post("b")}),
        ({"a": 1}, {"one": post("a", state=CounterState.PAUSED, serves="a")}),
        ({"a": 0, "c": 1}, {"one": post("a", "c")}),  # nobody knows how long c takes
        ({"a": 0, "c": 0}, {"one": post("a", "c", serves="c")}),
    ],
)
def test_what_nobody_can_know_is_null(waiting: dict[str, int], posts: dict[str, Post]) -> None:
    assert forecast(situation({"b": 0} | waiting, **posts), {"a": 60.0, "b": 300.0})["a"] is None


@pytest.mark.parametrize("counters", [1, 3])
@pytest.mark.parametrize("waiting", [0, 7])
def test_a_hall_that_is_played_through(counters: int, waiting: int) -> None:
    """Against a hall played a few thousand times over, whose service times are drawn as the model has them."""
    chance, mean_s = random.Random(20261121), 120.0
    waits = []
    for _ in range(4000):
        free_at = sorted(chance.expovariate(1 / mean_s) for _ in range(counters))  # all are busy, nobody knows how long
        for _ in range(waiting):
            free_at = sorted([free_at[0] + chance.expovariate(1 / mean_s), *free_at[1:]])
        waits.append(free_at[0])
    posts = {f"c{number}": post("a", serves="a") for number in range(counters)}
    assert forecast(situation({"a": waiting}, **posts), {"a": mean_s})["a"] == pytest.approx(fmean(waits), rel=0.05)


def test_who_would_wait_too_long_raises_the_alert_before_anybody_does(ledger: Ledger) -> None:
    limits = Queue(wait_max_s=600)

    def look(longest_wait_s: float | None, forecast_s: float | None) -> list[str]:
        stands = QueueFigures(0 if longest_wait_s is None else 1, longest_wait_s)
        ledger.do(lambda change: watch_queue(change, "a", stands, limits, forecast_s))
        return ledger.events.names

    assert look(60.0, 600.0) == []
    assert look(60.0, 601.0) == ["alert.raised"]
    figures = {"waited_s": 60.0, "forecast_s": 601.0, "wait_max_s": 600}
    detail = "a new number would wait 601 s, 600 s may be"
    raised = {"alert": Alert.WAIT_TOO_LONG, "about": "a", "detail": detail, "figures": figures}
    assert ledger.events.data("alert.raised") == [raised]
    assert look(610.0, 400.0) == ["alert.raised"]
    assert look(480.0, 481.0) == ["alert.raised"]
    assert look(480.0, 480.0) == ["alert.raised", "alert.cleared"]
    assert look(601.0, None) == ["alert.raised", "alert.cleared", "alert.raised"]
    assert look(60.0, None)[3:] == [], "the last counter paused: that nobody can say how long it takes ends nothing"
    assert look(None, None)[-1] == "alert.cleared"

"""The rules of ratings, on real transactions: one a session, the first press counts, every press is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import ratings
from daemon.commands import Refusal
from daemon.refused import Refused
from daemon.settings import load_settings
from daemon.store import retention
from tests.machine_rig import CommandLog
from tests.store_rig import Ledger, open_ledger

TIMEOUT_S = 15.0
HALL = Path(__file__).parent / "hall.toml"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def open_session(ledger: Ledger, counter: str = "1", ticket: str | None = None, item: str | None = None) -> str:
    return ledger.do(lambda change: ratings.open_session(change, counter, ticket, item))


def press(ledger: Ledger, level: int, session: str | None, counter: str = "1") -> bool:
    return ledger.do(lambda change: ratings.submit(change, counter, "panel-1", level, session=session))


def test_the_first_press_is_the_rating_and_the_next_ones_repeat_it(ledger: Ledger) -> None:
    session = open_session(ledger, ticket="20261121-A001")
    ledger.clock.advance(2.5)
    assert [press(ledger, level, session) for level in (2, 5, 2)] == [True, False, False]
    (submitted,) = ledger.events.data("rating.submitted")
    about = {"session": session, "counter": "1", "ticket": "20261121-A001", "item": None}
    assert submitted == about | {"level": 2, "after_s": 2.5, "followup": "1"}
    repeated = ledger.events.data("rating.repeated")
    assert [(data["session"], data["level"]) for data in repeated] == [(session, 5), (session, 2)]
    assert ledger.rows("SELECT state, level FROM rating_session") == [("rated", 2)]


def test_a_press_without_a_session_is_nobodys_rating(ledger: Ledger) -> None:
    assert not press(ledger, 5, None)
    session = open_session(ledger)
    press(ledger, 4, session)
    assert not press(ledger, 1, None), "the session's time is over: this is somebody else"
    assert [data["level"] for data in ledger.events.data("rating.unsolicited")] == [5, 1]


def test_a_session_that_lapsed_is_not_repeated(ledger: Ledger) -> None:
    session = open_session(ledger)
    ledger.do(lambda change: ratings.close_session(change, "1", "timed-out", only=session))
    press(ledger, 5, session)
    assert ledger.events.names[-2:] == ["rating.lapsed", "rating.unsolicited"]


def test_another_counters_session_is_not_touched(ledger: Ledger) -> None:
    session = open_session(ledger, "1")
    assert not press(ledger, 5, session, counter="2")
    assert ledger.do(lambda change: ratings.close_session(change, "2", "timed-out", only=session)) is False
    assert press(ledger, 5, session, counter="1")


def test_a_new_session_replaces_the_one_that_is_open(ledger: Ledger) -> None:
    first, second = open_session(ledger), open_session(ledger)
    assert first != second
    assert [(data["session"], data["reason"]) for data in ledger.events.data("rating.lapsed")] == [(first, "replaced")]
    assert ledger.do(lambda change: ratings.close_session(change, "1", "timed-out", only=first)) is False
    assert press(ledger, 3, second)
    assert ledger.events.data("rating.submitted")[0]["session"] == second


def test_cancelling_needs_an_open_session(ledger: Ledger) -> None:
    open_session(ledger)
    ledger.do(lambda change: ratings.cancel_session(change, "1"))
    assert ledger.events.data("rating.lapsed")[0]["reason"] == "cancelled"
    with pytest.raises(Refused) as refused:
        ledger.do(lambda change: ratings.cancel_session(change, "1"))
    assert refused.value.reason is Refusal.NO_SESSION


@pytest.mark.parametrize(
    ("away_s", "goes_on"), [(0.0, True), (14.9, True), (15.0, False), (9e4, False), (-60.0, False)]
)
def test_after_a_restart_a_session_goes_on_only_while_its_visitor_may_still_be_there(
    ledger: Ledger, away_s: float, goes_on: bool
) -> None:
    session = open_session(ledger)
    ledger.restart()
    ledger.clock.advance(away_s)
    resumed = ledger.do(lambda change: ratings.session_to_resume(change, "1", TIMEOUT_S))
    assert resumed == (session if goes_on else None)
    assert [data["reason"] for data in ledger.events.data("rating.lapsed")] == ([] if goes_on else ["timed-out"])
    press(ledger, 5, resumed)
    assert ledger.events.names[-1] == ("rating.submitted" if goes_on else "rating.unsolicited")


def test_sessions_end_where_there_is_no_panel_any_more(ledger: Ledger) -> None:
    kept, lost = open_session(ledger, "1"), open_session(ledger, "2")
    ledger.do(lambda change: ratings.close_unattended(change, {"1", "3"}))
    assert [(data["session"], data["reason"]) for data in ledger.events.data("rating.lapsed")] == [(lost, "cancelled")]
    assert press(ledger, 5, kept)


def test_a_clock_that_is_set_meanwhile_is_no_time_that_anybody_took(ledger: Ledger) -> None:
    """A kiosk without a clock battery boots in 1970, and is told the time while somebody rates."""
    ledger.clock.set("1970-01-01T08:00:12+08:00")
    session = open_session(ledger, ticket="19700101-A001")
    ledger.clock.advance(2)
    wrong = ledger.clock.now().timestamp()
    ledger.clock.set("2026-11-21T08:30:00+08:00")
    by_s = ledger.clock.now().timestamp() - wrong
    ledger.do(lambda change: ratings.follow_clock(change, 0.0, wrong, by_s))
    ledger.clock.advance(1)
    assert press(ledger, 1, session)
    assert ledger.events.data("rating.submitted")[0]["after_s"] == 3.0
    ledger.do(lambda change: retention.forget_old(change, keep_days=30))
    with pytest.raises(Refused):
        open_session(ledger, ticket="19700101-A001")


TICKET, OTHER = "20261121-A001", "20261121-A002"


@pytest.mark.parametrize(
    ("first", "second", "rated_twice"),
    [
        ((TICKET, None), (TICKET, None), False),
        ((TICKET, "i-1"), (TICKET, "i-1"), False),
        ((TICKET, "i-1"), (OTHER, "i-1"), False),
        ((TICKET, "i-1"), (TICKET, None), False),
        ((None, "i-1"), (None, "i-1"), False),
        ((TICKET, "i-1"), (TICKET, "i-2"), True),
        ((TICKET, None), (OTHER, None), True),
        ((None, None), (None, None), True),
    ],
)
@pytest.mark.parametrize("counter", ["1", "2"])
def test_one_rating_for_each_handled_item(
    ledger: Ledger,
    counter: str,
    first: tuple[str | None, str | None],
    second: tuple[str | None, str | None],
    rated_twice: bool,
) -> None:
    """One rating per handled item: a ticket, or each item that another system names on it (rule 14: 一次一评)."""
    session = open_session(ledger, "1", *first)
    if counter == "2" and not rated_twice:
        with pytest.raises(Refused):  # it may be rated at the other counter yet
            open_session(ledger, "2", *second)
    assert press(ledger, 4, session)
    if rated_twice:
        assert press(ledger, 4, open_session(ledger, counter, *second), counter)
        return
    with pytest.raises(Refused) as refused:
        open_session(ledger, counter, *second)
    assert refused.value.reason is Refusal.ALREADY_RATED
    assert len(ledger.events.data("rating.submitted")) == 1


ITEM = "sp-2026-0042"


@pytest.mark.parametrize(
    ("ticket", "erased"), [(TICKET, {"ticket": TICKET}), (TICKET, {"item": ITEM}), (None, {"item": ITEM})]
)
def test_an_item_that_was_erased_stays_settled_and_unnamed(
    ledger: Ledger, ticket: str | None, erased: dict[str, str]
) -> None:
    assert press(ledger, 4, open_session(ledger, "1", ticket, ITEM))
    open_session(ledger, "1", OTHER, "another")
    for expected in (1, 0):
        assert ledger.do(lambda change: ratings.erase_items(change, **erased)) == expected
    ledger.restart()
    assert ITEM not in str(ledger.rows("SELECT * FROM rating_session"))
    for counter in ("1", "2"):
        with pytest.raises(Refused) as refused:
            open_session(ledger, counter, OTHER, ITEM)
        assert refused.value.reason is Refusal.ALREADY_RATED
        assert ITEM not in refused.value.detail, "the answer is kept"
    assert open_session(ledger, "1", TICKET, "a third")
    assert ledger.rows("SELECT item FROM rating_session WHERE state = 'lapsed'") == [("another",)]


def test_an_item_that_is_erased_while_it_may_be_rated_is_not_named_afterwards(ledger: Ledger) -> None:
    open_session(ledger, "1", None, ITEM)
    open_session(ledger, "2", None, "another")
    for item in (ITEM, "another"):
        assert ledger.do(lambda change, item=item: ratings.erase_items(change, item=item)) == 1  # type: ignore[misc]
    press(ledger, 1, None, "1")
    ledger.do(lambda change: ratings.cancel_session(change, "2"))
    told = [data["item"] for name in ("rating.submitted", "rating.lapsed") for data in ledger.events.data(name)]
    assert told == ["[erased]", "[erased]"]


@pytest.mark.parametrize("name", ["rating/open", "rating/cancel"])
def test_a_counter_without_a_panel_invites_nobody(ledger: Ledger, name: str) -> None:
    commands = CommandLog(ledger, load_settings(HALL, {}), panels=("2",))
    reply = commands.send(name, counter="1")
    assert (reply.status, reply.reason, reply.detail) == ("rejected", "no-panel", "counter 1 has no rating panel")
    assert ledger.events.names == []


def test_what_was_not_rated_may_be_asked_again(ledger: Ledger) -> None:
    open_session(ledger, "1", TICKET)
    ledger.do(lambda change: ratings.cancel_session(change, "1"))
    second = open_session(ledger, "1", TICKET)
    assert open_session(ledger, "1", TICKET) != second, "the counter's own open session is replaced"
    assert [data["reason"] for data in ledger.events.data("rating.lapsed")] == ["cancelled", "replaced"]


def test_an_item_is_told_of_from_its_opening_to_its_end(ledger: Ledger) -> None:
    session = open_session(ledger, "1", TICKET, "sp-2026-0042")
    ledger.do(lambda change: ratings.close_session(change, "1", "timed-out"))
    press(ledger, 5, open_session(ledger, "1", TICKET, "sp-2026-0042"))
    named = [data for data in ledger.events.payloads if data["data"].get("item") == "sp-2026-0042"]
    assert [event["type"].removeprefix("kioskd.rating.") for event in named] == [
        "opened",
        "lapsed",
        "opened",
        "submitted",
    ]
    assert named[0]["data"]["session"] == session

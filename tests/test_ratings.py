"""The rules of ratings, on real transactions: one a session, the first press counts, every press is accounted for."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daemon import ratings
from daemon.commands import Refusal
from daemon.refused import Refused
from tests.store_rig import Ledger, open_ledger

TIMEOUT_S = 15.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def open_session(ledger: Ledger, counter: str = "1", ticket: str | None = None) -> str:
    return ledger.do(lambda change: ratings.open_session(change, counter, ticket))


def press(ledger: Ledger, level: int, session: str | None, counter: str = "1") -> bool:
    return ledger.do(lambda change: ratings.submit(change, counter, "panel-1", level, session=session))


def test_the_first_press_is_the_rating_and_the_next_ones_repeat_it(ledger: Ledger) -> None:
    session = open_session(ledger, ticket="20261121-A001")
    ledger.clock.advance(2.5)
    assert [press(ledger, level, session) for level in (2, 5, 2)] == [True, False, False]
    assert ledger.events.data("rating.submitted") == [
        {"session": session, "counter": "1", "ticket": "20261121-A001", "level": 2, "after_s": 2.5}
    ]
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


class Sessions(RuleBasedStateMachine):
    """Two counters: whatever happens, a session has at most one rating and every press is told as exactly one thing."""

    counters = st.sampled_from("12")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="kioskd-ratings-"))
        self.ledger = Ledger(self.directory / "kioskd.db")
        self.open: dict[str, str] = {}
        self.in_time: dict[str, str] = {}
        self.expected: Counter[str] = Counter()
        self.rated: dict[str, int] = {}

    def teardown(self) -> None:
        self.ledger.database.close()
        shutil.rmtree(self.directory)

    @rule(counter=counters)
    def begin(self, counter: str) -> None:
        if counter in self.open:
            self.expected["rating.lapsed"] += 1
        self.expected["rating.opened"] += 1
        self.open[counter] = self.in_time[counter] = open_session(self.ledger, counter)

    @rule(counter=counters, level=st.integers(1, 5))
    def press(self, counter: str, level: int) -> None:
        session = self.in_time.get(counter)
        rated = press(self.ledger, level, session, counter)
        if counter in self.open:
            assert rated
            self.rated[self.open.pop(counter)] = level
            self.expected["rating.submitted"] += 1
        else:
            assert not rated
            known = session is not None and session in self.rated
            self.expected["rating.repeated" if known else "rating.unsolicited"] += 1

    @rule(counter=counters)
    def time_out(self, counter: str) -> None:
        session = self.in_time.pop(counter, None)
        if session is None:
            return
        lapsed = self.ledger.do(lambda change: ratings.close_session(change, counter, "timed-out", only=session))
        assert lapsed is (self.open.pop(counter, None) is not None)
        self.expected["rating.lapsed"] += lapsed

    @rule()
    def restart(self) -> None:
        self.ledger.restart()

    @invariant()
    def every_press_is_one_thing(self) -> None:
        assert Counter(self.ledger.events.names) == self.expected
        submitted = {data["session"]: data["level"] for data in self.ledger.events.data("rating.submitted")}
        assert submitted == self.rated
        rows = self.ledger.rows("SELECT id, level FROM rating_session WHERE state = 'rated'")
        assert {str(session): level for session, level in rows} == self.rated, "stored as told"
        open_rows = self.ledger.rows("SELECT counter, id FROM rating_session WHERE state = 'open'")
        assert {counter: str(session) for counter, session in open_rows} == self.open


Sessions.TestCase.settings = hypothesis_settings(max_examples=30, stateful_step_count=40, deadline=None)
TestSessions = Sessions.TestCase

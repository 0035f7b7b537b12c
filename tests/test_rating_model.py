"""Ratings against a plain model: at most one a session, a ticket and an item, whatever time and the daemon do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from daemon import ratings, tickets
from daemon.commands import Reply, Status
from daemon.figures import counting as figures
from daemon.figures.reading import read_days
from daemon.settings import load_settings
from tests.machine_rig import HallMachine, machine_settings

HALL = Path(__file__).parent / "hall.toml"
TIMEOUT_S = 15.0
COUNTERS = "12"


@dataclass
class Session:
    """What the model knows of one session. `opened_at` by the clock on the wall, which is all a restart has."""

    counter: str
    ticket: str | None
    item: str | None
    opened_at: float
    state: str = "open"
    level: int | None = None

    @property
    def subject(self) -> tuple[str, str] | None:
        """What it may be the one rating of."""
        if self.item is not None:
            return "item", self.item
        return ("ticket", self.ticket) if self.ticket is not None else None


class RatingMachine(HallMachine):
    """Two counters with panels, their tickets, and the follow-ups of bad ratings."""

    counters = st.sampled_from(COUNTERS)

    def __init__(self) -> None:
        super().__init__(load_settings(HALL, {}), COUNTERS, (figures.count,))
        self.sessions: dict[str, Session] = {}
        self.in_time: dict[str, str] = {}  # what each panel's desk knows
        self.tickets: list[str] = []
        self.followups: dict[str, tuple[str, int]] = {}
        self.expected: Counter[str] = Counter()

    # the model

    def now(self) -> float:
        return self.clock.now().timestamp()

    def open_at(self, counter: str) -> Session | None:
        return next((s for s in self.sessions.values() if s.counter == counter and s.state == "open"), None)

    def is_rated(self, counter: str, ticket: str | None, item: str | None) -> bool:
        known = self.sessions.values()
        rated = [s for s in known if s.state == "rated" or (s.state == "open" and s.counter != counter)]
        if item is not None:
            return any(session.item == item for session in rated)
        return ticket is not None and any(session.ticket == ticket for session in rated)

    def lapse(self, counter: str) -> None:
        session = self.open_at(counter)
        if session is not None:
            session.state = "lapsed"
            self.expected["rating.lapsed"] += 1

    def opened(self, counter: str, ticket: str | None, item: str | None, reply: Reply) -> None:
        self.lapse(counter)
        number = reply.data["session"]
        assert number not in self.sessions
        self.sessions[number] = Session(counter, ticket, item, self.now())
        self.in_time[counter] = number
        self.expected["rating.opened"] += 1

    # what happens

    @rule(counter=counters)
    def a_visitor_is_served(self, counter: str) -> None:
        taken = self.commands.send("ticket/take", service="b")
        ticket = taken.data["ticket"]
        self.ledger.do(lambda change: tickets.let_wait(change, ticket))
        assert self.commands.send("ticket/next", counter=counter).data["ticket"] == ticket
        self.tickets.append(ticket)
        self.opened(counter, ticket, None, self.commands.send("ticket/finish", counter=counter))

    @rule(counter=counters, which=st.none() | st.integers(0, 5), item=st.none() | st.sampled_from(["i-1", "i-2"]))
    def a_rating_is_invited(self, counter: str, which: int | None, item: str | None) -> None:
        ticket = self.tickets[which % len(self.tickets)] if which is not None and self.tickets else None
        reply = self.commands.send("rating/open", counter=counter, ticket=ticket, item=item)
        if self.is_rated(counter, ticket, item):
            assert (reply.status, reply.reason) == (Status.REJECTED, "already-rated")
        else:
            self.opened(counter, ticket, item, reply)

    @rule(counter=counters)
    def a_rating_is_cancelled(self, counter: str) -> None:
        reply = self.commands.send("rating/cancel", counter=counter)
        if self.open_at(counter) is None:
            assert (reply.status, reply.reason) == (Status.REJECTED, "no-session")
        else:
            self.lapse(counter)
            del self.in_time[counter]

    @rule(counter=counters, level=st.integers(1, 5))
    def a_key_is_pressed(self, counter: str, level: int) -> None:
        number = self.in_time.get(counter)
        submit = ratings.submit
        rated = self.ledger.do(lambda change: submit(change, counter, f"panel-{counter}", level, session=number))
        session = self.open_at(counter)
        assert rated is (session is not None)
        if session is not None:
            session.state, session.level = "rated", level
            self.expected["rating.submitted"] += 1
            if level <= 2:
                followup = self.ledger.events.data("followup.opened")[-1]["followup"]
                assert followup not in self.followups
                self.followups[followup] = (counter, level)
                self.expected.update(["followup.opened", "alert.raised"])
        else:
            repeated = number is not None and self.sessions[number].state == "rated"
            self.expected["rating.repeated" if repeated else "rating.unsolicited"] += 1

    @rule(counter=counters, level=st.integers(1, 5))
    def a_visitor_is_served_and_rates(self, counter: str, level: int) -> None:
        self.a_visitor_is_served(counter)
        self.a_key_is_pressed(counter, level)

    @rule(counter=counters)
    def its_time_is_over(self, counter: str) -> None:
        number = self.in_time.pop(counter, None)
        if number is None:
            return
        lapsed = self.ledger.do(lambda change: ratings.close_session(change, counter, "timed-out", only=number))
        assert lapsed is (self.sessions[number].state == "open")
        if lapsed:
            self.lapse(counter)

    @rule()
    def the_daemon_is_killed_and_starts_again(self) -> None:
        self.ledger.restart()
        self.in_time.clear()
        for counter in COUNTERS:
            number = self.ledger.do(lambda change, of=counter: ratings.session_to_resume(change, of, TIMEOUT_S))  # type: ignore[misc]
            session = self.open_at(counter)
            goes_on = session is not None and 0 <= self.now() - session.opened_at < TIMEOUT_S
            assert (number is not None) is goes_on
            if number is not None:
                self.in_time[counter] = number
            else:
                self.lapse(counter)

    @rule(number=st.integers(1, 5))
    def a_follow_up_is_closed(self, number: int) -> None:
        reply = self.commands.send("followup/close", followup=str(number), result="已回访", by="0312")
        if str(number) in self.followups:
            assert reply.status is Status.DONE
            del self.followups[str(number)]
            self.expected.update(["followup.closed", "alert.cleared"])
        else:
            assert reply.reason in ("unknown-followup", "followup-closed")

    # what must hold

    @invariant()
    def every_happening_is_told_once(self) -> None:
        told = Counter(self.ledger.events.names)
        families = ("rating.", "followup.", "alert.")
        assert {name: count for name, count in told.items() if name.startswith(families)} == dict(self.expected)

    @invariant()
    def the_store_agrees(self) -> None:
        rows = self.ledger.rows("SELECT id, counter, ticket, item, state, level FROM rating_session")
        stored = {str(number): tuple(rest) for number, *rest in rows}
        modelled = {n: (s.counter, s.ticket, s.item, s.state, s.level) for n, s in self.sessions.items()}
        assert stored == modelled
        alerts = self.ledger.rows("SELECT about FROM alert WHERE alert = 'bad-rating'")
        assert {about for (about,) in alerts} == self.followups.keys()

    @invariant()
    def each_session_item_and_ticket_has_one_rating_at_most(self) -> None:
        submitted = self.ledger.events.data("rating.submitted")
        assert {data["session"]: data["level"] for data in submitted} == {
            number: session.level for number, session in self.sessions.items() if session.state == "rated"
        }
        assert len(submitted) == len({data["session"] for data in submitted})
        subjects = [s.subject for s in self.sessions.values() if s.state == "rated" and s.subject is not None]
        assert len(subjects) == len(set(subjects))

    def teardown(self) -> None:
        try:
            self.the_figures_count_no_rating_as_none()
        finally:
            super().teardown()

    def the_figures_count_no_rating_as_none(self) -> None:
        days = self.ledger.do(lambda change: read_days(change, None, None))
        levels: Counter[str] = Counter()
        for day in days:
            levels.update(day.ratings.levels)
        assert +levels == Counter(str(s.level) for s in self.sessions.values() if s.state == "rated")
        assert sum(day.ratings.lapsed for day in days) == self.expected["rating.lapsed"]


RatingMachine.TestCase.settings = machine_settings(examples=25, steps=40)
TestRatings = RatingMachine.TestCase

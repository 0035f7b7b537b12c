"""The queue against a plain model (rules 1, 5 and 12): nobody lost, nobody served twice, nobody passed over for ever.

With restarts, midnights, clocks that jump, machines that come up in the past, slips that do not come out, counters that
close, configurations that lose and regain a counter or a service, and commands that come twice in between.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from daemon import tickets
from daemon.clock_jumps import REMEMBER_S, ClockJumps
from daemon.commands import Refusal, Reply
from daemon.figures.counting import count
from daemon.model import Priority
from daemon.reload import end_what_is_gone
from daemon.settings import Settings
from tests.machine_rig import JUMPS, HallMachine, jump, machine_settings
from tests.queue_model import QueueModel, Visitor, outcome

TABLES: dict[str, Any] = {
    "hall": "h",
    "kiosk": "k",
    "queue": {"passed_over_max": 2, "back_after": 2, "back_times": 1, "undo_s": 60},
    "services": {
        "a": {"name": "综合业务", "printer": "printer-1", "prefix": "A", "last": 40},
        "b": {"name": "医保", "printer": "printer-1", "prefix": "B", "first": 5, "daily_max": 6},
    },
    "counters": {
        "1": {"name": "1号窗口", "services": ["a"], "display": "led-1"},
        "2": {"name": "2号窗口", "services": ["b", "a"], "display": "led-1"},
        "3": {"name": "3号窗口", "services": ["b"]},
    },
    "devices": {
        "printer-1": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"},
        "led-1": {"driver": "bx", "link": "tcp://10.0.0.9:5005"},
    },
}
WITHOUT_3 = {**TABLES, "counters": {name: TABLES["counters"][name] for name in ("1", "2")}}
WITHOUT_B = {
    **TABLES,
    "services": {"a": TABLES["services"]["a"]},
    "counters": {"1": TABLES["counters"]["1"], "2": {**TABLES["counters"]["2"], "services": ["a"]}},
}
SETTINGS, *FEWER = (Settings(tables) for tables in (TABLES, WITHOUT_3, WITHOUT_B))
"""The whole hall, the hall with a counter less, and with a service less."""

STARTS = {"1970": "1970-01-01T08:00:12+08:00", "a year behind": "2025-06-01T10:00:00+08:00"}

ACTIONS = st.sampled_from(("next", "next", "next", "skip", "skip", "recall", "uncall", "finish"))
COUNTERS = st.sampled_from(tuple(SETTINGS.counters))
SERVICES = st.sampled_from(tuple(SETTINGS.services))
PRIORITIES = st.sampled_from((Priority.ORDINARY, *Priority))


class Queue(HallMachine):
    """Two services and three counters, of which one serves both."""

    def __init__(self) -> None:
        self.starts = itertools.count(1)
        super().__init__(SETTINGS, panels=(), reactions=(count,), first=self._machine_start())
        self.model = model = QueueModel(SETTINGS, self.clock.now, by_this_clock_since=self.clock.now().timestamp())
        self._does: Mapping[str, Callable[[str], Visitor]] = {
            "next": model.next,
            "recall": model.recall,
            "uncall": model.uncall,
            "skip": model.skip,
            "finish": model.finish,
        }

    def _asked(self, reply: Reply, expected: Callable[[], Visitor]) -> None:
        """The model and the daemon agree on whom a command means, or on why not."""
        visitor = outcome(expected)
        told = reply.data["ticket"] if reply.reason is None else reply.reason
        assert told == (visitor.id if isinstance(visitor, Visitor) else visitor)

    @rule(service=SERVICES, priority=PRIORITIES)
    def take(self, service: str, priority: Priority) -> None:
        """Somebody takes a number, whose slip is to be printed."""
        self._take(service, priority)

    def _take(self, service: str, priority: Priority) -> Visitor | None:
        reply = self.commands.send("ticket/take", service=service, priority=priority)
        ahead = self.model.ahead(service, priority)
        visitor = outcome(lambda: self.model.take(service, priority))
        if not isinstance(visitor, Visitor):
            assert reply.reason == visitor
            return None
        assert reply.data == {"ticket": visitor.id, "number": visitor.number, "ahead": ahead}
        return visitor

    @initialize(who=st.lists(st.tuples(SERVICES, PRIORITIES), min_size=3, max_size=8))
    def some_come(self, who: list[tuple[str, Priority]]) -> None:
        self.many_come(who)

    @rule(who=st.lists(st.tuples(SERVICES, PRIORITIES), min_size=3, max_size=8))
    def many_come(self, who: list[tuple[str, Priority]]) -> None:
        for service, priority in who:
            visitor = self._take(service, priority)
            if visitor is not None:
                self._print(visitor, comes_out=True)

    @precondition(lambda self: any(visitor.state == "issued" for visitor in self.model.visitors))
    @rule(chance=st.data(), comes_out=st.sampled_from((True, True, True, False)))
    def print(self, chance: st.DataObject, comes_out: bool) -> None:
        printing = [visitor for visitor in self.model.visitors if visitor.state == "issued"]
        self._print(chance.draw(st.sampled_from(printing)), comes_out=comes_out)

    def _print(self, visitor: Visitor, *, comes_out: bool) -> None:
        if comes_out:
            self.ledger.do(lambda change: tickets.let_wait(change, visitor.id))
            visitor.state = "waiting"
        else:
            self.ledger.do(lambda change: tickets.withdraw(change, visitor.id, "paper-end"))
            self.model.withdraw(visitor)

    @rule(steps=st.lists(st.tuples(COUNTERS, ACTIONS), min_size=3, max_size=12))
    def counters_work(self, steps: list[tuple[str, str]]) -> None:
        for counter, action in steps:
            self._asked(self.commands.send(f"ticket/{action}", counter=counter), partial(self._does[action], counter))

    def _some_name(self, chance: st.DataObject) -> str:
        """An id, a number, or what is neither."""
        known = [name for visitor in self.model.visitors for name in (visitor.id, visitor.number)]
        return chance.draw(st.sampled_from([*known, "A777"]))

    @rule(counter=COUNTERS, chance=st.data())
    def call(self, counter: str, chance: st.DataObject) -> None:
        name = self._some_name(chance)
        reply = self.commands.send("ticket/call", counter=counter, ticket=name)
        self._asked(reply, lambda: self.model.call(counter, name))

    @rule(chance=st.data())
    def bring_back(self, chance: st.DataObject) -> None:
        name = self._some_name(chance)
        self._asked(self.commands.send("ticket/return", ticket=name), lambda: self.model.bring_back(name))

    @rule(chance=st.data())
    def cancel(self, chance: st.DataObject) -> None:
        name = self._some_name(chance)
        self._asked(self.commands.send("ticket/cancel", ticket=name), lambda: self.model.cancel(name))

    @rule(counter=COUNTERS, service=SERVICES, to_counter=st.none() | COUNTERS)
    def transfer(self, counter: str, service: str, to_counter: str | None) -> None:
        reply = self.commands.send("ticket/transfer", counter=counter, service=service, to_counter=to_counter)
        self._asked(reply, lambda: self.model.transfer(counter, service, to_counter))

    @rule(counter=COUNTERS, verb=st.sampled_from(("open", "open", "pause", "close")))
    def counter_becomes(self, counter: str, verb: str) -> None:
        reply = self.commands.send(f"counter/{verb}", counter=counter)
        if counter not in self.model.settings.counters:
            assert reply.reason == Refusal.UNKNOWN_COUNTER
            return
        self.model.stands[counter] = {"open": "open", "pause": "paused", "close": "closed"}[verb]
        assert reply.data["state"] == self.model.stands[counter]

    @rule(settings=st.sampled_from((SETTINGS, *FEWER)), restarts=st.booleans())
    def configuration_changes(self, settings: Settings, restarts: bool) -> None:
        """By a reload, or by a restart."""
        if restarts:
            self.ledger.restart()
        self.commands.reload(settings)
        self.ledger.do(lambda change: end_what_is_gone(change, settings))
        self.model.reload(settings)

    @rule()
    def restart(self) -> None:
        self.ledger.restart()

    @rule(where=st.sampled_from(JUMPS), down=st.booleans())
    def clock_is_set(self, where: str, down: bool = False) -> None:
        """While kioskd runs, or while it is down."""
        if where == "midnight":
            jump(self.clock, where)
            return
        before = self.clock.now()
        jump(self.clock, where)
        if down:
            self.ledger.restart()
        self.ledger.do(lambda _: None)
        self.model.clock_was_set(before)

    def _machine_start(self) -> ClockJumps:
        return ClockJumps(f"start {next(self.starts)}")

    @rule(where=st.sampled_from((*STARTS, "later")), hours=st.sampled_from((0.1, 3, 13)))
    def machine_restarts(self, where: str, hours: float) -> None:
        """Right after the store noted what time it is."""
        self.clock.advance(REMEMBER_S)
        self.ledger.do(lambda _: None)
        last = self.clock.now()
        self.clock.set(STARTS.get(where, (last + timedelta(hours=hours)).isoformat()))
        self.ledger.restart(self._machine_start())
        self.ledger.do(lambda _: None)
        self.model.machine_came_up(last)

    @rule(hours=st.sampled_from((0, 0, 0.5, 3, 11)))
    def hours_pass(self, hours: float) -> None:
        self.clock.advance(hours * 3600)
        self.ledger.do(tickets.withdraw_left_over)
        self.model.end_the_day()

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        sql = "SELECT id, service, state, only_counter, priority, passed, skips FROM ticket ORDER BY place"
        rows = self.ledger.rows(sql)
        assert {identity: tuple(row) for identity, *row in rows} == self.model.rows()
        assert [identity for identity, *_ in rows] == [visitor.id for visitor in self.model.visitors]
        called = self.ledger.rows("SELECT id, counter FROM ticket WHERE state = 'called'")
        assert dict(called) == self.model.called()
        assert len({counter for _, counter in called}) == len(called), "one number a counter"
        put_aside = self.ledger.rows("SELECT id, behind FROM ticket WHERE state = 'skipped'")
        assert dict(put_aside) == self.model.put_aside()

    @invariant()
    def nobody_is_passed_over_for_ever(self) -> None:
        (most,) = self.ledger.rows("SELECT coalesce(max(passed), 0) FROM ticket")[0]
        assert most <= SETTINGS.queue.passed_over_max

    def teardown(self) -> None:
        try:
            finished = Counter(data["ticket"] for data in self.ledger.events.data("ticket.finished"))
            assert max(finished.values(), default=1) == 1, "nobody is served twice"
            assert finished.keys() == {visitor.id for visitor in self.model.visitors if visitor.state == "finished"}
        finally:
            super().teardown()


Queue.TestCase.settings = machine_settings(examples=40, steps=40)
TestQueue = pytest.mark.timeout(900)(Queue.TestCase)  # with LONG_TESTS=1

"""A day of a hall through the real rules: totals of the figures = totals of the events = totals of the scenario."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from daemon import phones, ratings, tickets
from daemon.figures.counting import count, turn_day
from daemon.settings import Service
from daemon.store.database import Transaction
from drivers.phone.capability import Answer, CallEnded
from tests.store_rig import HeldClock, open_ledger

TICKETS = 2000
CALLS = 400
RATINGS = 1500
COUNTERS = 20
SERVICES = {name: Service(name=name, printer="p", prefix=name.upper()) for name in "abcde"}
RINGS_ALLOWED = 3
GROUP = 50
"""Steps in one commit: the disk's time is not what is tried here."""


class Hall:
    """What happens to visitors and callers, by the real rules, each step counted by its own hand."""

    def __init__(self, clock: HeldClock) -> None:
        self.clock = clock
        self.random = random.Random(20)
        self.seen: Counter[str] = Counter()
        self.waited_s = 0.0
        self.taken_at: dict[str, float] = {}

    def go_on(self, steps: Sequence[Callable[[Transaction], None]], change: Transaction) -> None:
        for step in steps:
            step(change)
            self.clock.advance(5)

    def arrive(self, change: Transaction) -> None:
        name = self.random.choice(list(SERVICES))
        ticket, _ = tickets.take(change, name, SERVICES[name])
        self.seen["issued"] += 1
        if self.random.random() < 0.02:
            tickets.withdraw(change, ticket.id, "paper-end")
            self.seen["withdrawn"] += 1
        else:
            tickets.let_wait(change, ticket.id)
            self.taken_at[ticket.id] = self.clock.now().timestamp()

    def serve(self, change: Transaction) -> None:
        counter = str(self.random.randrange(COUNTERS))
        if tickets.present(change, counter) is None and self.taken_at:
            ticket = tickets.call_next(change, counter, tuple(SERVICES))
            self.seen["called"] += 1
            self.waited_s += self.clock.now().timestamp() - self.taken_at.pop(ticket.id)
            tickets.call_again(change, counter)  # which is no second first call
        elif tickets.present(change, counter) is not None:
            self.end(change, counter)

    def end(self, change: Transaction, counter: str) -> None:
        if self.random.random() < 0.1:
            tickets.skip(change, counter)
            self.seen["skipped"] += 1
            return
        ticket = tickets.finish(change, counter)
        self.seen["finished"] += 1
        if self.seen["sessions"] < RATINGS:
            self.rate(change, counter, ticket.id)

    def rate(self, change: Transaction, counter: str, ticket: str) -> None:
        session = ratings.open_session(change, counter, ticket)
        self.seen["sessions"] += 1
        if self.random.random() < 0.3:
            ratings.close_session(change, counter, "timed-out")
            self.seen["lapsed"] += 1
            return
        level = self.random.randint(1, 5)
        ratings.submit(change, counter, "panel", level, session=session)
        ratings.submit(change, counter, "panel", 5, session=session)
        self.seen[f"level-{level}"] += 1

    def ring(self, change: Transaction) -> None:
        answer, rings = self.random.choice(list(Answer)), self.random.randint(1, 6)
        line = phones.Line("phone", "1", RINGS_ALLOWED)
        for number in range(1, rings + 1):
            phones.ring(change, line, number)
        ended = CallEnded(answer, rings=rings, ringing_s=rings * 5.0, evidence="")
        phones.end(change, line, ended)
        late = "-late" if answer is Answer.ANSWERED and rings > RINGS_ALLOWED else ""
        self.seen[f"{answer}{late}"] += 1


def test_a_day_of_a_hall(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "kioskd.db", HeldClock("2026-11-21T08:30:00+08:00"), [count]) as ledger:
        hall = Hall(ledger.clock)
        steps = [hall.arrive] * TICKETS + [hall.serve] * 2 * TICKETS + [hall.ring] * CALLS
        hall.random.shuffle(steps)
        for first in range(0, len(steps), GROUP):
            ledger.do(partial(hall.go_on, steps[first : first + GROUP]))
            if first % 1500 == 0:
                ledger.restart()
        ledger.clock.set("2026-11-22T00:00:00+08:00")
        ledger.do(turn_day)
        (figures,) = ledger.events.data("figures.closed")
    seen, served = hall.seen, figures["tickets"]
    assert seen["issued"] == TICKETS
    verbs = ("issued", "called", "finished", "skipped", "withdrawn")
    assert {verb: served[verb] for verb in verbs} == {verb: seen[verb] for verb in verbs}
    assert served["waited"]["count"] == seen["called"]
    assert abs(served["waited"]["mean_s"] - hall.waited_s / seen["called"]) <= 0.06
    assert figures["ratings"]["levels"] == {str(level): seen[f"level-{level}"] for level in range(1, 6)}
    assert figures["ratings"]["lapsed"] == seen["lapsed"]
    assert figures["ratings"]["repeated"] == seen["sessions"] - seen["lapsed"]
    told = figures["phones"]
    assert sum(told[key] for key in ("answered_in_time", "answered_late", "missed", "unknown")) == CALLS
    assert [told["answered_in_time"], told["answered_late"]] == [seen["answered"], seen["answered-late"]]
    assert [told["missed"], told["unknown"]] == [seen["missed"], seen["unknown"]]
    names = Counter(ledger.events.names)
    assert [names[f"ticket.{verb}"] for verb in ("issued", "finished", "skipped", "withdrawn")] == [
        seen[verb] for verb in ("issued", "finished", "skipped", "withdrawn")
    ]
    assert names["rating.submitted"] == seen["sessions"] - seen["lapsed"]

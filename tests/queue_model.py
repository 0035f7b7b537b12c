"""The queue as plain Python: lists and sorting, no database. What the daemon's is compared with.

It knows everybody by themselves: a number is held by whoever is there with it, whatever the day is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.commands import Refusal
from daemon.figures.counting import FIRST_YEAR
from daemon.model import Priority
from daemon.settings import Settings
from daemon.tickets import LEFT_OVER_S

RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class No(Exception):
    """The model refuses."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Visitor:
    """Somebody with a number."""

    id: str
    number: str
    service: str
    rank: int
    place: int
    issued_at: float
    state: str = "issued"
    counter: str | None = None
    only: str | None = None
    passed: int = 0
    skips: int = 0
    behind: int = 0
    called_from: str = ""
    called_at: float = 0.0
    day: str = ""  # what the day of the number is called by now

    @property
    def order(self) -> tuple[int, int]:
        return self.rank, self.place


def outcome(done: Callable[[], Visitor]) -> Visitor | Refusal:
    """Whom something was done to, or why it was not."""
    try:
        return done()
    except No as no:
        return no.reason


@dataclass
class QueueModel:
    """Everybody who ever took a number, in the order of arrival. `last` and `given` are by prefix and day."""

    settings: Settings
    now: Callable[[], datetime]
    visitors: list[Visitor] = field(default_factory=list)
    stands: dict[str, str] = field(default_factory=dict)
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    given: dict[tuple[str, str], int] = field(default_factory=dict)
    by_this_clock_since: float = 0.0

    # who is where

    def left_over(self, visitor: Visitor) -> bool:
        return self.now().timestamp() - visitor.issued_at >= LEFT_OVER_S

    def callable_at(self, counter: str, state: str = "waiting") -> list[Visitor]:
        """Whom `counter` may call, in the order of arrival."""
        services = self.settings.counters[counter].services
        fit = (v for v in self.visitors if v.state == state and v.service in services and self.free_for(v, counter))
        return [visitor for visitor in fit if not self.left_over(visitor)]

    def free_for(self, visitor: Visitor, counter: str) -> bool:
        return visitor.only in (None, counter) or self.stands.get(visitor.only or "") == "closed"

    def expect_open(self, counter: str) -> None:
        """Nothing can be called to a counter that is not there, or where nobody serves."""
        self.expect_counter(counter)
        refusals = {"closed": Refusal.COUNTER_CLOSED, "paused": Refusal.COUNTER_PAUSED}
        stand = self.stands.get(counter, "open")
        if stand in refusals:
            raise No(refusals[stand])

    def expect_counter(self, counter: str) -> None:
        if counter not in self.settings.counters:
            raise No(Refusal.UNKNOWN_COUNTER)

    def expect_service(self, service: str) -> None:
        if service not in self.settings.services:
            raise No(Refusal.UNKNOWN_SERVICE)

    def present(self, counter: str) -> Visitor:
        self.expect_counter(counter)
        found = [v for v in self.visitors if v.state == "called" and v.counter == counter]
        if not found:
            raise No(Refusal.NO_TICKET)
        (visitor,) = found
        return visitor

    def named(self, name: str) -> Visitor:
        days = (f"{self.now() - timedelta(days=ago):%Y%m%d}-{name}" for ago in (0, 1))
        for known in (name, *days):
            found = [visitor for visitor in self.visitors if visitor.id == known]
            if found:
                return found[0]
        over = ("finished", "withdrawn")
        for visitor in reversed(self.visitors):  # of another day by its id: the clock was set
            if visitor.number == name and visitor.state not in over and not self.left_over(visitor):
                return visitor
        raise No(Refusal.UNKNOWN_TICKET)

    # what is done

    def ahead(self, service: str, priority: Priority) -> int:
        """How many are called before somebody who comes now; those count, too, whose slips are being printed."""
        before = [v for v in self.visitors if v.service == service and v.rank <= RANKS[priority]]
        return sum(v.state == "issued" or (v.state == "waiting" and not self.left_over(v)) for v in before)

    def take(self, service: str, priority: Priority) -> Visitor:
        self.expect_service(service)
        table, day = self.settings.services[service], f"{self.now():%Y%m%d}"
        numbers = table.prefix, day
        if self.given.get(numbers, 0) >= (table.daily_max or 1_000_000):
            raise No(Refusal.LIMIT_REACHED)
        count = self.last.get(numbers, table.first - 1) + 1
        held = {v.number for v in self.visitors if v.state not in ("finished", "withdrawn") and not self.left_over(v)}
        held |= {v.number for v in self.visitors if v.id.startswith(day)}
        while f"{table.prefix}{count:0{len(str(table.last))}d}" in held:
            count += 1
        if count > table.last:
            raise No(Refusal.NUMBERS_EXHAUSTED)
        self.last[numbers] = count
        self.given[numbers] = self.given.get(numbers, 0) + 1
        number = f"{table.prefix}{count:0{len(str(table.last))}d}"
        issued_at = self.now().timestamp()
        visitor = Visitor(f"{day}-{number}", number, service, RANKS[priority], len(self.visitors), issued_at, day=day)
        self.visitors.append(visitor)
        return visitor

    def next(self, counter: str) -> Visitor:
        self.expect_open(counter)
        waiting = self.callable_at(counter)
        if not waiting:
            waiting = sorted(self.callable_at(counter, "skipped"), key=lambda v: (v.behind, v.place))[:1]
        if not waiting:
            raise No(Refusal.NOTHING_WAITING)
        longest, urgent = waiting[0], min(waiting, key=lambda visitor: visitor.order)
        if longest.passed >= self.settings.queue.passed_over_max or urgent is longest:
            return self._call(longest, counter)
        longest.passed += 1
        return self._call(urgent, counter)

    def recall(self, counter: str) -> Visitor:
        self.expect_open(counter)
        return self.present(counter)

    def call(self, counter: str, name: str) -> Visitor:
        self.expect_open(counter)
        visitor = self.named(name)
        if visitor.state == "called" and visitor.counter == counter:
            return visitor
        if visitor.state in ("issued", "called"):
            raise No(Refusal.NOT_WAITING)
        if visitor.state in ("finished", "withdrawn") or self.left_over(visitor):
            raise No(Refusal.TICKET_OVER)
        if visitor not in self.callable_at(counter, visitor.state):
            raise No(Refusal.NOT_SERVED)
        return self._call(visitor, counter)

    def _call(self, visitor: Visitor, counter: str) -> Visitor:
        for other in self.visitors:
            if other.state == "called" and other.counter == counter:
                other.state = "finished"
        visitor.called_from, visitor.called_at = visitor.state, self.now().timestamp()
        visitor.state, visitor.counter = "called", counter
        services = self.settings.counters[counter].services
        for other in self.visitors:
            if other.state == "skipped" and other.service in services:
                other.behind -= 1
                if other.behind <= 0:
                    other.state, other.behind = "waiting", 0
        return visitor

    def uncall(self, counter: str) -> Visitor:
        visitor = self.present(counter)
        if self.now().timestamp() - visitor.called_at > self.settings.queue.undo_s:
            raise No(Refusal.TOO_LATE)
        visitor.state, visitor.counter = visitor.called_from, None
        return visitor

    def skip(self, counter: str) -> Visitor:
        visitor = self.present(counter)
        if visitor.skips < self.settings.queue.back_times:
            visitor.state, visitor.counter = "skipped", None
            visitor.skips, visitor.behind = visitor.skips + 1, self.settings.queue.back_after
        else:
            visitor.state = "absent"
        return visitor

    def bring_back(self, name: str) -> Visitor:
        visitor = self.named(name)
        if visitor.state != "absent":
            raise No(Refusal.NOT_ABSENT)
        if self.left_over(visitor):
            raise No(Refusal.TICKET_OVER)
        visitor.state, visitor.counter, visitor.behind = "skipped", None, self.settings.queue.back_after
        return visitor

    def transfer(self, counter: str, service: str, to_counter: str | None) -> Visitor:
        self.expect_counter(counter)
        self.expect_service(service)
        if to_counter is not None:
            self.expect_counter(to_counter)
            if service not in self.settings.counters[to_counter].services:
                raise No(Refusal.NOT_SERVED)
            if self.stands.get(to_counter) == "closed":
                raise No(Refusal.COUNTER_CLOSED)
        visitor = self.present(counter)
        visitor.state, visitor.counter, visitor.service, visitor.only = "waiting", None, service, to_counter
        return visitor

    def finish(self, counter: str) -> Visitor:
        visitor = self.present(counter)
        visitor.state = "finished"
        return visitor

    def cancel(self, name: str) -> Visitor:
        visitor = self.named(name)
        if visitor.state not in ("waiting", "skipped", "absent"):
            raise No(Refusal.NOT_WAITING)
        self.withdraw(visitor)
        return visitor

    def withdraw(self, visitor: Visitor) -> None:
        visitor.state = "withdrawn"
        self.given[visitor.number[0], visitor.day] -= 1

    def end_the_day(self) -> None:
        for visitor in self.visitors:
            if visitor.state in ("waiting", "skipped") and self.left_over(visitor):
                visitor.state = "withdrawn"

    # what happens to the hall

    def reload(self, settings: Settings) -> None:
        self.settings = settings
        for visitor in self.visitors:
            if visitor.state == "called" and visitor.counter not in settings.counters:
                visitor.state, visitor.counter = visitor.called_from, None
            only = settings.counters.get(visitor.only or "")
            waits = visitor.state in ("waiting", "skipped", "absent")
            if waits and (only is None or visitor.service not in only.services):
                visitor.only = None

    def clock_was_set(self, before: datetime) -> None:
        """It would be `before`: whoever is still there has not waited any longer, nor shorter, for that."""
        self._move(before, before.timestamp())
        self._go_on(f"{before:%Y%m%d}", f"{self.now():%Y%m%d}", before)

    def machine_came_up(self, last: datetime) -> None:
        """It was off, and the last time that is known is `last`."""
        now = self.now()
        if now < last or last.year < FIRST_YEAR <= now.year:
            if now.year >= FIRST_YEAR or last.year < FIRST_YEAR:
                self._move(last, last.timestamp())
            else:
                self.by_this_clock_since = now.timestamp()
        elif now.year >= FIRST_YEAR:
            self.by_this_clock_since = now.timestamp()

    def _move(self, before: datetime, until: float) -> None:
        by_s = (self.now() - before).total_seconds()
        since, self.by_this_clock_since = self.by_this_clock_since, self.by_this_clock_since + by_s
        for visitor in self.visitors:
            if visitor.state not in ("finished", "withdrawn"):
                visitor.issued_at += by_s if since <= visitor.issued_at <= until else 0.0
                visitor.called_at += by_s if since <= visitor.called_at <= until else 0.0

    def _go_on(self, before: str, after: str, moment: datetime) -> None:
        """The day is called otherwise by now. By less than half a day is as good as time that passed."""
        if before == after or abs((self.now() - moment).total_seconds()) < LEFT_OVER_S:
            return
        for counts in (self.last, self.given):
            for prefix, day in list(counts):
                if day == before:
                    counts[prefix, after] = max(counts.get((prefix, after), 0), counts.pop((prefix, before)))
        for visitor in self.visitors:
            visitor.day = after if visitor.day == before else visitor.day

    def rows(self) -> Mapping[str, tuple[object, ...]]:
        """What the store should hold of everybody."""
        return {v.id: (v.service, v.state, v.only, v.rank, v.passed, v.skips) for v in self.visitors}

    def called(self) -> Mapping[str, str | None]:
        """Who is served where."""
        return {v.id: v.counter for v in self.visitors if v.state == "called"}

    def put_aside(self) -> Mapping[str, int]:
        """After how many calls each comes back who was skipped."""
        return {v.id: v.behind for v in self.visitors if v.state == "skipped"}

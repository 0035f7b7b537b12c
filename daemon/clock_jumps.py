"""A clock that was set: noticed before anything is done by it, and what was timed by the clock before moves with it.

Theory of operation. The store remembers which clock its times are by: the time of day at one moment of the steady
clock, which goes on when kioskd restarts, but not when the machine does. The first thing in every transaction is to
compare, so that no change ever meets a clock that was set and is not accounted for.

While the machine runs it is known by how much the clock was set, also when that happened while kioskd was down. Over a
restart of the machine only the last time is known. A clock that is behind it was set back, and one that had never been
set and now has been was set: how long the machine was off cannot be known then, and counts as no time, because who
waits is not to be sent home. A clock that was set forward meanwhile cannot be told from a machine that was off: that
counts as time that passed.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple, Self

from daemon import followups, ratings, tickets
from daemon.alerts import alerts, promises
from daemon.clock import Clock
from daemon.events import ClockJumped
from daemon.figures.counting import FIRST_YEAR
from daemon.printing import jobs
from daemon.store import retention
from daemon.store.database import Last, Transaction

log = logging.getLogger(__name__)

JUMP_S = 2.0
"""The time of day and the steady clock may drift apart by this much between two notes: more is a jump."""

REMEMBER_S = 60.0
"""How old the last note may get before something is stored. A clock that is set back by less, with the machine off, is
not noticed, and does no harm.
"""

FARTHEST_S = 1e10
"""No clock says the year 2286, and none runs for so long."""

KEY = "clock"


class _Note(NamedTuple):
    """Which clock the store's times are by, from `since_s` on: `wall_s` was the unix time at `steady_s`."""

    machine: str
    wall_s: float
    steady_s: float
    since_s: float

    @classmethod
    def read(cls, change: Transaction) -> Self | None:
        """The last one; None when there is none, or none that can be read."""
        found = change.meta(KEY)
        if found is None:
            return None
        try:
            wall_s, steady_s, since_s, machine = found.split(maxsplit=3)
            note = cls(machine, float(wall_s), float(steady_s), float(since_s))
        except ValueError:
            note = None
        if note is None or not all(abs(time_s) < FARTHEST_S for time_s in note[1:]):  # a NaN is not less either
            log.error("the note of the clock is damaged, and begun anew: %.100r", found)
            return None
        return note

    def keep(self, change: Transaction) -> None:
        change.set_meta(KEY, f"{self.wall_s} {self.steady_s} {self.since_s} {self.machine}")


class _Jump(NamedTuple):
    """It would be `before` by the clock that `note` is of, and is `after`. `exact`: so much is known for certain."""

    note: _Note
    before: datetime
    after: datetime
    exact: bool

    @property
    def by_s(self) -> float:
        return (self.after - self.before).total_seconds()

    @property
    def is_one(self) -> bool:
        if self.exact:
            return abs(self.by_s) > JUMP_S
        return self.by_s < -JUMP_S or (not _was_set(self.before) and _was_set(self.after))

    @property
    def moves_times(self) -> bool:
        """Not, where the machine came up without its clock: the times of before are right, and it will be set soon."""
        return self.exact or _was_set(self.after) or not _was_set(self.before)


class ClockJumps:
    """To be called first in every transaction. `machine`: what tells one start of the machine from the next."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._stored: _Note | None = None
        """What is on the disk for certain, as long as nothing follows from it: not what a change may yet take back."""

    def is_due(self, clock: Clock) -> bool:
        """Whether the clock may have been set since the last note, or it is time for another."""
        if self._stored is None:
            return True
        passed_s = clock.monotonic_s() - self._stored.steady_s
        by_s = clock.now().timestamp() - self._stored.wall_s - passed_s
        return not 0 <= passed_s < REMEMBER_S or abs(by_s) > JUMP_S

    def __call__(self, change: Transaction) -> Last | None:
        """Note a jump of the clock, if there was one since the last transaction, with all that follows from it.

        Returns what keeps the time, for whatever may be stored by it.
        """
        self._stored = None
        now, steady_s = change.now, change.monotonic_s
        wall_s = now.timestamp()
        known = _Note.read(change)
        if known is None:
            return _Note(self._machine, wall_s, steady_s, since_s=wall_s).keep
        exact = known.machine == self._machine and steady_s >= known.steady_s
        passed_s = steady_s - known.steady_s if exact else 0.0
        jump = _Jump(known, datetime.fromtimestamp(known.wall_s + passed_s, now.tzinfo), now, exact)
        if jump.is_one:
            _follow(change, jump)
            since_s = known.since_s + jump.by_s if jump.moves_times else wall_s
            _Note(self._machine, wall_s, steady_s, since_s).keep(change)
            return None
        if exact and passed_s < REMEMBER_S:
            self._stored = known
            return None
        the_same_clock = exact or not _was_set(now)  # as far as anybody knows
        since_s = known.since_s if the_same_clock else wall_s
        return _Note(self._machine, wall_s, steady_s, since_s).keep


def _was_set(moment: datetime) -> bool:
    return moment.year >= FIRST_YEAR


def _follow(change: Transaction, jump: _Jump) -> None:
    log.warning("the clock jumped by %+.1f s%s", jump.by_s, "" if jump.exact else ", as far as is known")
    change.emit(ClockJumped(before=jump.before, after=jump.after, by_s=round(jump.by_s, 3), exact=jump.exact))
    if jump.moves_times:
        until_s = jump.before.timestamp() + (0.0 if jump.exact else REMEMBER_S)
        times = jump.note.since_s, until_s, jump.by_s
        promises.follow_clock(change, *times)  # before the tickets: by when they were taken
        alerts.follow_clock(change, *times)
        tickets.follow_clock(change, *times)
        ratings.follow_clock(change, *times)
        followups.follow_clock(change, *times)
        jobs.follow_clock(change, *times)
        retention.follow_clock(change, *times)
    if jump.exact:  # else it may be another day
        tickets.follow_day(change, jump.before, jump.after)

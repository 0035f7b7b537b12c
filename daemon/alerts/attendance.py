"""Posts are not left empty (A art. 36): the alert about a counter that is open, is needed, and does nothing.

Needed is an open counter while somebody waits for one of its services, or a number called to it is neither finished
nor skipped. It does something whenever a number is called there, called again, finished or put aside, or a command
says how the counter stands. Time is the steady clock's; after a restart it begins anew, and an open alert stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from daemon.alerts.alerts import clear_alert, clear_others, raise_alert
from daemon.events import Alert
from daemon.events.alert_figures import IdleCounter
from daemon.hall.counters import Stand
from daemon.hall.situation import Post, Situation
from daemon.store.database import Transaction


class Idle(NamedTuple):
    """What a needed counter did last, and since when: steady seconds."""

    trace: tuple[Stand, str | None, int]
    since_s: float


Idleness = Mapping[str, Idle]


def watch_counters(
    transaction: Transaction, situation: Situation, limit_s: int | None, before: Idleness
) -> dict[str, Idle]:
    """Raise or clear the alerts about counters. `before` is what the last look returned, {} at the first."""
    needed = {name: post for name, post in situation.posts.items() if limit_s is not None and _needed(situation, post)}
    clear_others(transaction, Alert.COUNTER_UNATTENDED, needed.keys())
    idleness = {name: _idle(post, before.get(name), transaction.monotonic_s) for name, post in needed.items()}
    for name, idle in idleness.items():
        idle_s = transaction.monotonic_s - idle.since_s
        if name in before and before[name].trace != idle.trace:
            clear_alert(transaction, Alert.COUNTER_UNATTENDED, name)
        elif limit_s is not None and idle_s > limit_s:
            waiting = situation.waiting_for(needed[name])
            figures = IdleCounter(waiting=waiting, idle_s=round(idle_s, 1), unattended_s=limit_s)
            raise_alert(transaction, Alert.COUNTER_UNATTENDED, name, figures)
    return idleness


def _needed(situation: Situation, post: Post) -> bool:
    """Only what a command opened is known to have somebody sit there."""
    return post.stand.told and post.open and (post.ticket is not None or situation.waiting_for(post) > 0)


def _idle(post: Post, before: Idle | None, now_s: float) -> Idle:
    trace = (post.stand, post.ticket.id, post.ticket.calls) if post.ticket else (post.stand, None, 0)
    return before if before is not None and before.trace == trace else Idle(trace, now_s)

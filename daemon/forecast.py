"""How long whoever takes a number now will wait.

Theory of operation. `learn` is a reaction of the store: each finished ticket moves the service's mean service time,
one row a service. The mean of the first ones is plain; then the latest counts a tenth, so that it follows the day.

`forecast` is a plain queueing model. Each ticket that waits is served by one of the open counters that serve it, all
alike likely, and takes its service's mean time. What thus lies ahead of a new ticket at the counters of its service
is shared among them. If all of them are busy, the time until the first of them is free comes on top, as if nobody
knew for how long each has been at it. What the model cannot know is None: no open counter, or a mean service time
that is needed and is not there yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

from daemon.events import Event, TicketFinished
from daemon.hall.situation import Post, Situation
from daemon.store.database import Transaction

LATEST_COUNTS = 0.1
SAMPLES_MIN = 3
"""Fewer finished tickets say nothing about the next."""

SERVED_MAX_S = 2 * 3600.0
"""A ticket that stood longer was forgotten at its counter: its service did not take so long."""

Pace = Mapping[str, float]
"""The mean service time of each service that has one, in seconds."""


def learn(transaction: Transaction, event: Event) -> None:
    """Let a finished ticket count."""
    if not isinstance(event, TicketFinished) or event.served_s > SERVED_MAX_S:
        return
    found = transaction.row("SELECT mean_s, samples FROM pace WHERE service = ?", event.service)
    mean_s, samples = found or (0.0, 0)
    weight = max(LATEST_COUNTS, 1 / (samples + 1))
    transaction.write(
        "INSERT INTO pace (service, mean_s, samples) VALUES (?, ?, ?) ON CONFLICT (service)"
        " DO UPDATE SET mean_s = excluded.mean_s, samples = excluded.samples",
        *(event.service, mean_s + weight * (event.served_s - mean_s), samples + 1),
    )


def read_pace(transaction: Transaction) -> Pace:
    """What is known of how long services take."""
    return dict(transaction.rows("SELECT service, mean_s FROM pace WHERE samples >= ?", SAMPLES_MIN))


def forecast(situation: Situation, pace: Pace) -> dict[str, float | None]:
    """The wait of a new ticket for each service, in seconds."""
    serving: dict[str, list[str]] = {service: [] for service in situation.queues}
    for name, post in situation.posts.items():
        for service in post.services if post.open else ():
            serving[service].append(name)
    shares_s = {service: _share_s(situation, pace, service, len(names)) for service, names in serving.items()}
    loads_s = {name: sum(shares_s[service] for service in post.services) for name, post in situation.posts.items()}
    waits_s = {service: _wait_s(situation, pace, loads_s, names) for service, names in serving.items()}
    return {service: None if isnan(wait_s) else wait_s for service, wait_s in waits_s.items()}


# from here on, nan is what nobody can know: whatever it is added to is not known either


def _share_s(situation: Situation, pace: Pace, service: str, counters: int) -> float:
    """The work that waits for `service` at each of the open `counters` that serve it."""
    waiting = situation.queues[service].waiting
    return waiting * pace.get(service, nan) / counters if waiting and counters else 0.0


def _wait_s(situation: Situation, pace: Pace, loads_s: Mapping[str, float], names: Sequence[str]) -> float:
    """How long until one of the counters `names` has done what lies ahead, and is free."""
    if not names:
        return nan
    ahead_s = sum(loads_s[name] for name in names) / len(names)
    return ahead_s + _free_in_s([situation.posts[name] for name in names], pace)


def _free_in_s(posts: Sequence[Post], pace: Pace) -> float:
    """How soon the first of `posts` is free."""
    takes_s = [pace.get(post.ticket.service, nan) for post in posts if post.ticket is not None]
    if len(takes_s) < len(posts) or 0.0 in takes_s:
        return 0.0
    return 1 / sum(1 / seconds for seconds in takes_s)

"""Who waits and who serves at one moment, read in one transaction: what the picture and its watches look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon import tickets
from daemon.hall import counters
from daemon.hall.counters import CounterState, Stand
from daemon.settings import Settings
from daemon.store.database import Transaction
from daemon.tickets import QueueFigures, Ticket


@dataclass(frozen=True, slots=True)
class Post:
    """One counter: how it stands, what it serves, and whom it serves now.

    `not_for_it`: so many wait for its services, and for another counter alone.
    """

    stand: Stand
    services: tuple[str, ...]
    ticket: Ticket | None
    not_for_it: int = 0

    @property
    def open(self) -> bool:
        return self.stand.state is CounterState.OPEN


@dataclass(frozen=True, slots=True)
class Situation:
    """The queues by service, and the posts by counter."""

    queues: Mapping[str, QueueFigures]
    posts: Mapping[str, Post]

    def waiting_for(self, post: Post) -> int:
        """How many wait who may be called to `post`."""
        return sum(self.queues[service].waiting for service in post.services) - post.not_for_it


def read_situation(transaction: Transaction, settings: Settings) -> Situation:
    """How the configured counters and services stand now."""
    queues = {service: tickets.figures(transaction, service) for service in settings.services}
    stands = counters.stands(transaction)
    bound = tickets.bound(transaction)
    posts = {
        name: Post(
            stands.get(name, Stand()),
            counter.services,
            tickets.present(transaction, name),
            sum(count for (service, only), count in bound.items() if service in counter.services and only != name),
        )
        for name, counter in settings.counters.items()
    }
    return Situation(queues, posts)

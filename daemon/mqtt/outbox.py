"""What the publisher needs of the store: the events not yet acknowledged by a broker, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from daemon.envelope import StoredEvent


class Outbox(Protocol):
    """The unsent tail of the event sequence. Implemented by the store."""

    async def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        """Up to `limit` events with a sequence above `after` that no broker has acknowledged, in order.

        Every `acknowledged` before this call counts. Raises StoreError when the store cannot be read.
        """
        ...

    def acknowledged(self, sequences: Sequence[int]) -> None:
        """A broker has these. Written down soon, not at once: a crash before that sends them again."""
        ...

    def refused(self, sequence: int, reason: str) -> None:
        """A broker refused this one; it stays unsent, with the reason."""
        ...

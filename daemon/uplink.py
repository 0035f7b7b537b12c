"""Everything this kiosk says to the broker and hears from it, over one session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from daemon.broker import Broker, Incoming, Outgoing
from daemon.outbox import Outbox
from daemon.publisher import Publisher
from daemon.replies import Replies
from daemon.retained import Retained
from daemon.session import Session, backoff
from daemon.statuses import KioskStatus

COMMANDS = "command/#"
STATUS = "status"

FAREWELL_S = 2.0
SETTLE_POLL_S = 0.02


class Uplink:
    """The kiosk's session with its three kinds of messages; statuses go before replies, and replies before events.

    `on_command` gets every message below ``command/``, retained ones too. It calls `acknowledge` when the command
    is stored or refused. `will` is what the broker says when the kiosk vanishes.
    """

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        *,
        will: KioskStatus,
        on_command: Callable[[Incoming], None],
        delays: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self._on_command = on_command
        self.session = Session(
            broker, self, will=will.model_dump_json().encode(), subscriptions=(COMMANDS,), delays=delays
        )
        self.retained = Retained(broker.root, self.session.pump)
        self.replies = Replies(broker.root, self.session.pump)
        self.publisher = Publisher(outbox, broker.root, self.session.pump)
        self.connected = False

    async def run(self) -> None:
        """Serve until cancelled; a connected broker is told goodbye, so that it sends no last will."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.session.run(), name="session")
            group.create_task(self.publisher.run(), name="publisher")

    async def farewell(self, status: KioskStatus, within_s: float = FAREWELL_S) -> bool:
        """Say `status` for the last time; whether the broker has it, and every reply, before `within_s`."""
        self.retained.set(STATUS, status)
        try:
            async with asyncio.timeout(within_s):
                while not (self.retained.settled and self.replies.settled):
                    await asyncio.sleep(SETTLE_POLL_S)
        except TimeoutError:
            return False
        return True

    # what the session tells and asks

    def on_connected(self) -> None:
        """Everything is due again."""
        self.connected = True
        self.retained.on_connected()
        self.publisher.on_connected()

    def on_disconnected(self, reason: str) -> None:
        """Everything on its way is to be sent again."""
        self.connected = False
        self.replies.on_disconnected()
        self.publisher.on_disconnected()

    def on_message(self, message: Incoming) -> None:
        """A command. Nothing else is subscribed to."""
        self._on_command(message)

    def next(self) -> Outgoing | None:
        """The most urgent message."""
        return self.retained.next() or self.replies.next() or self.publisher.next()

"""Everything this kiosk says to the broker and hears from it, over one session."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Sequence

from daemon.backoff import Delays
from daemon.envelope import StoredEvent
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.outbox import Outbox
from daemon.mqtt.publisher import Publisher
from daemon.mqtt.replay_line import ReplayLine
from daemon.mqtt.replies import Replies
from daemon.mqtt.retained import Retained
from daemon.mqtt.session import Session, reconnect_delays
from daemon.statuses import RETAINED, KioskStatus

COMMANDS = "command/#"
STATUS = "status"

OWN_STATUSES = tuple(re.sub(r"\{\w+\}", "+", topic) for topic in RETAINED)
"""Subscribed to in order to find what an earlier run left on the broker."""

STRANGERS_S = 10.0
"""How long after connecting everything that is configured has said how it is."""

FAREWELL_S = 2.0
SETTLE_POLL_S = 0.02


class Uplink:
    """The kiosk's session with its four kinds of messages: statuses go before replies, replies before events, and new
    events before those that are sent again.

    `on_command` gets every message below ``command/``, retained ones too. It calls `acknowledge` when the command
    is stored or refused. `on_refusals` is called when the broker refuses other events than before. `will` is what
    the broker says when the kiosk vanishes.
    """

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        *,
        will: KioskStatus,
        on_command: Callable[[Incoming], None],
        on_refusals: Callable[[], None] = lambda: None,
        delays: Delays = reconnect_delays,
        strangers_s: float = STRANGERS_S,
    ) -> None:
        self._broker = broker
        self._on_command = on_command
        self._strangers_s = strangers_s
        self.session = Session(
            broker, self, will=will.model_dump_json().encode(), subscriptions=(COMMANDS, *OWN_STATUSES), delays=delays
        )
        self.retained = Retained(broker.root, self.session.pump)
        self.replies = Replies(broker.root, self.session.pump)
        self.publisher = Publisher(outbox, broker.root, self.session.pump, refusals_changed=on_refusals)
        self.replay = ReplayLine(broker.root, self.session.pump)
        self.connected = False

    async def run(self) -> None:
        """Serve until cancelled; a connected broker is told goodbye, so that it sends no last will."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.session.run(), name="session")
            group.create_task(self.publisher.run(), name="publisher")

    def move(self, broker: Broker) -> None:
        """Go to `broker`, under the names of this run: what its topics are called changes with a restart only."""
        self.session.move(dataclasses.replace(broker, root=self._broker.root, client_id=self._broker.client_id))

    def replace(self, events: Sequence[StoredEvent]) -> None:
        """These are not in the store any more as they were: what of them has not left goes out as it is now."""
        self.publisher.replace(events)
        self.replay.replace(events)

    async def farewell(self, status: KioskStatus, within_s: float = FAREWELL_S) -> bool:
        """Say `status` for the last time; whether the broker has it, and every reply, before `within_s`."""
        self.retained.set(STATUS, status)
        return await self._settles(lambda: self.retained.settled and self.replies.settled, within_s)

    async def _settles(self, settled: Callable[[], bool], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while not settled():
                    await asyncio.sleep(SETTLE_POLL_S)
        except TimeoutError:
            return False
        return True

    async def answers(self, within_s: float) -> bool:
        """Whether the broker acknowledges something that is sent to it now."""
        if not self.connected:
            return False
        self.retained.repeat(STATUS)
        return await self._settles(lambda: self.retained.settled, within_s)

    # what the session tells and asks

    def on_connected(self) -> None:
        """Everything is due again."""
        self.connected = True
        self.retained.on_connected()
        self.publisher.on_connected()
        asyncio.get_running_loop().call_later(self._strangers_s, self.retained.clear_strangers)

    def on_disconnected(self, reason: str) -> None:
        """Everything on its way is to be sent again."""
        self.connected = False
        self.replies.on_disconnected()
        self.publisher.on_disconnected()
        self.replay.on_disconnected()

    def on_message(self, message: Incoming) -> None:
        """A command, or a status of this kiosk that the broker holds."""
        if message.topic.startswith("command/"):
            self._on_command(message)
            return
        message.acknowledge()
        if message.retained and message.payload:
            self.retained.found(message.topic)

    def next(self) -> Outgoing | None:
        """The most urgent message."""
        urgent = self.retained.next() or self.replies.next() or self.publisher.next()
        return urgent or (None if self.publisher.behind else self.replay.next())

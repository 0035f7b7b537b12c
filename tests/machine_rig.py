"""What state machines of the hall's rules share: commands as they come, over a real database, and time that jumps."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from daemon.commands import Reply, Status, command_types
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.intake import take_order, take_refusal
from daemon.orders import Order, read_order
from daemon.refused import Refused
from daemon.settings import Settings
from daemon.store.database import First, Reaction
from daemon.store.journal import Seen
from tests.store_rig import HeldClock, Ledger

LONG = bool(os.environ.get("LONG_TESTS"))

MEMORY = Path("/dev/shm")  # noqa: S108
"""Where there is one: these tests are about rules, and wait for no disk."""

JUMPS = ("+1 h", "-1 h", "1970", "leap day", "midnight")


def machine_settings(examples: int, steps: int) -> hypothesis_settings:
    """A few seconds of it, or twenty times as much with ``LONG_TESTS=1``."""
    factor = 20 if LONG else 1
    return hypothesis_settings(max_examples=examples * factor, stateful_step_count=steps, deadline=None)


def jump(clock: HeldClock, where: str) -> None:
    """Somebody sets the clock; at midnight it is just before, and goes on."""
    now = clock.now()
    match where:
        case "+1 h" | "-1 h":
            clock.set((now + timedelta(hours=int(where[:2]))).isoformat())
        case "1970":
            clock.set("1970-01-01T00:00:12+08:00")
        case "leap day":
            clock.set("2028-02-29T12:00:00+08:00")
        case "midnight":
            last = datetime.combine(now.date(), datetime.max.time(), now.tzinfo)
            clock.advance((last - now).total_seconds() + 1)


class Silent:
    """A board, a panel's desk and a printer's queue that nobody looks at."""

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None: ...
    def speak(self, text: str) -> None: ...
    def opened(self, session: str) -> None: ...
    def dismissed(self) -> None: ...
    def wake(self) -> None: ...


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True)
class Sent:
    order: Order
    reply: Reply


@dataclass
class CommandLog:
    """Commands carried out over a ledger, each as the intake does it, to be repeated at any time."""

    ledger: Ledger
    settings: Settings
    panels: Collection[str]
    sent: list[Sent] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.reload(self.settings)

    def reload(self, settings: Settings) -> None:
        """Another configuration is in force."""
        self.settings = settings
        silent = Silent()
        desks = Desks(
            boards={"led-1": silent}, ratings=dict.fromkeys(self.panels, silent), printers={"printer-1": silent}
        )
        self._hall = Hall(settings, desks)

    def send(self, name: str, **data: Any) -> Reply:
        """Carry out a new command; its first answer."""
        body = {"id": f"c-{next(self.numbers)}", "deadline": "2100-01-01T00:00:00Z", "data": data}
        order = read_order(Message(f"command/{name}", json.dumps(body).encode()), command_types())
        reply = self._first(order)
        self.sent.append(Sent(order, reply))
        return reply

    def _first(self, order: Order) -> Reply:
        try:
            outcome = self.ledger.do(lambda change: take_order(change, self._hall, order))
        except Refused as refused:
            answer = {"reason": refused.reason, "detail": refused.detail, "data": refused.data}
            rejection = Reply(id=order.request.id, status=Status.REJECTED, **answer)
            self.ledger.do(lambda change: take_refusal(change, order, rejection))
            return rejection
        assert not isinstance(outcome, Seen)
        status = Status.DONE if outcome.final else Status.ACCEPTED
        return Reply(id=order.request.id, status=status, data=dict(outcome.data))

    def repeat(self, which: int) -> None:
        """The same command again, as a sender does who got no answer: the same answer, and nothing happens."""
        if not self.sent:
            return
        sent = self.sent[which % len(self.sent)]
        before = len(self.ledger.events.stored)
        seen = self.ledger.do(lambda change: take_order(change, self._hall, sent.order))
        assert isinstance(seen, Seen)
        assert seen.fingerprint == sent.order.fingerprint
        assert seen.reply in (None, sent.reply)
        assert (seen.reply is None) is not sent.reply.final
        assert len(self.ledger.events.stored) == before


class HallMachine(RuleBasedStateMachine):
    """A database of its own, whose clock jumps, and commands that come twice."""

    def __init__(
        self,
        settings: Settings,
        panels: Collection[str],
        reactions: Sequence[Reaction] = (),
        first: First | None = None,
    ) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="kioskd-machine-", dir=MEMORY if MEMORY.is_dir() else None))
        self.clock = HeldClock()
        self.ledger = Ledger(self.directory / "kioskd.db", self.clock, reactions, first)
        self.commands = CommandLog(self.ledger, settings, panels)

    def teardown(self) -> None:
        self.ledger.database.close()
        shutil.rmtree(self.directory)

    @rule(where=st.sampled_from(JUMPS))
    def clock_is_set(self, where: str) -> None:
        jump(self.clock, where)

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(which=st.integers(0, 50))
    def a_command_comes_again(self, which: int) -> None:
        self.commands.repeat(which)

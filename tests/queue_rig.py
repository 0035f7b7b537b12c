"""A hall of two services and three counters, spoken to by commands over a real database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from daemon import tickets
from daemon.commands import Reply
from daemon.settings import Settings
from tests.machine_rig import CommandLog
from tests.store_rig import Ledger

TABLES: Mapping[str, Any] = {
    "hall": "h",
    "kiosk": "k",
    "services": {
        "a": {"name": "综合业务", "printer": "printer-1", "prefix": "A"},
        "b": {"name": "医保", "printer": "printer-1", "prefix": "B"},
    },
    "counters": {
        "1": {"name": "1号窗口", "services": ["a"]},
        "2": {"name": "2号窗口", "services": ["a", "b"]},
        "3": {"name": "3号窗口", "services": ["b"]},
    },
    "devices": {"printer-1": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"}},
}


class Queue:
    """The queue as its users speak to it."""

    def __init__(self, ledger: Ledger, tables: Mapping[str, Any] = TABLES, **queue: Any) -> None:
        self.ledger = ledger
        self.clock = ledger.clock
        self.commands = CommandLog(ledger, Settings({**tables, "queue": queue}), panels=())

    def send(self, name: str, **data: Any) -> Reply:
        return self.commands.send(f"ticket/{name}", **data)

    def come(self, service: str = "a", **data: Any) -> str:
        """Somebody takes a number, whose slip comes out; the number."""
        reply = self.send("take", service=service, **data)
        assert reply.reason is None, reply
        self.comes_out(reply)
        return str(reply.data["number"])

    def comes_out(self, reply: Reply) -> None:
        self.ledger.do(lambda change: tickets.let_wait(change, str(reply.data["ticket"])))

    def next(self, counter: str = "1") -> str | None:
        """The number that is called, or why none is."""
        reply = self.send("next", counter=counter)
        return reply.data.get("number") or reply.reason

    def state(self, number: str) -> str:
        ((state,),) = self.ledger.rows("SELECT state FROM ticket WHERE number = ?", number)
        return str(state)

    def slips(self) -> list[dict[str, Any]]:
        return [json.loads(row[0]) for row in self.ledger.rows("SELECT slip FROM print_job ORDER BY id")]

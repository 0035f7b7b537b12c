"""Which answers are sent again after a restart: those given last, however long ago their commands came."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from daemon.commands import Reply, Status
from daemon.store.journal import awaited_replies, settle_command, take_command
from tests.store_rig import Ledger, open_ledger


def take(ledger: Ledger, command: str) -> None:
    ledger.do(lambda change: take_command(change, command, "f", change.now + timedelta(hours=1)))
    ledger.clock.advance(1)


def answer(ledger: Ledger, command: str) -> None:
    assert ledger.do(lambda change: settle_command(change, Reply(id=command, status=Status.DONE)))
    ledger.clock.advance(1)


def test_the_answer_to_an_old_command_is_not_crowded_out_by_newer_commands(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        take(ledger, "a-slip-that-waited")
        for number in range(5):
            take(ledger, f"c-{number}")
            answer(ledger, f"c-{number}")
        answer(ledger, "a-slip-that-waited")
        awaited = ledger.do(lambda change: awaited_replies(change, 3))
        assert [reply.id for reply in awaited] == ["c-3", "c-4", "a-slip-that-waited"]

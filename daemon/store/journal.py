"""Commands in the store: which ids were seen, and what each was answered first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from daemon.commands import Reply
from daemon.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Seen:
    """A command that was taken before. `reply` is its final one, or None while it is at work."""

    fingerprint: str
    reply: Reply | None


def find_command(transaction: Transaction, command: str) -> Seen | None:
    """The command with this id, if it was ever taken."""
    found = transaction.row("SELECT fingerprint, reply FROM command WHERE id = ?", command)
    if found is None:
        return None
    return Seen(found[0], Reply.model_validate_json(found[1]) if found[1] else None)


def take_command(transaction: Transaction, command: str, fingerprint: str, deadline: datetime) -> None:
    """This id is used from now on. An id that is used already stays as it is."""
    transaction.write(
        "INSERT INTO command (id, fingerprint, deadline, taken_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        *(command, fingerprint, deadline.timestamp(), transaction.now.timestamp()),
    )


def settle_command(transaction: Transaction, reply: Reply) -> bool:
    """Keep the final answer. False when there is one already, or the command was never taken: then this is none."""
    sql = "UPDATE command SET reply = ?, answered_at = ? WHERE id = ? AND reply IS NULL"
    return transaction.write(sql, reply.model_dump_json(), transaction.now.timestamp(), reply.id) == 1


def latest_commands(transaction: Transaction, limit: int) -> list[str]:
    """The ids that were taken last, oldest first."""
    rows = transaction.rows("SELECT id FROM command ORDER BY taken_at DESC LIMIT ?", limit)
    return [row[0] for row in reversed(rows)]


def awaited_replies(transaction: Transaction, limit: int) -> list[Reply]:
    """The final answers given last, to commands whose deadlines have not passed; oldest first."""
    sql = "SELECT reply FROM command WHERE reply IS NOT NULL AND deadline >= ? ORDER BY answered_at DESC LIMIT ?"
    rows = transaction.rows(sql, transaction.now.timestamp(), limit)
    return [Reply.model_validate_json(row[0]) for row in reversed(rows)]


def unanswered(transaction: Transaction) -> list[str]:
    """The commands that were taken and never got a final answer, and whose outcome no print job will bring."""
    sql = (
        "SELECT id FROM command WHERE reply IS NULL AND id NOT IN"
        " (SELECT command FROM print_job WHERE command IS NOT NULL AND state IN ('queued', 'printing'))"
    )
    return [row[0] for row in transaction.rows(sql)]

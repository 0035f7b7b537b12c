"""A ticket as the store keeps it, and how it is found again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from daemon.commands import Refusal
from daemon.model import Priority
from daemon.refused import Refused
from daemon.store.database import Transaction


class TicketState(StrEnum):
    """What becomes of a number. Everything from `ABSENT` on is over, and `ABSENT` may be brought back."""

    ISSUED = "issued"  # its slip is being printed
    WAITING = "waiting"
    CALLED = "called"
    SKIPPED = "skipped"  # did not come, and is called again of itself after some others
    ABSENT = "absent"  # did not come, and waits for nothing
    FINISHED = "finished"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One number of one day. Times are unix times; `called_at` is that of the call that brought it to its counter."""

    id: str
    service: str
    number: str
    state: TicketState
    calls: int
    issued_at: float
    called_at: float | None
    priority: Priority = Priority.ORDINARY
    counter: str | None = None
    only_counter: str | None = None


LEFT_OVER_S = 12 * 3600.0
"""A number that has waited this long is of a day that is over: its visitor went home. Midnight alone ends nothing."""

PRIORITIES = tuple(Priority)
"""By rank: who is called first stands first. The store keeps the rank."""

COLUMNS = "id, service, number, state, calls, issued_at, called_at, priority, counter, only_counter"

_LATEST_OPEN = f"""
    SELECT {COLUMNS} FROM ticket WHERE number = ? AND state NOT IN ('finished', 'withdrawn') AND issued_at > ?
    ORDER BY place DESC LIMIT 1
"""  # noqa: S608

FREE_FOR = (
    "(only_counter IS NULL OR only_counter = ? OR only_counter IN (SELECT counter FROM counter WHERE state = 'closed'))"
)
"""Whether a counter may call a ticket: who waits for one alone that is closed is not to wait for ever."""


def ticket_of(row: tuple[Any, ...]) -> Ticket:
    """The ticket of a row of `COLUMNS`."""
    ticket_id, service, number, state, calls, issued_at, called_at, rank, counter, only_counter = row
    times = calls, issued_at, called_at
    return Ticket(ticket_id, service, number, TicketState(state), *times, PRIORITIES[rank], counter, only_counter)


def since(transaction: Transaction) -> float:
    """Who took a number before this moment does not wait any more."""
    return transaction.now.timestamp() - LEFT_OVER_S


def passed_s(start: float, now: float) -> float:
    """The seconds from `start` to `now`; a clock that was set back must not make them negative."""
    return round(max(0.0, now - start), 3)


def find(transaction: Transaction, ticket_id: str) -> Ticket | None:
    """The ticket with this id."""
    found = transaction.row(f"SELECT {COLUMNS} FROM ticket WHERE id = ?", ticket_id)  # noqa: S608
    return ticket_of(found) if found else None


def holder(transaction: Transaction, number: str) -> Ticket | None:
    """Who is still there with `number`, or may be; the latest, by whatever date."""
    found = transaction.row(_LATEST_OPEN, number, since(transaction))
    return ticket_of(found) if found else None


def day_of(transaction: Transaction, days_ago: int = 0) -> str:
    """How the ids of a day's tickets begin."""
    return f"{transaction.now - timedelta(days=days_ago):%Y%m%d}"


def named_by(transaction: Transaction, name: str) -> Ticket:
    """The ticket that `name` means: its id, or a number alone: today's, or else yesterday's. Raises Refused.

    Or else the latest that is not over: one that was taken before the clock was set is of another day by its id alone.
    """
    for ticket_id in (name, f"{day_of(transaction)}-{name}", f"{day_of(transaction, 1)}-{name}"):
        ticket = find(transaction, ticket_id)
        if ticket is not None:
            return ticket
    ticket = holder(transaction, name)
    if ticket is not None:
        return ticket
    raise Refused(Refusal.UNKNOWN_TICKET, f"no ticket {name}; an id is like 20261121-A012, a number like A012")


def present(transaction: Transaction, counter: str) -> Ticket | None:
    """The number that the counter serves now."""
    found = transaction.row(f"SELECT {COLUMNS} FROM ticket WHERE state = 'called' AND counter = ?", counter)  # noqa: S608
    return ticket_of(found) if found else None


def expect_present(transaction: Transaction, counter: str) -> Ticket:
    """The same; raises Refused when there is none."""
    ticket = present(transaction, counter)
    if ticket is None:
        raise Refused(Refusal.NO_TICKET, f"counter {counter} serves no number now")
    return ticket


def end(transaction: Transaction, ticket_id: str, state: TicketState) -> None:
    """Nothing more comes of the ticket by itself."""
    now = transaction.now.timestamp()
    transaction.write("UPDATE ticket SET state = ?, ended_at = ? WHERE id = ?", state, now, ticket_id)

"""Who is called next (rule 12: B 二.7, C 四.7; A art. 29).

By priority, and within one by arrival, with one bound: **whoever has waited longest of all that a counter may call is
passed over `passed_over_max` times at most, and then called.** Calling somebody else than that visitor passes over
that visitor, whoever else waits.

What follows for everybody: somebody with k others before them in the order of arrival is called by the
(k + 1) · (`passed_over_max` + 1)-th `call_next` at the latest of any one counter that may call them. For each of these
either calls whoever has waited longest, which happens k + 1 times at most up to theirs, or passes over
that visitor, which happens `passed_over_max` times at most to each of the k + 1. What other counters call only makes k
smaller. Whoever comes back, or is sent on, to an earlier place counts as one more before them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from daemon.model import Priority
from daemon.store.database import Transaction
from daemon.tickets.record import COLUMNS, FREE_FOR, PRIORITIES, Ticket, since, ticket_of

ORDINARY = PRIORITIES.index(Priority.ORDINARY)
"""Its rank, which an index of the schema names too."""

# One step into an index for each service, and not a sort of everybody who waits. The "+" keeps SQLite from walking
# through all tickets in the order of their places instead.
_FIRSTS = f"""
    SELECT {COLUMNS}, passed FROM ticket WHERE id IN (
        SELECT (
            SELECT one.id FROM ticket AS one
            WHERE one.state = 'waiting' AND one.service = served.value AND one.issued_at > ?
            AND {FREE_FOR} {{only}} ORDER BY {{order}} LIMIT 1
        ) FROM json_each(?) AS served
    ) ORDER BY {{outer}} LIMIT 1
"""  # noqa: S608
_LONGEST = _FIRSTS.format(only="", order="one.place", outer="+place")
_MOST_URGENT = _FIRSTS.format(
    only=f"AND one.priority < {ORDINARY}", order="one.priority, one.place", outer="+priority, +place"
)

_FIRST_SKIPPED = f"""
    SELECT {COLUMNS} FROM ticket
    WHERE state = 'skipped' AND service IN (SELECT value FROM json_each(?)) AND issued_at > ?
    AND {FREE_FOR} ORDER BY behind, +place LIMIT 1
"""  # noqa: S608


def next_ticket(transaction: Transaction, counter: str, services: Sequence[str], passed_over_max: int) -> Ticket | None:
    """Whom `counter`, which serves `services`, is to call next; None when nobody waits. Notes who is passed over.

    Who was skipped and is not due to come back yet is called when nobody else is there.
    """
    values = since(transaction), counter, json.dumps(services)
    found = transaction.row(_LONGEST, *values)
    if found is None:
        return _first_skipped(transaction, counter, services)
    *row, passed = found
    longest = ticket_of(tuple(row))
    if passed >= passed_over_max:
        return longest
    urgent = transaction.row(_MOST_URGENT, *values)
    if urgent is None or ticket_of(urgent[:-1]).id == longest.id:
        return longest
    transaction.write("UPDATE ticket SET passed = passed + 1 WHERE id = ?", longest.id)
    return ticket_of(urgent[:-1])


def _first_skipped(transaction: Transaction, counter: str, services: Sequence[str]) -> Ticket | None:
    found = transaction.row(_FIRST_SKIPPED, json.dumps(services), since(transaction), counter)
    return ticket_of(found) if found else None

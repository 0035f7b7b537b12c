"""Counters (窗口): open, paused or closed, and who serves there. Changed by commands only, and kept over midnight.

A counter that no command ever opened, paused or closed counts as open: halls without such commands go on as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daemon.commands import Refusal
from daemon.events import CounterClosed, CounterOpened, CounterPaused, Event
from daemon.refused import Refused
from daemon.store.database import Transaction


class CounterState(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stand:
    """How a counter stands. `told` is false until a command said it."""

    state: CounterState = CounterState.OPEN
    staff: str | None = None
    reason: str | None = None
    told: bool = False


def stands(transaction: Transaction) -> dict[str, Stand]:
    """How every counter stands that a command spoke of."""
    rows = transaction.rows("SELECT counter, state, staff, reason FROM counter")
    return {counter: Stand(CounterState(state), staff, reason, told=True) for counter, state, staff, reason in rows}


def stand_of(transaction: Transaction, counter: str) -> Stand:
    """How `counter` stands now."""
    found = transaction.row("SELECT state, staff, reason FROM counter WHERE counter = ?", counter)
    if found is None:
        return Stand()
    state, staff, reason = found
    return Stand(CounterState(state), staff, reason, told=True)


def open_counter(transaction: Transaction, counter: str, staff: str | None) -> Stand:
    """The counter serves. Without a staff number it is who served there before the pause."""
    staff = staff or stand_of(transaction, counter).staff
    stand = Stand(CounterState.OPEN, staff, None, told=True)
    return _become(transaction, counter, stand, CounterOpened(counter=counter, staff=staff))


def pause_counter(transaction: Transaction, counter: str, reason: str | None) -> Stand:
    """The counter serves nobody for a while. Whoever is being served there is served to the end."""
    staff = stand_of(transaction, counter).staff
    stand = Stand(CounterState.PAUSED, staff, reason, told=True)
    return _become(transaction, counter, stand, CounterPaused(counter=counter, staff=staff, reason=reason))


def close_counter(transaction: Transaction, counter: str) -> Stand:
    """The counter is closed, and whoever served there has gone."""
    event = CounterClosed(counter=counter, staff=stand_of(transaction, counter).staff)
    return _become(transaction, counter, Stand(CounterState.CLOSED, told=True), event)


def _become(transaction: Transaction, counter: str, stand: Stand, event: Event) -> Stand:
    """Note how the counter stands from now on; what changes nothing is no event."""
    if stand_of(transaction, counter) != stand:
        transaction.write(
            "INSERT INTO counter (counter, state, staff, reason) VALUES (?, ?, ?, ?) ON CONFLICT (counter)"
            " DO UPDATE SET state = excluded.state, staff = excluded.staff, reason = excluded.reason",
            *(counter, stand.state, stand.staff, stand.reason),
        )
        transaction.emit(event)
    return stand


def expect_open(transaction: Transaction, counter: str) -> None:
    """Raises Refused when nothing can be called to `counter` now."""
    expect_not_closed(transaction, counter)
    if stand_of(transaction, counter).state is CounterState.PAUSED:
        raise Refused(Refusal.COUNTER_PAUSED, f"counter {counter} is paused")


def expect_not_closed(transaction: Transaction, counter: str) -> None:
    """Raises Refused when nobody serves at `counter`, nor will after a pause."""
    if stand_of(transaction, counter).state is CounterState.CLOSED:
        raise Refused(Refusal.COUNTER_CLOSED, f"counter {counter} is closed")

"""The queue: numbers by service, anew each day, and what counters do with them. Changes only; no waiting, no devices.

A number is `issued` while its slip is being printed, `waiting` once the slip may be out, and can be called only
then: nobody is called whose number nobody holds.
"""

from __future__ import annotations

from daemon.tickets.calling import call_again, call_given, call_next, leave_counters, uncall
from daemon.tickets.leaving import finish, skip, transfer
from daemon.tickets.numbering import follow_day
from daemon.tickets.record import LEFT_OVER_S, Ticket, TicketState, find, named_by, present
from daemon.tickets.returning import bring_back
from daemon.tickets.standing import (
    QueueFigures,
    ahead_of,
    bound,
    figures,
    follow_clock,
    known,
    valid,
    waiting_before,
)
from daemon.tickets.taking import admit, cancel, let_wait, take, withdraw, withdraw_left_over

__all__ = [
    "LEFT_OVER_S",
    "QueueFigures",
    "Ticket",
    "TicketState",
    "admit",
    "ahead_of",
    "bound",
    "bring_back",
    "call_again",
    "call_given",
    "call_next",
    "cancel",
    "figures",
    "find",
    "finish",
    "follow_clock",
    "follow_day",
    "known",
    "leave_counters",
    "let_wait",
    "named_by",
    "present",
    "skip",
    "take",
    "transfer",
    "uncall",
    "valid",
    "waiting_before",
    "withdraw",
    "withdraw_left_over",
]

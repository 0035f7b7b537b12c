"""Phone calls: rings counted, the alert at the ring after the third, the outcome as the line gave it (A art. 37).

A call that begins in quiet hours is counted and told like any other, and raises no alert: nobody is there to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from daemon.alerts.alerts import clear_alert, raise_alert
from daemon.calendar import Calendar, Span
from daemon.events import Alert, PhoneAnswered, PhoneMissed, PhoneRinging, PhoneUnknown
from daemon.events.alert_figures import RingCount
from daemon.settings import Phone
from daemon.store.database import Transaction
from drivers.phone.capability import Answer, CallEnded

_RINGING = "SELECT id, rings, caller, quiet FROM phone_call WHERE phone = ? AND state = 'ringing'"


def _never(_: datetime) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone, the counter where it stands, and what is expected there.

    `rings`: within how many a call is to be answered. `quiet_at`: whether nobody is there to answer at a moment.
    """

    phone: str
    counter: str | None
    rings: int
    quiet_at: Callable[[datetime], bool] = _never


def line_of(phone: str, counter: str | None, rules: Phone, opening: Calendar) -> Line:
    """The line by the rules of a configuration. It is quiet outside the opening hours, and in `phone.quiet`."""
    quiet = Calendar((tuple(map(Span.parse, rules.quiet)),) * 7)
    return Line(phone, counter, rules.rings, lambda moment: quiet.is_open(moment) or not opening.is_open(moment))


def ring(transaction: Transaction, line: Line, count: int) -> None:
    """The line rings for the `count`-th time; more rings than are allowed raise an alert while it still rings."""
    if count == 1:  # a call whose end could not be stored would swallow this one
        end_interrupted(transaction, line)
    found = transaction.row(_RINGING, line.phone)
    if found is None:
        quiet = _begin(transaction, line, count)
    else:
        quiet = bool(found[3])
        transaction.write("UPDATE phone_call SET rings = ? WHERE id = ?", count, found[0])
    if count > line.rings and not quiet:
        raise_alert(transaction, Alert.PHONE_UNANSWERED, line.phone, RingCount(rings=count, rings_max=line.rings))


def _begin(transaction: Transaction, line: Line, count: int) -> bool:
    """A call comes in; whether it is a quiet one."""
    quiet = line.quiet_at(transaction.now)
    call = transaction.insert(
        "INSERT INTO phone_call (phone, began_at, rings, quiet, state) VALUES (?, ?, ?, ?, 'ringing')",
        *(line.phone, transaction.now.timestamp(), count, quiet),
    )
    transaction.emit(PhoneRinging(call=str(call), phone=line.phone, counter=line.counter, quiet=quiet))
    return quiet


def name_caller(transaction: Transaction, phone: str, number: str | None) -> None:
    """The exchange transmitted who calls."""
    transaction.write("UPDATE phone_call SET caller = ? WHERE phone = ? AND state = 'ringing'", number, phone)


def end(transaction: Transaction, line: Line, ended: CallEnded) -> None:
    """The ringing is over."""
    found = transaction.row(_RINGING, line.phone)
    if found is None:  # its rings could not be stored; its end can
        ring(transaction, line, ended.rings)
        found = transaction.row(_RINGING, line.phone) or ()
    call, _, caller, quiet = found
    transaction.write("UPDATE phone_call SET state = ?, rings = ? WHERE id = ?", ended.answer, ended.rings, call)
    common = {
        "call": str(call),
        "phone": line.phone,
        "counter": line.counter,
        "rings": ended.rings,
        "ringing_s": round(ended.ringing_s, 1),
        "caller": caller,
        "quiet": bool(quiet),
    }
    match ended.answer:
        case Answer.ANSWERED:
            transaction.emit(PhoneAnswered(**common, in_time=ended.rings <= line.rings))
        case Answer.MISSED:
            transaction.emit(PhoneMissed(**common))
        case Answer.UNKNOWN:
            transaction.emit(PhoneUnknown(**common, reason=ended.evidence))
    clear_alert(transaction, Alert.PHONE_UNANSWERED, line.phone)


def end_interrupted(transaction: Transaction, line: Line) -> None:
    """kioskd was gone while the line rang: nobody saw how the call ended."""
    found = transaction.row(_RINGING, line.phone)
    if found is not None:
        end(transaction, line, CallEnded(Answer.UNKNOWN, rings=found[1], ringing_s=0.0, evidence="interrupted"))


def end_unattended(transaction: Transaction, phones: Collection[str]) -> None:
    """kioskd starts, and was gone while telephones rang: those that are none of `phones` any more have no line that
    would say so (`end_interrupted`).

    At a start only: a telephone that is taken away while kioskd runs ends its call itself, and may just be doing so.
    """
    for (phone,) in transaction.rows("SELECT DISTINCT phone FROM phone_call WHERE state = 'ringing'"):
        if phone not in phones:
            end_interrupted(transaction, Line(phone, counter=None, rings=0))


def mask(number: str | None) -> str | None:
    """A caller's number with its middle hidden: enough to tell callers apart, too little to call them."""
    if number is None:
        return None
    shown = 2 if len(number) > 6 else 0
    return number[: shown + 1] + "*" * (len(number) - 1 - 2 * shown) + number[len(number) - shown :]

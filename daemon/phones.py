"""Phone calls: rings counted, the alert at the ring after the third, the outcome as the line gave it (A art. 37)."""

from __future__ import annotations

from daemon.alerts import clear_alert, raise_alert
from daemon.database import Transaction
from daemon.events import PhoneAnswered, PhoneMissed, PhoneRinging, PhoneUnknown
from drivers.phone.capability import Answer, CallEnded

UNANSWERED = "phone-unanswered"

_RINGING = "SELECT id, rings, caller FROM phone_call WHERE phone = ? AND state = 'ringing'"


def ring(transaction: Transaction, phone: str, counter: str | None, count: int, allowed: int) -> None:
    """The line rings for the `count`-th time; more than `allowed` rings raise an alert while it still rings."""
    if count == 1:  # a call whose end could not be stored would swallow this one
        end_interrupted(transaction, phone, counter)
    if transaction.row(_RINGING, phone) is None:
        sql = "INSERT INTO phone_call (phone, began_at, rings, state) VALUES (?, ?, ?, 'ringing')"
        call = transaction.insert(sql, phone, transaction.now.timestamp(), count)
        transaction.emit(PhoneRinging(call=str(call), phone=phone, counter=counter))
    else:
        transaction.write("UPDATE phone_call SET rings = ? WHERE phone = ? AND state = 'ringing'", count, phone)
    if count > allowed:
        raise_alert(transaction, UNANSWERED, phone, f"ring {count}, {allowed} are allowed")


def name_caller(transaction: Transaction, phone: str, number: str | None) -> None:
    """The exchange transmitted who calls."""
    transaction.write("UPDATE phone_call SET caller = ? WHERE phone = ? AND state = 'ringing'", number, phone)


def end(transaction: Transaction, phone: str, counter: str | None, ended: CallEnded, allowed: int) -> None:
    """The ringing is over."""
    found = transaction.row(_RINGING, phone)
    if found is None:  # its rings could not be stored; its end can
        ring(transaction, phone, counter, ended.rings, allowed)
        found = transaction.row(_RINGING, phone) or ()
    call, _, caller = found
    transaction.write("UPDATE phone_call SET state = ?, rings = ? WHERE id = ?", ended.answer, ended.rings, call)
    common = {
        "call": str(call),
        "phone": phone,
        "counter": counter,
        "rings": ended.rings,
        "ringing_s": round(ended.ringing_s, 1),
        "caller": caller,
    }
    match ended.answer:
        case Answer.ANSWERED:
            transaction.emit(PhoneAnswered(**common, in_time=ended.rings <= allowed))
        case Answer.MISSED:
            transaction.emit(PhoneMissed(**common))
        case Answer.UNKNOWN:
            transaction.emit(PhoneUnknown(**common, reason=ended.evidence))
    clear_alert(transaction, UNANSWERED, phone)


def end_interrupted(transaction: Transaction, phone: str, counter: str | None) -> None:
    """kioskd was gone while the line rang: nobody saw how the call ended."""
    found = transaction.row(_RINGING, phone)
    if found is not None:
        ended = CallEnded(Answer.UNKNOWN, rings=int(found[1]), ringing_s=0.0, evidence="interrupted")
        end(transaction, phone, counter, ended, allowed=0)


def mask(number: str | None) -> str | None:
    """A caller's number with its middle hidden: enough to tell callers apart, too little to call them."""
    if number is None:
        return None
    shown = 2 if len(number) > 6 else 0
    return number[: shown + 1] + "*" * (len(number) - 1 - 2 * shown) + number[len(number) - shown :]

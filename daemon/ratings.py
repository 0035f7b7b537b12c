"""Ratings: one a session, the first press counts, no rating is never a good one (G 六.4 and 好差评 practice)."""

from __future__ import annotations

from typing import Literal

from daemon.commands import Refusal
from daemon.database import Transaction
from daemon.events import RatingLapsed, RatingOpened, RatingRepeated, RatingSubmitted, RatingUnsolicited
from daemon.refused import Refused

Reason = Literal["timed-out", "cancelled", "replaced"]

_OPEN = "SELECT id, ticket, opened_at FROM rating_session WHERE counter = ? AND state = 'open'"
_LAST_RATED = "SELECT id FROM rating_session WHERE counter = ? AND state = 'rated' ORDER BY id DESC LIMIT 1"


def open_session(transaction: Transaction, counter: str, ticket: str | None) -> str:
    """Open a rating session; one that is still open at this counter lapses. Returns the session's id."""
    close_session(transaction, counter, "replaced")
    session = transaction.insert(
        "INSERT INTO rating_session (counter, ticket, opened_at, state) VALUES (?, ?, ?, 'open')",
        *(counter, ticket, transaction.now.timestamp()),
    )
    transaction.emit(RatingOpened(session=str(session), counter=counter, ticket=ticket))
    return str(session)


def close_session(transaction: Transaction, counter: str, reason: Reason, *, only: str | None = None) -> bool:
    """End the counter's open session without a rating; False when none is open, or not the one that `only` names."""
    found = transaction.row(_OPEN, counter)
    if found is None or only not in (None, str(found[0])):
        return False
    session, ticket, _ = found
    transaction.write("UPDATE rating_session SET state = 'lapsed' WHERE id = ?", session)
    transaction.emit(RatingLapsed(session=str(session), counter=counter, ticket=ticket, reason=reason))
    return True


def cancel_session(transaction: Transaction, counter: str) -> None:
    """As `close_session`, for a command: raises Refused when no session is open."""
    if not close_session(transaction, counter, "cancelled"):
        raise Refused(Refusal.NO_SESSION, f"no rating is open at counter {counter}")


def open_session_id(transaction: Transaction, counter: str) -> str | None:
    """The session that is open at `counter`."""
    found = transaction.row(_OPEN, counter)
    return str(found[0]) if found else None


def submit(transaction: Transaction, counter: str, panel: str, level: int, *, lately_rated: bool) -> bool:
    """A press that is no bounce. True when it is the session's rating.

    `lately_rated`: the last session's time is not over, so a further press repeats its rating.
    """
    found = transaction.row(_OPEN, counter)
    if found is not None:
        _rate(transaction, counter, level, *found)
        return True
    rated = transaction.row(_LAST_RATED, counter) if lately_rated else None
    if rated is not None:
        transaction.emit(RatingRepeated(session=str(rated[0]), counter=counter, level=level))
    else:
        transaction.emit(RatingUnsolicited(panel=panel, counter=counter, level=level))
    return False


def _rate(
    transaction: Transaction, counter: str, level: int, session: int, ticket: str | None, opened_at: float
) -> None:
    transaction.write("UPDATE rating_session SET state = 'rated', level = ? WHERE id = ?", level, session)
    after_s = round(max(0.0, transaction.now.timestamp() - opened_at), 3)
    transaction.emit(
        RatingSubmitted(session=str(session), counter=counter, ticket=ticket, level=level, after_s=after_s)
    )

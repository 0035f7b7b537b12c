"""What a command is answered."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from daemon.model import Model


class Status(StrEnum):
    """What became of a command. Everything but `ACCEPTED` is final."""

    ACCEPTED = "accepted"
    DONE = "done"
    REJECTED = "rejected"  # refused before anything happened
    FAILED = "failed"  # tried, and it did not work
    UNCONFIRMED = "unconfirmed"  # done as far as anybody can tell
    EXPIRED = "expired"  # its deadline passed first


class Refusal(StrEnum):
    """Why a command was refused. Device reasons stand beside these in replies of failed commands."""

    RETAINED = "retained"
    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    INVALID = "invalid"
    UNKNOWN_COMMAND = "unknown-command"
    EXPIRED = "expired"
    ID_REUSED = "id-reused"
    UNKNOWN_SERVICE = "unknown-service"
    UNKNOWN_COUNTER = "unknown-counter"
    UNKNOWN_DISPLAY = "unknown-display"
    COUNTER_CLOSED = "counter-closed"
    COUNTER_PAUSED = "counter-paused"
    UNKNOWN_ALERT = "unknown-alert"
    QUEUE_MODE = "queue-mode"
    SERVICE_CLOSED = "service-closed"
    LIMIT_REACHED = "limit-reached"
    NUMBERS_EXHAUSTED = "numbers-exhausted"
    NUMBER_IN_USE = "number-in-use"
    UNKNOWN_TICKET = "unknown-ticket"
    TICKET_OVER = "ticket-over"
    NOT_WAITING = "not-waiting"
    NOT_ABSENT = "not-absent"
    NOT_SERVED = "not-served"
    TOO_LATE = "too-late"
    IN_PRINT = "in-print"
    UNKNOWN_PRINTER = "unknown-printer"
    UNKNOWN_SLIP = "unknown-slip"
    NO_PANEL = "no-panel"
    NO_TICKET = "no-ticket"
    NOTHING_WAITING = "nothing-waiting"
    NO_SESSION = "no-session"
    ALREADY_RATED = "already-rated"
    UNKNOWN_FOLLOWUP = "unknown-followup"
    FOLLOWUP_CLOSED = "followup-closed"
    RANGE_EMPTY = "range-empty"
    RANGE_TOO_LARGE = "range-too-large"
    EVENTS_GONE = "events-gone"
    BROKER_REFUSED = "broker-refused"
    STORE_FAILED = "store-failed"
    BUSY = "busy"
    INTERRUPTED = "interrupted"


class Reply(Model):
    """The answer to a command, on ``reply/{id}`` or the response topic of MQTT 5."""

    id: str
    status: Status
    reason: str | None = Field(default=None, description="a reason code; null when there is nothing to explain")
    detail: str = Field(default="", description="for people: what was wrong, and what would be right")
    data: dict[str, Any] = {}

    @property
    def final(self) -> bool:
        return self.status is not Status.ACCEPTED

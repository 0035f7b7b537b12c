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
    NUMBERS_EXHAUSTED = "numbers-exhausted"
    UNKNOWN_TICKET = "unknown-ticket"
    TICKET_OVER = "ticket-over"
    IN_PRINT = "in-print"
    NO_PANEL = "no-panel"
    NO_TICKET = "no-ticket"
    NOTHING_WAITING = "nothing-waiting"
    NO_SESSION = "no-session"
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

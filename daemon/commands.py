"""Every command that kioskd takes, and its reply. ``TicketTake`` is topic ``command/ticket/take``."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, Field, StringConstraints

from daemon.model import Identifier, Model, Name

MAX_PAYLOAD_BYTES = 16_384
"""A longer command is refused unread: the largest command of this page has a tenth of it."""

ShownText = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")
]
"""Text for a board. A line feed breaks the line; no other control character is let in."""


class Command(Model):
    """The data of one command."""

    NOUN: ClassVar[str] = ""
    VERB: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        words = re.findall(r"[A-Z][a-z]*", cls.__name__)
        cls.NOUN = words[0].lower()
        cls.VERB = "-".join(word.lower() for word in words[1:])


class TicketTake(Command):
    """Take a number for a service and print its ticket."""

    service: Name


class TicketReprint(Command):
    """Print the slip of a valid ticket again, marked 补打: for a visitor who lost it."""

    ticket: Identifier


class TicketNext(Command):
    """Call the next waiting number to a counter. The counter's present ticket is finished first."""

    counter: Name


class TicketRecall(Command):
    """Call the counter's present number again."""

    counter: Name


class TicketSkip(Command):
    """The visitor did not come: put the counter's present number aside."""

    counter: Name


class TicketFinish(Command):
    """The service is over: finish the counter's present number and invite its rating."""

    counter: Name


class RatingOpen(Command):
    """Invite a rating at a counter without a ticket."""

    counter: Name


class RatingCancel(Command):
    """End the counter's open rating session without a rating."""

    counter: Name


class DisplayShow(Command):
    """Show a text on a board until something else is shown there."""

    display: Name
    text: ShownText


class Request(Model):
    """The envelope of a command. `data` is validated against the model that its topic names."""

    id: Identifier = Field(description="chosen by the sender; the same id always gets the same answer")
    deadline: AwareDatetime = Field(description="after this moment it is refused, not done late")
    data: dict[str, Any] = {}


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


def command_types() -> dict[str, type[Command]]:
    """Every command by the last two levels of its topic."""
    return {f"{kind.NOUN}/{kind.VERB}": kind for kind in Command.__subclasses__()}

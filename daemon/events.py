"""Every event that kioskd publishes: what happened, as data. The class name gives the CloudEvents type.

``TicketIssued`` is type ``kioskd.ticket.issued`` on topic ``event/ticket/issued``.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from daemon.day_figures import Figures
from daemon.model import Model

Level = Annotated[int, Field(ge=1, le=5)]
"""A rating by 好差评 practice: 5 very satisfied, 4 satisfied, 3 fairly so, 2 dissatisfied, 1 very dissatisfied."""


CopyNumber = Annotated[int, Field(ge=1, description="of this ticket: from 2 on the slip is marked as a reprint (补打)")]


class Event(Model):
    """Something that happened. Subclasses name it in two or three words: a noun, then what befell it."""

    NOUN: ClassVar[str] = ""
    VERB: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        words = re.findall(r"[A-Z][a-z]*", cls.__name__)
        cls.NOUN = words[0].lower()
        cls.VERB = "-".join(word.lower() for word in words[1:])

    @property
    def subject(self) -> str:
        """What the event is about: the value of the field that its class names first."""
        first = next(iter(type(self).model_fields))
        return str(getattr(self, first))


class TicketIssued(Event):
    """A visitor took a number. It waits in the queue from the moment its slip is printed."""

    ticket: str = Field(description="the ticket's own id: day and number, unique for ever", examples=["20261121-A012"])
    number: str = Field(description="what is printed and called", examples=["A012"])
    service: str
    ahead: int = Field(description="how many waited before it at that moment")


class TicketPromised(Event):
    """By when the service for this number is to be finished."""

    ticket: str
    number: str
    service: str
    due_at: AwareDatetime


class TicketWaiting(Event):
    """The slip is out: the number can be called."""

    ticket: str
    number: str
    service: str


class TicketWithdrawn(Event):
    """The number was taken back, because no valid slip bears it."""

    ticket: str
    number: str
    service: str
    reason: str = Field(description="the print job's reason code")


class TicketCalled(Event):
    """A counter called the number: for the first time, or again."""

    ticket: str
    number: str
    service: str
    counter: str
    times: int = Field(ge=1, description="how often it has been called now")
    waited_s: float = Field(description="from the number being taken to this call")


class TicketSkipped(Event):
    """The visitor did not come; the number is put aside."""

    ticket: str
    number: str
    service: str
    counter: str


class TicketFinished(Event):
    """The service for this number is over."""

    ticket: str
    number: str
    service: str
    counter: str
    served_s: float = Field(description="from the first call to this moment")


class PrintProgressed(Event):
    """A long slip is on its way: told once a second while bytes leave."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    sent: int = Field(description="bytes that have left")
    total: int = Field(description="bytes in all")


class PrintSent(Event):
    """Every byte of the slip is on the wire. Nothing is known of paper yet."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    bytes: int


class PrintPrinted(Event):
    """The printer itself said that the slip came out."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    evidence: str = Field(description="what it rests on: process-id or gs-r")


class PrintUnconfirmed(Event):
    """The slip was sent and may be out; the printer never said."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    reason: str


class PrintFailed(Event):
    """No whole slip came out."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    reason: str
    paper: bool = Field(description="whether part of it may have come out")
    again: bool = Field(description="whether it is printed once more, after what came out was marked void")
    detail: str = ""


class PrintExpired(Event):
    """Nobody waits for the slip any more: it was not printed."""

    job: str
    ticket: str
    printer: str
    copy_number: CopyNumber
    reason: str


class DisplayShown(Event):
    """A text stands on a board."""

    display: str
    text: str
    confirmed: bool = Field(description="whether the board acknowledged it; a board that never answers cannot")


class DisplayFailed(Event):
    """A text could not be shown. It is kept for the board's return, unless the board cannot show it at all."""

    display: str
    text: str
    reason: str
    detail: str = ""


class RatingOpened(Event):
    """A visitor may rate now."""

    session: str
    counter: str
    ticket: str | None


class RatingSubmitted(Event):
    """A visitor rated: the one rating of this session."""

    session: str
    counter: str
    ticket: str | None
    level: Level
    after_s: float = Field(description="from the session's opening")


class RatingRepeated(Event):
    """A further press in a rated session. The first counts."""

    session: str
    counter: str
    level: Level


class RatingLapsed(Event):
    """The session ended without a rating, which never counts as a good one."""

    session: str
    counter: str
    ticket: str | None
    reason: Literal["timed-out", "cancelled", "replaced"]


class RatingUnsolicited(Event):
    """A press while no session was open."""

    panel: str
    counter: str | None
    level: Level


class PhoneRinging(Event):
    """A call comes in: its first ring."""

    call: str
    phone: str
    counter: str | None


class PhoneAnswered(Event):
    """Somebody lifted the receiver, and the line said so."""

    call: str
    phone: str
    counter: str | None
    rings: int
    in_time: bool = Field(description="within the rings that the rules allow")
    ringing_s: float
    caller: str | None = Field(description="the number, masked; null when withheld or not transmitted")


class PhoneMissed(Event):
    """The ringing ended, on a line that tells when a receiver is lifted, and none was."""

    call: str
    phone: str
    counter: str | None
    rings: int
    ringing_s: float
    caller: str | None


class PhoneUnknown(Event):
    """The ringing ended, and this line cannot tell whether anybody answered."""

    call: str
    phone: str
    counter: str | None
    rings: int
    ringing_s: float
    caller: str | None
    reason: str = ""


class AlertRaised(Event):
    """Somebody should act. One open alert a cause."""

    alert: str = Field(description="what kind", examples=["phone-unanswered"])
    about: str = Field(description="which phone, service, counter or device")
    detail: str = ""


class AlertCleared(Event):
    """The cause is gone."""

    alert: str
    about: str


class DeviceChanged(Event):
    """A device's condition changed."""

    device: str
    kind: str
    state: str
    reasons: tuple[str, ...]
    detail: str = ""


class FiguresClosed(Figures, Event):
    """A day is over: what it came to."""


class DaemonStarted(Event):
    """kioskd runs. `clean`: whether the run before this one ended in order."""

    boot: str
    version: str
    clean: bool


class DaemonStopping(Event):
    """kioskd was told to stop."""

    boot: str


class ConfigurationReloaded(Event):
    """A new configuration is in force, but for the keys that need a restart."""

    boot: str
    changed: tuple[str, ...]
    after_restart: tuple[str, ...]


class ConfigurationRejected(Event):
    """A new configuration has errors; the old one stays in force."""

    boot: str
    errors: tuple[str, ...]


class ClockJumped(Event):
    """The time of day was set. Order is by sequence, never by time."""

    before: AwareDatetime
    after: AwareDatetime
    by_s: float


class StoreReplaced(Event):
    """The database was damaged: put aside, and a new one begun. The epoch in the ids is a new one from here on."""

    kept_as: str
    reason: str


class EventsDropped(Event):
    """The store was full: these events were never sent and are gone."""

    first_sequence: int
    last_sequence: int
    count: int


def event_types() -> dict[str, type[Event]]:
    """Every event by its CloudEvents type."""
    return {f"kioskd.{kind.NOUN}.{kind.VERB}": kind for kind in Event.__subclasses__()}

"""What befalls numbers."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from daemon.events.base import Event
from daemon.model import Priority


class TicketIssued(Event):
    """A visitor took a number, or another system gave one. It waits from the moment its slip is printed."""

    ticket: str = Field(description="the ticket's own id: day and number, unique for ever", examples=["20261121-A012"])
    number: str = Field(description="what is printed and called", examples=["A012"])
    service: str
    ahead: int = Field(description="how many were before it then; those, too, whose slips were still being printed")
    priority: Priority = Priority.ORDINARY


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
    reason: str = Field(description="the print job's reason code; left-over: its day is over; cancelled: by command")


class TicketCalled(Event):
    """A counter called the number: for the first time, or again."""

    ticket: str
    number: str
    service: str
    counter: str
    times: int = Field(ge=1, description="how often it has been called now")
    waited_s: float = Field(description="from the number being taken to this call")


class TicketUncalled(Event):
    """The call was a mistake: the number has its place in the queue again."""

    ticket: str
    number: str
    service: str
    counter: str


class TicketSkipped(Event):
    """The visitor did not come; the number is put aside."""

    ticket: str
    number: str
    service: str
    counter: str
    back_after: int | None = Field(
        default=None,
        description="after how many calls of others it waits again; null: absent, until somebody brings it back",
    )


class TicketReturned(Event):
    """A number that was put aside waits again, at its place of before."""

    ticket: str
    number: str
    service: str


class TicketTransferred(Event):
    """The counter sent the number on. It waits again, at the place that it had."""

    ticket: str
    number: str
    service: str = Field(description="what it was taken for")
    counter: str
    to_service: str
    to_counter: str | None = Field(description="the only counter that may call it; null: any that serves the service")
    served_s: float = Field(description="from the call that brought it to the counter to this moment")


class TicketFinished(Event):
    """The service for this number is over."""

    ticket: str
    number: str
    service: str
    counter: str
    served_s: float = Field(description="from the call that brought it to the counter to this moment")

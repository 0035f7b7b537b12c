"""What befalls numbers."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from daemon.events.base import Event


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

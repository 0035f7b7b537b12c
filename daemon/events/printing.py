"""What becomes of slips."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.events.base import Event
from daemon.model import Model

CopyNumber = Annotated[
    int, Field(ge=1, description="of this ticket or slip: from 2 on the slip is marked as a reprint (补打)")
]

TicketId = Annotated[str | None, Field(description="the ticket whose slip it is, or that another slip is about")]
SlipId = Annotated[
    str | None,
    Field(description="of a slip that is no ticket: the id of the command that first asked for it; null for a ticket"),
]
Template = Annotated[str, Field(description="which kind of slip: ticket, supplement, fee-list and so on")]


class SlipJob(Model):
    """Which slip an event is about: what every event of printing says first."""

    job: str
    ticket: TicketId = None
    slip: SlipId = None
    template: Template = "ticket"
    printer: str
    copy_number: CopyNumber


class PrintProgressed(SlipJob, Event):
    """A long slip is on its way: told once a second while bytes leave."""

    sent: int = Field(description="bytes that have left")
    total: int = Field(description="bytes in all")


class PrintSent(SlipJob, Event):
    """Every byte of the slip is on the wire. Nothing is known of paper yet."""

    bytes: int


class PrintPrinted(SlipJob, Event):
    """The printer itself said that the slip came out."""

    evidence: str = Field(description="what it rests on: process-id or gs-r")


class PrintUnconfirmed(SlipJob, Event):
    """The slip was sent and may be out; the printer never said."""

    reason: str


class PrintFailed(SlipJob, Event):
    """No whole slip came out."""

    reason: str
    paper: bool = Field(description="whether part of it may have come out")
    again: bool = Field(description="whether it is printed once more, after what came out was marked void")
    detail: str = ""


class PrintExpired(SlipJob, Event):
    """Nobody waits for the slip any more: it was not printed."""

    reason: str

"""What is asked of the queue."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from daemon.commands.base import Command
from daemon.model import AwareMoment, Identifier, Name, Priority, Words

GivenNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,11}$")]
"""A number of another system, as it is printed and called."""

NamedTicket = Annotated[Identifier, Field(description="its id, or its number alone: today's, or else yesterday's")]


Large = Annotated[bool, Field(description="in large print, by the template ticket-large; a reprint keeps it")]


class TicketTake(Command):
    """Take a number for a service and print its ticket."""

    service: Name
    priority: Priority = Priority.ORDINARY
    large: Large = False


class TicketPrint(Command):
    """Print the ticket of a number that another system gave. It waits once its slip is out."""

    number: GivenNumber
    service: Name
    priority: Priority = Priority.ORDINARY
    large: Large = False
    ahead: Annotated[int, Field(ge=0, le=99_999)] | None = Field(
        default=None, description="printed; by default as many as wait by what was told here"
    )
    due_at: AwareMoment | None = Field(default=None, description="printed; by default by the limit of the service")


class TicketRegister(Command):
    """Another system gave a number whose slip is none of this kiosk's: it waits."""

    number: GivenNumber
    service: Name
    priority: Priority = Priority.ORDINARY


class TicketReprint(Command):
    """Print the slip of a valid ticket again, marked 补打, by its template of before: for a visitor who lost it."""

    ticket: Identifier


class TicketNext(Command):
    """Call the next waiting number to a counter. The counter's present ticket is finished first."""

    counter: Name


class TicketCall(Command):
    """Call a given number to a counter, before all others. The counter's present ticket is finished first."""

    counter: Name
    ticket: NamedTicket


class TicketRecall(Command):
    """Call the counter's present number again."""

    counter: Name


class TicketUncall(Command):
    """The counter's last call was a mistake: give the number its place in the queue back."""

    counter: Name


class TicketSkip(Command):
    """The visitor did not come: put the counter's present number aside."""

    counter: Name


class TicketReturn(Command):
    """An absent visitor is there after all: the number waits again."""

    ticket: NamedTicket


class TicketCancel(Command):
    """The visitor does not want to wait any longer: take the number back."""

    ticket: NamedTicket


class TicketTransfer(Command):
    """Send the counter's present number on to another service or counter, at the place in the queue that it had."""

    counter: Name
    service: Name = Field(description="what it waits for from now on")
    to_counter: Name | None = Field(default=None, description="the only counter that is to call it")
    slip: bool = Field(default=False, description="whether a referral slip is printed; its outcome is the reply")
    reason: Words | None = Field(default=None, description="on the slip")


class TicketFinish(Command):
    """The service is over: finish the counter's present number and invite its rating."""

    counter: Name

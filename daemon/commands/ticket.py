"""What is asked of the queue."""

from __future__ import annotations

from daemon.commands.base import Command
from daemon.model import Identifier, Name


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

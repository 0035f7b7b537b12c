"""What is asked of a counter's rating panel."""

from __future__ import annotations

from daemon.commands.base import Command
from daemon.model import Name


class RatingOpen(Command):
    """Invite a rating at a counter without a ticket."""

    counter: Name


class RatingCancel(Command):
    """End the counter's open rating session without a rating."""

    counter: Name

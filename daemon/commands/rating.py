"""What is asked of a counter's rating panel."""

from __future__ import annotations

from pydantic import Field

from daemon.commands.base import Command
from daemon.model import Identifier, Name


class RatingOpen(Command):
    """Invite a rating at a counter: of a ticket, of an item that another system handled, or of neither.

    One rating each: what was rated is refused.
    """

    counter: Name
    ticket: Identifier | None = None
    item: Identifier | None = Field(
        default=None, description="the handled item, as another system names it; one ticket may have several"
    )


class RatingCancel(Command):
    """End the counter's open rating session without a rating."""

    counter: Name

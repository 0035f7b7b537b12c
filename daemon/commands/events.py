"""What is asked of the stored events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.commands.base import Command
from daemon.model import Identifier

REPLAY_MAX = 10_000
"""Events that one command sends again: whoever misses more asks for the next range afterwards."""

Sequence = Annotated[int, Field(ge=1, lt=10**12)]


class EventsReplay(Command):
    """Send stored events again, with their ids and to the byte as they were sent first.

    Up to `to_sequence`, the newest event or `limit` events, whatever comes first.
    """

    from_sequence: Sequence
    to_sequence: Sequence
    limit: Annotated[int, Field(ge=1, le=REPLAY_MAX)] | None = None


class EventsErase(Command):
    """Blank what could identify a person in the events of a ticket, slip, telephone call or item, and delete its slips.

    One of them is given. Those of a ticket include the other slips that were printed about it. Databases that were put
    aside as damaged are deleted. What was sent to subscribers before is beyond its reach.
    """

    ticket: Identifier | None = None
    slip: Identifier | None = Field(default=None, description="as print events name it: printed about no ticket")
    call: Annotated[str, Field(pattern=r"^[0-9]{1,18}$", description="as phone events name it")] | None = None
    item: Identifier | None = Field(
        default=None, description="as rating events name it; what was rated stays settled, and is not rated again"
    )

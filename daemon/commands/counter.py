"""What is asked of a counter (窗口): whether it serves anybody."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from daemon.commands.base import Command
from daemon.model import Name, Words

Staff = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,16}$")]
"""A staff number (工号), as it stands on the counter's board."""


class CounterOpen(Command):
    """The counter serves: numbers can be called to it. Opens a paused one again."""

    counter: Name
    staff: Staff | None = Field(default=None, description="who serves there; without it, who served before a pause")


class CounterPause(Command):
    """The counter serves nobody for a while: nothing can be called to it, and its board says so."""

    counter: Name
    reason: Words | None = Field(default=None, description="for visitors, on its board", examples=["取药去了"])


class CounterClose(Command):
    """The counter is closed. Nobody serves there any more."""

    counter: Name

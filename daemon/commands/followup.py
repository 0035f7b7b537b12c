"""What is asked of follow-ups of bad ratings."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from daemon.commands.base import Command
from daemon.model import HARMLESS_PATTERN, Identifier, Words

Result = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=HARMLESS_PATTERN)]
"""What was found and done, on one line."""


class FollowupClose(Command):
    """A bad rating was dealt with. Leave out of `result` who the visitor was: staff can read it."""

    followup: Identifier
    result: Result
    by: Words

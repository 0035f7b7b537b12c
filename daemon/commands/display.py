"""What is asked of a board."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from daemon.commands.base import Command
from daemon.model import Name

ShownText = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")
]
"""Text for a board. A line feed breaks the line; no other control character is let in."""


class DisplayShow(Command):
    """Show a text on a board until something else is shown there."""

    display: Name
    text: ShownText

"""What every command is: its name and topic, and the envelope it comes in."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from daemon.model import Identifier, Model

MAX_PAYLOAD_BYTES = 16_384
"""A longer command is refused unread, but for those that say otherwise: most have a tenth of it."""


class Command(Model):
    """The data of one command."""

    NOUN: ClassVar[str] = ""
    VERB: ClassVar[str] = ""
    MAX_BYTES: ClassVar[int] = MAX_PAYLOAD_BYTES

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        words = re.findall(r"[A-Z][a-z]*", cls.__name__)
        cls.NOUN = words[0].lower()
        cls.VERB = "-".join(word.lower() for word in words[1:])


class Request(Model):
    """The envelope of a command. `data` is validated against the model that its topic names."""

    id: Identifier = Field(description="chosen by the sender; the same id always gets the same answer")
    deadline: AwareDatetime = Field(description="after this moment it is refused, not done late")
    data: dict[str, Any] = {}

"""What every event is: its name, its topic and what it is about."""

from __future__ import annotations

import re
from typing import ClassVar

from daemon.model import Model

PERSONAL = ("caller", "detail", "item")
"""The fields, of any event, that may hold what identifies a person: `events/erase` blanks them."""

ERASED = "[erased]"
"""Stands where something personal was."""


class Event(Model):
    """Something that happened. Subclasses name it in two or three words: a noun, then what befell it."""

    NOUN: ClassVar[str] = ""
    VERB: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        words = re.findall(r"[A-Z][a-z]*", cls.__name__)
        cls.NOUN = words[0].lower()
        cls.VERB = "-".join(word.lower() for word in words[1:])

    @property
    def subject(self) -> str:
        """What the event is about: the value of the field that its class names first."""
        first = next(iter(type(self).model_fields))
        return str(getattr(self, first))

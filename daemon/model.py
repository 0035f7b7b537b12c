"""The base of every model in a payload, and the words that all of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A hall, kiosk, device, counter or service, as it stands in topics: lower-case letters, digits, ``-`` and ``_``."""

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id chosen by a sender; it becomes a level of the reply's topic."""


class Model(BaseModel):
    """Frozen, and closed to unknown fields. Built when first used: most processes use a few of all models."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, hide_input_in_errors=True)

"""The base of every model in a payload, and the words that all of them share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A hall, kiosk, device, counter or service, as it stands in topics: lower-case letters, digits, ``-`` and ``_``."""

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id chosen by a sender; it becomes a level of the reply's topic."""

HARMLESS_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$"
"""Control, format and line-separating characters by number: a JSON Schema's regular expressions know no categories."""

Words = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=HARMLESS_PATTERN)]
"""A few words from a sender that people will read, on one line and without a control character."""


FIRST_YEAR, LAST_YEAR = 1900, 2999


def _tellable(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    return moment


Moment = Annotated[datetime, AfterValidator(_tellable)]
"""A time from a sender that people will read. The calendar's first and last hours have none in some time zones."""

AwareMoment = Annotated[AwareDatetime, AfterValidator(_tellable)]
"""The same with an offset from UTC."""


class Priority(StrEnum):
    """Who is called before others (B 二.7, C 四.7; A art. 29), the first of all first."""

    EMERGENCY = "emergency"
    DISABLED = "disabled"
    ELDERLY = "elderly"
    APPOINTMENT = "appointment"
    ORDINARY = "ordinary"


class Model(BaseModel):
    """Frozen, and closed to unknown fields. Built when first used: most processes use a few of all models."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        cache_strings="keys",  # not every number and id that was ever read: 16,384 of them make a megabyte
    )

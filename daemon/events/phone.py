"""Calls on the counters' telephones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.events.base import Event

Quiet = Annotated[bool, Field(description="it began in quiet hours: counted, and no alert, for nobody is there")]


class PhoneRinging(Event):
    """A call comes in: its first ring."""

    call: str
    phone: str
    counter: str | None
    quiet: Quiet = False


class PhoneAnswered(Event):
    """Somebody lifted the receiver, and the line said so."""

    call: str
    phone: str
    counter: str | None
    rings: int
    in_time: bool = Field(description="within the rings that the rules allow")
    ringing_s: float = Field(description="time to answer: from the first ring to the receiver being lifted")
    caller: str | None = Field(description="the number, masked; null when withheld or not transmitted")
    quiet: Quiet = False


class PhoneMissed(Event):
    """The ringing ended, on a line that tells when a receiver is lifted, and none was."""

    call: str
    phone: str
    counter: str | None
    rings: int
    ringing_s: float = Field(description="from the first ring to the last one seen")
    caller: str | None
    quiet: Quiet = False


class PhoneUnknown(Event):
    """The ringing ended, and this line cannot tell whether anybody answered."""

    call: str
    phone: str
    counter: str | None
    rings: int
    ringing_s: float = Field(description="from the first ring to the last one seen")
    caller: str | None
    quiet: Quiet = False
    reason: str = ""

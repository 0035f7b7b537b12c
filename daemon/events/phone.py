"""Calls on the counters' telephones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.events.base import Event
from daemon.model import Model

Quiet = Annotated[bool, Field(description="it began in quiet hours: counted, and no alert, for nobody is there")]


class Call(Model):
    """Which call an event is about: what every event of a telephone says first."""

    call: str
    phone: str
    counter: str | None


class UnansweredCall(Call):
    """What is known of a call that nobody was seen to answer."""

    rings: int
    ringing_s: float = Field(description="from the first ring to the last one seen")
    caller: str | None
    quiet: Quiet = False


class PhoneRinging(Call, Event):
    """A call comes in: its first ring."""

    quiet: Quiet = False


class PhoneAnswered(Call, Event):
    """Somebody lifted the receiver, and the line said so."""

    rings: int
    in_time: bool = Field(description="within the rings that the rules allow")
    ringing_s: float = Field(description="time to answer: from the first ring to the receiver being lifted")
    caller: str | None = Field(description="the number, masked; null when withheld or not transmitted")
    quiet: Quiet = False


class PhoneMissed(UnansweredCall, Event):
    """The ringing ended, on a line that tells when a receiver is lifted, and none was."""


class PhoneUnknown(UnansweredCall, Event):
    """The ringing ended, and this line cannot tell whether anybody answered."""

    reason: str = ""

"""Every event that kioskd publishes: what happened, as data. The class name gives the CloudEvents type.

``TicketIssued`` is type ``kioskd.ticket.issued`` on topic ``event/ticket/issued``.
"""

from __future__ import annotations

from daemon.events.base import Event
from daemon.events.display import DisplayFailed, DisplayShown
from daemon.events.phone import PhoneAnswered, PhoneMissed, PhoneRinging, PhoneUnknown
from daemon.events.printing import (
    CopyNumber,
    PrintExpired,
    PrintFailed,
    PrintPrinted,
    PrintProgressed,
    PrintSent,
    PrintUnconfirmed,
)
from daemon.events.rating import Level, RatingLapsed, RatingOpened, RatingRepeated, RatingSubmitted, RatingUnsolicited
from daemon.events.run import (
    ClockJumped,
    ConfigurationRejected,
    ConfigurationReloaded,
    DaemonStarted,
    DaemonStopping,
    EventsDropped,
    StoreReplaced,
)
from daemon.events.ticket import (
    TicketCalled,
    TicketFinished,
    TicketIssued,
    TicketPromised,
    TicketSkipped,
    TicketWaiting,
    TicketWithdrawn,
)
from daemon.events.watch import AlertCleared, AlertRaised, DeviceChanged, FiguresClosed

__all__ = [
    "AlertCleared",
    "AlertRaised",
    "ClockJumped",
    "ConfigurationRejected",
    "ConfigurationReloaded",
    "CopyNumber",
    "DaemonStarted",
    "DaemonStopping",
    "DeviceChanged",
    "DisplayFailed",
    "DisplayShown",
    "Event",
    "EventsDropped",
    "FiguresClosed",
    "Level",
    "PhoneAnswered",
    "PhoneMissed",
    "PhoneRinging",
    "PhoneUnknown",
    "PrintExpired",
    "PrintFailed",
    "PrintPrinted",
    "PrintProgressed",
    "PrintSent",
    "PrintUnconfirmed",
    "RatingLapsed",
    "RatingOpened",
    "RatingRepeated",
    "RatingSubmitted",
    "RatingUnsolicited",
    "StoreReplaced",
    "TicketCalled",
    "TicketFinished",
    "TicketIssued",
    "TicketPromised",
    "TicketSkipped",
    "TicketWaiting",
    "TicketWithdrawn",
    "event_types",
]


def event_types() -> dict[str, type[Event]]:
    """Every event by its CloudEvents type."""
    return {f"kioskd.{kind.NOUN}.{kind.VERB}": kind for kind in Event.__subclasses__()}

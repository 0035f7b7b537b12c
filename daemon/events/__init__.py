"""Every event that kioskd publishes: what happened, as data. The class name gives the CloudEvents type.

``TicketIssued`` is type ``kioskd.ticket.issued`` on topic ``event/ticket/issued``.
"""

from __future__ import annotations

from daemon.events.alert import Alert, AlertAcknowledged, AlertCleared, AlertRaised
from daemon.events.base import Event
from daemon.events.counter import CounterClosed, CounterOpened, CounterPaused
from daemon.events.display import DisplayFailed, DisplayShown, DisplaySpeechFailed, DisplaySpoken
from daemon.events.followup import FollowupClosed, FollowupDropped, FollowupOpened
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
from daemon.events.readiness import ReadinessChecked
from daemon.events.run import (
    ClockJumped,
    ConfigurationRejected,
    ConfigurationReloaded,
    DaemonStarted,
    DaemonStopping,
    EventsDropped,
    EventsErased,
    StoreReplaced,
)
from daemon.events.ticket import (
    TicketCalled,
    TicketFinished,
    TicketIssued,
    TicketPromised,
    TicketReturned,
    TicketSkipped,
    TicketTransferred,
    TicketUncalled,
    TicketWaiting,
    TicketWithdrawn,
)
from daemon.events.watch import DeviceChanged, FiguresClosed

__all__ = [
    "Alert",
    "AlertAcknowledged",
    "AlertCleared",
    "AlertRaised",
    "ClockJumped",
    "ConfigurationRejected",
    "ConfigurationReloaded",
    "CopyNumber",
    "CounterClosed",
    "CounterOpened",
    "CounterPaused",
    "DaemonStarted",
    "DaemonStopping",
    "DeviceChanged",
    "DisplayFailed",
    "DisplayShown",
    "DisplaySpeechFailed",
    "DisplaySpoken",
    "Event",
    "EventsDropped",
    "EventsErased",
    "FiguresClosed",
    "FollowupClosed",
    "FollowupDropped",
    "FollowupOpened",
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
    "ReadinessChecked",
    "StoreReplaced",
    "TicketCalled",
    "TicketFinished",
    "TicketIssued",
    "TicketPromised",
    "TicketReturned",
    "TicketSkipped",
    "TicketTransferred",
    "TicketUncalled",
    "TicketWaiting",
    "TicketWithdrawn",
    "event_types",
]


def event_types() -> dict[str, type[Event]]:
    """Every event by its CloudEvents type."""
    return {f"kioskd.{kind.NOUN}.{kind.VERB}": kind for kind in Event.__subclasses__()}

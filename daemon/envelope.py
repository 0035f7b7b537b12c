"""Events as they stand on the wire: CloudEvents 1.0, structured JSON, with a sequence that has no gaps.

Source: CloudEvents specification 1.0.2, its JSON event format, its MQTT protocol binding, and the documented
extension "sequence" (a string that sorts in order of the events).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, SerializeAsAny

from daemon.events import Event
from daemon.model import Model

CONTENT_TYPE = "application/cloudevents+json"
SEQUENCE_DIGITS = 12


class CloudEvent(Model):
    """The envelope around an event's data."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="epoch and sequence: the same event always has the same id", examples=["5f1c2a9b-42"])
    source: str = Field(description="which kiosk", examples=["/kioskd/demo/k1"])
    type: str = Field(examples=["kioskd.ticket.issued"])
    subject: str
    time: AwareDatetime = Field(description="when it happened, by the kiosk's clock, which may be wrong")
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: str = Field(description="counts every event of this kiosk, without gaps", pattern=r"^[0-9]{12}$")
    data: SerializeAsAny[Event]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that is on the disk: `payload` is what goes over the wire, to the byte, however often it is sent."""

    sequence: int
    topic: str
    payload: bytes


def seal(event: Event, *, sequence: int, epoch: str, source: str, time: datetime) -> StoredEvent:
    """`event` as bytes for the wire. `epoch` names the database: it changes when sequences start anew."""
    envelope = CloudEvent(
        id=f"{epoch}-{sequence}",
        source=source,
        type=f"kioskd.{event.NOUN}.{event.VERB}",
        subject=event.subject,
        time=time,
        sequence=f"{sequence:0{SEQUENCE_DIGITS}d}",
        data=event,
    )
    return StoredEvent(sequence, f"event/{event.NOUN}/{event.VERB}", envelope.model_dump_json().encode())

"""What goes into CONNECT, the last will, SUBSCRIBE and PUBLISH, for either version, in paho's terms."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from daemon.mqtt.broker import Broker, Outgoing
from daemon.mqtt.tls import tls_context
from daemon.mqtt.version import Version

WINDOW = 20
"""QoS 1 messages on their way at a time, in either direction, unless the broker asks for fewer."""

MAX_INCOMING_BYTES = 2 << 20
"""A broker of version 5 drops anything longer that is meant for us. Long before that a command is refused as too
large; this bounds what may come while nobody has looked at it yet. Version 3.1.1 knows no such limit."""

CONNECT_ADDRESS_S = 5.0
"""For one of a name's addresses, and again for the TLS handshake."""

HEADERS_BYTES = 40
"""More than the fixed header, lengths and property numbers of a PUBLISH take."""


def client(broker: Broker, version: Version, will: bytes | None) -> Client:
    """A client that does nothing by itself: no window, no second attempt, no acknowledgement of its own."""
    v5 = version is Version.V5
    made = Client(
        CallbackAPIVersion.VERSION2,
        broker.client_id,
        clean_session=None if v5 else broker.session_expiry_s == 0,
        protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    made.max_inflight_messages_set(0)
    made.connect_timeout = CONNECT_ADDRESS_S
    made.username_pw_set(broker.username, broker.password)
    if will is not None:
        made.will_set(broker.topic("status"), will, 1, True, _will_properties(broker) if v5 else None)
    return made


def connect(made: Client, broker: Broker, version: Version) -> None:
    """Connect and send CONNECT. Blocks; raises OSError, and ValueError for a host name that cannot be one."""
    if broker.tls:
        made.tls_set_context(tls_context(broker))
    if version is Version.V311:
        made.connect(broker.host, broker.port, broker.keepalive_s)
        return
    properties = _properties(
        PacketTypes.CONNECT,
        SessionExpiryInterval=broker.session_expiry_s,
        ReceiveMaximum=WINDOW,
        MaximumPacketSize=MAX_INCOMING_BYTES,
    )
    clean = broker.session_expiry_s == 0
    made.connect(broker.host, broker.port, broker.keepalive_s, clean_start=clean, properties=properties)


def subscribe(made: Client, version: Version, topics: Sequence[str]) -> None:
    """Subscribe at QoS 1. Retain As Published, where there is such a thing, tells a retained command at once."""
    if version is Version.V5:
        made.subscribe([(topic, SubscribeOptions(qos=1, retainAsPublished=True)) for topic in topics])
    else:
        made.subscribe([(topic, 1) for topic in topics])


def publish_properties(outgoing: Outgoing, version: Version) -> Properties | None:
    """The properties of a PUBLISH; 3.1.1 has none."""
    if version is Version.V311:
        return None
    if outgoing.response_topic is None and outgoing.correlation_data is None:
        return _content_properties(outgoing.content_type)
    optional = {"ResponseTopic": outgoing.response_topic, "CorrelationData": outgoing.correlation_data}
    given = {name: value for name, value in optional.items() if value is not None}
    return _properties(PacketTypes.PUBLISH, PayloadFormatIndicator=1, ContentType=outgoing.content_type, **given)


def publish_bytes(outgoing: Outgoing) -> int:
    """How long the packet is at most."""
    text = f"{outgoing.topic}{outgoing.content_type}{outgoing.response_topic or ''}"
    return HEADERS_BYTES + len(text.encode()) + len(outgoing.correlation_data or b"") + len(outgoing.payload)


class _PackedOnce(Properties):
    """The properties that every event has. Packing them takes paho a tenth of the time of a whole publish."""

    @functools.cached_property
    def _bytes(self) -> bytes:
        packed: bytes = super().pack()  # type: ignore[no-untyped-call]
        return packed

    def pack(self) -> bytes:
        return self._bytes


@functools.cache
def _content_properties(content_type: str) -> Properties:
    properties = _PackedOnce(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = content_type
    return properties


def _will_properties(broker: Broker) -> Properties:
    return _properties(
        PacketTypes.WILLMESSAGE,
        WillDelayInterval=broker.will_delay_s,
        PayloadFormatIndicator=1,
        ContentType="application/json",
    )


def _properties(packet: int, **values: Any) -> Properties:
    properties: Properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties

"""One connection to a broker. With `mqtt_packets`, the only module that talks to paho.

Theory of operation. The event loop drives paho by its socket and no thread of paho's runs: `wait` until the socket
is readable, writable or a second has passed, then `work`. Only dialling (name, TCP, TLS) blocks, so it has a
daemon thread of its own, which nobody waits for at shutdown. paho is kept on a short lead, for these reasons:

- A message published without a connection stays in paho's queue and is sent later all the same; a client that is
  connected again sends old messages before anybody can object. So a client serves one connection only, and nothing
  is published before the broker accepted it.
- paho ignores the broker's Receive Maximum and holds back what exceeds its own window. So its window is switched
  off (0), and `room` is ours.
- A PUBACK that says "Not authorized" counts as published in paho. So only the reason code of `on_publish` counts.
- paho answers "unsupported version" to 3.1.1 by connecting again with 3.1, blocking. So that is switched off
  (`reconnect_on_failure=False`).
- paho holds a lock during its callbacks, under which nothing is written and `disconnect` can block for ever. So its
  callbacks only note what happened, and `work` passes it on afterwards.
- TLS may hold decrypted bytes that no file descriptor announces. So `work` reads until nothing is pending.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon.blocking import call_in_thread
from daemon.mqtt import packets
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.end import Cause, ConnectionEnded, cause_of
from daemon.mqtt.receipts import Receipts
from daemon.mqtt.socket_watch import SocketWatch
from daemon.mqtt.tls import refused_certificate, tls_words
from daemon.mqtt.version import Version

DIAL_S = 10.0
"""For the name, its addresses and the TLS handshake."""

ANSWER_S = 5.0
"""How long a broker may take for CONNACK, and again for SUBACK."""

ACKNOWLEDGE_S = 60.0
"""A broker that answers pings and acknowledges nothing for this long is connected to anew."""

TICK_S = 1.0
"""How often paho looks at its keep-alive."""


class Connection:
    """One connection, from the first packet to the last, never used again.

    `deliver` is called from `work` with every message for a subscription. Make it in the event loop.
    """

    def __init__(
        self, broker: Broker, version: Version, *, will: bytes | None, deliver: Callable[[Incoming], None]
    ) -> None:
        self._broker = broker
        self._version = version
        self._deliver = deliver
        self._client = packets.client(broker, version, will)
        self._client.on_log = self._on_log
        self._watch = SocketWatch()
        self._ended: ConnectionEnded | None = None
        self._alert: str | None = None
        self._accepted = False
        self._subscribed: list[ReasonCode] | None = None
        self._window = packets.WINDOW
        self._max_packet_bytes: int | None = None
        self._in_flight: dict[int, tuple[Outgoing, float]] = {}
        self._settled: list[tuple[Outgoing, str | None]] = []
        self._received: list[MQTTMessage] = []
        self._receipts = Receipts(self._acknowledge)

    # from the first packet to the subscriptions

    async def open(self, subscriptions: Sequence[str]) -> list[str]:
        """Connect and subscribe at QoS 1; returns the subscriptions that the broker refused.

        Raises ConnectionEnded.
        """
        await self._dial()
        await self._answered(lambda: self._accepted, "CONNACK")
        self._client.on_log = None  # paho would word a line about every packet, which costs as much as sending it
        if not subscriptions:
            return []
        packets.subscribe(self._client, self._version, [self._broker.topic(topic) for topic in subscriptions])
        self._watch_writable()
        await self._answered(lambda: self._subscribed is not None, "SUBACK")
        answers = self._subscribed or []
        return [topic for topic, answer in zip(subscriptions, answers, strict=False) if answer.is_failure]

    async def _dial(self) -> None:
        try:
            await call_in_thread(
                lambda: packets.connect(self._client, self._broker, self._version),
                within_s=DIAL_S,
                too_late=self._hang_up,
            )
        except TimeoutError:
            raise ConnectionEnded("no connection in time") from None
        except OSError as error:
            raise ConnectionEnded(tls_words(error) or type(error).__name__) from error
        except ValueError as error:  # a host name that cannot be one
            raise ConnectionEnded(str(error)) from error
        self._dialled()

    def _dialled(self) -> None:
        # Callbacks from here on: while the thread was dialling they would have run in it, as the log's does.
        client = self._client
        connection = cast("socket.socket | None", client.socket())
        if connection is None:
            if self._alert is not None:
                raise ConnectionEnded(self._alert, Cause.REFUSED)
            raise ConnectionEnded("closed while connecting", Cause.NO_CONNACK)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch.start(connection, TICK_S)
        self._watch_writable()

    async def _answered(self, happened: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                while not happened():
                    await self.wait()
                    self.work()
        except TimeoutError:
            # An old broker may take the properties of 5 for the client id, and wait for the rest for ever.
            cause = Cause.LOST if self._accepted else Cause.NO_CONNACK
            raise ConnectionEnded(f"no {what} in {ANSWER_S:g} s", cause) from None

    # while it lasts

    async def wait(self) -> None:
        """Return when there is something to do for `work`."""
        await self._watch.wait()

    def work(self) -> None:
        """Read and write what can be, and pass on what came. Raises ConnectionEnded when it is over."""
        tick = self._watch.attend()
        self._read()
        if self._client.want_write():
            self._client.loop_write()
        self._watch_writable()
        if tick:
            self._look_after()
        self._settle()
        self._hand_over()
        if self._ended is not None:
            raise self._ended

    def _read(self) -> None:
        connection: socket.socket | None = None
        pending = True
        while pending:
            self._client.loop_read()
            connection = cast("socket.socket | None", self._client.socket())
            pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        if connection is not None:
            # A broker that gathers small packets (Nagle) keeps the next command until the last packet is acknowledged,
            # and the kernel takes up to 40 ms over that. The option holds until the next packet.
            with contextlib.suppress(OSError):  # the line has gone: the next read says so
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _look_after(self) -> None:
        self._client.loop_misc()
        oldest = next(iter(self._in_flight.values()), None)
        if oldest is not None and time.monotonic() - oldest[1] > ACKNOWLEDGE_S:
            self.end(f"a message was not acknowledged in {ACKNOWLEDGE_S:g} s")

    def _settle(self) -> None:
        settled, self._settled = self._settled, []
        for outgoing, refusal in settled:
            outgoing.settled(refusal)

    def _hand_over(self) -> None:
        received, self._received = self._received, []
        for message in received:
            self._deliver(self._incoming(message))

    @property
    def version(self) -> Version:
        return self._version

    @property
    def room(self) -> int:
        """How many messages the broker takes now."""
        return 0 if self._ended else self._window - len(self._in_flight)

    def send(self, outgoing: Outgoing) -> None:
        """Publish at QoS 1, at once if the socket takes it. Only when there is room."""
        if self._max_packet_bytes is not None and packets.publish_bytes(outgoing) > self._max_packet_bytes:
            self._settled.append((outgoing, f"longer than the broker's limit of {self._max_packet_bytes} bytes"))
            self._watch.wake()
            return
        properties = packets.publish_properties(outgoing, self._version)
        info = self._client.publish(outgoing.topic, outgoing.payload, 1, outgoing.retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.end(f"cannot publish: {info.rc.name}")
            return
        self._in_flight[info.mid] = (outgoing, time.monotonic())
        self._watch_writable()

    def _watch_writable(self) -> None:
        self._watch.want_writable(self._client.want_write())

    def _incoming(self, message: MQTTMessage) -> Incoming:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"  # against MQTT 5 section 1.5.4; nobody answers to this name
        return Incoming(
            topic=topic.removeprefix(f"{self._broker.root}/"),
            payload=bytes(message.payload),
            retained=bool(message.retain),
            response_topic=getattr(message.properties, "ResponseTopic", None),
            correlation_data=getattr(message.properties, "CorrelationData", None),
            acknowledge=self._receipts.take(message.mid) if message.qos else _nothing,
        )

    def _acknowledge(self, packet: int) -> None:
        self._client.ack(packet, 1)
        self._watch_writable()

    # the end

    def end(self, reason: str) -> None:
        """Give this connection up without a goodbye: the next `work` raises ConnectionEnded."""
        self._end(ConnectionEnded(reason))

    def _end(self, ended: ConnectionEnded) -> None:
        if self._ended is None:
            self._ended = ended
            self._receipts.clear()
            self._watch.wake()

    def close(self) -> None:
        """Say goodbye if the broker still listens, and let go of the socket. Safe to call twice."""
        self._watch.stop_ticking()
        if self._accepted and self._ended is None:
            self._read()  # bytes left unread would turn the goodbye into a reset, and bring on the last will
            self._settle()
            self.end("closed here")
            self._client.disconnect()
        self._hang_up()

    def _hang_up(self) -> None:
        connection = cast("socket.socket | None", self._client.socket())
        if connection is not None:
            with contextlib.suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
        while self._client.socket() is not None:
            self._client.loop_read()  # up to the end of file, where paho closes the socket

    # what paho calls, under its lock

    def _on_connect(
        self, _client: Client, _: object, _flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._end(ConnectionEnded(f"the broker refuses: {code}", cause_of(code.value), code.value))
        elif getattr(properties, "MaximumQoS", 1) == 0:
            self._end(ConnectionEnded("the broker takes no QoS 1, which events need", Cause.REFUSED))
        else:
            self._window = min(packets.WINDOW, getattr(properties, "ReceiveMaximum", packets.WINDOW))
            self._max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
            self._accepted = True

    def _on_subscribe(self, _client: Client, _: object, _mid: int, codes: list[ReasonCode], _p: object) -> None:
        self._subscribed = codes

    def _on_publish(self, _client: Client, _: object, mid: int, code: ReasonCode, properties: Properties) -> None:
        outgoing, _sent_s = self._in_flight.pop(mid)
        why = getattr(properties, "ReasonString", "")
        refusal = f"{code}: {why}" if why else str(code)
        self._settled.append((outgoing, refusal if code.is_failure else None))

    def _on_message(self, _client: Client, _: object, message: MQTTMessage) -> None:
        self._received.append(message)

    def _on_disconnect(
        self, _client: Client, _: object, flags: DisconnectFlags, code: ReasonCode, _properties: object
    ) -> None:
        if self._alert is not None:
            self._end(ConnectionEnded(self._alert, Cause.REFUSED))
        elif not self._accepted:
            self._end(ConnectionEnded("the broker closed the connection before CONNACK", Cause.NO_CONNACK))
        elif flags.is_disconnect_packet_from_server:
            self._end(ConnectionEnded(f"the broker disconnects: {code}", cause_of(code.value)))
        else:
            self._end(ConnectionEnded("connection lost" if code == "Unspecified error" else str(code)))

    def _on_log(self, _client: Client, _: object, _level: int, said: str) -> None:
        # the one place where paho tells why it could not read; of use until the broker has accepted us
        self._alert = self._alert or refused_certificate(said)

    def _on_socket_close(self, _client: Client, _: object, _socket: object) -> None:
        self._watch.forget_socket()


def _nothing() -> None:
    """A message at QoS 0 wants no acknowledgement."""

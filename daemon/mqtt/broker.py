"""Where the broker is, and what goes to it and comes from it. Knows nothing of the library that carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

ProtocolSetting = Literal["auto", "5", "3.1.1"]

PORT = 1883
TLS_PORT = 8883


@dataclass(frozen=True, slots=True)
class Broker:
    """Everything a connection needs to know. Certificates are read anew for every attempt."""

    host: str
    root: str
    client_id: str
    port: int = PORT
    protocol: ProtocolSetting = "auto"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 30
    will_delay_s: int = 15
    session_expiry_s: int = 3600
    """How long the broker keeps commands for an absent client; 0 asks for no session at all."""

    def topic(self, relative: str) -> str:
        """`relative` under this kiosk's root."""
        return f"{self.root}/{relative}"


def _no_matter(refusal: str | None) -> None:
    """For a sender who does not care what the broker said."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the broker, at QoS 1. `topic` is whole, with the root.

    `settled` is called once with None when the broker has the message, or with its reason for refusing it. It is
    not called when the connection ends first: then the message may or may not have arrived.
    """

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    response_topic: str | None = None
    correlation_data: bytes | None = None
    settled: Callable[[str | None], None] = _no_matter


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker. `topic` is relative to the root.

    The broker keeps the message until `acknowledge` is called: call it when the message is safe, or will never
    be wanted again. Calling it after the connection has ended does nothing.
    """

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None
    correlation_data: bytes | None
    acknowledge: Callable[[], None]


class Handler(Protocol):
    """Who uses a session. Every method is called in the event loop, and none of them blocks."""

    def on_connected(self) -> None:
        """The broker accepted us and our subscriptions. What was in flight before has to be sent again."""
        ...

    def on_disconnected(self, reason: str) -> None:
        """The connection ended; the session is already trying for the next one."""
        ...

    def on_message(self, message: Incoming) -> None:
        """A message for one of the subscriptions. It may come before `on_connected`, and may come twice."""
        ...

    def next(self) -> Outgoing | None:
        """What should be sent next, or None. Asked whenever the broker's window has room."""
        ...

"""Why a connection ended, and what that means for the next attempt."""

from __future__ import annotations

from enum import Enum, auto

UNSUPPORTED_VERSION_CODE = 0x84

RETRY_LATER_CODES = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C, 0x8E, 0x90, 0x95, 0x9A, 0x9B})
"""MQTT 5 section 2.4: client identifier not valid, bad user name or password, not authorized, banned, bad
authentication method, session taken over, topic name invalid, packet too large, retain or QoS not supported.
Somebody has to change something before these get better."""


class Cause(Enum):
    """What the end of a connection means for the next attempt."""

    LOST = auto()  # try again soon
    NO_CONNACK = auto()  # the broker hung up on CONNECT, or said nothing: it may be about the version
    VERSION = auto()  # the broker does not speak this version
    REFUSED = auto()  # trying again soon is pointless


class ConnectionEnded(Exception):
    """The connection is over, or could not be made. `code`: what the broker's CONNACK said, if it refused."""

    def __init__(self, reason: str, cause: Cause = Cause.LOST, code: int | None = None) -> None:
        super().__init__(reason)
        self.cause = cause
        self.code = code


def cause_of(code: int) -> Cause:
    """What a reason code in CONNACK or DISCONNECT means."""
    if code == UNSUPPORTED_VERSION_CODE:
        return Cause.VERSION
    return Cause.REFUSED if code in RETRY_LATER_CODES else Cause.LOST

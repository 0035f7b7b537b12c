"""Which version of MQTT to try: 5 where the broker has it, 3.1.1 where it has not."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from daemon.mqtt.broker import ProtocolSetting


class Version(Enum):
    """The versions spoken here."""

    V5 = "5"
    V311 = "3.1.1"

    @property
    def other(self) -> Version:
        return Version.V311 if self is Version.V5 else Version.V5


RETRY_V5_S = 600.0
"""A broker without MQTT 5 may have been replaced by one with it: how long 3.1.1 is taken for granted."""

UNANSWERED_MAX = 2
"""A broker of old hangs up on a CONNECT of 5, or is dumb; so is any that is just stopping. Twice is a sign."""


class VersionChoice:
    """Remembers what worked. A fixed setting is never departed from."""

    def __init__(self, setting: ProtocolSetting, monotonic_s: Callable[[], float]) -> None:
        self._fixed = setting != "auto"
        self._version = Version(setting) if self._fixed else Version.V5
        self._monotonic_s = monotonic_s
        self._fallback_since_s = monotonic_s()
        self._unanswered = 0

    def version(self) -> Version:
        """The version for the next attempt."""
        aged = self._monotonic_s() - self._fallback_since_s >= RETRY_V5_S
        if not self._fixed and self._version is Version.V311 and aged:
            self._change(Version.V5)
        return self._version

    def accepted(self) -> None:
        """The broker speaks this version."""
        self._unanswered = 0

    def refused(self) -> bool:
        """The broker said that it does not speak this version. True if another attempt is worth making at once."""
        if self._fixed:
            return False
        self._change(self._version.other)
        return self._version is Version.V311

    def unanswered(self) -> None:
        """The broker hung up on our CONNECT without a word, or said nothing."""
        self._unanswered += 1
        if not self._fixed and (self._unanswered >= UNANSWERED_MAX or self._version is Version.V311):
            self._change(self._version.other)

    def _change(self, version: Version) -> None:
        self._version = version
        self._unanswered = 0
        self._fallback_since_s = self._monotonic_s()

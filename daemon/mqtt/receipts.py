"""Acknowledgements in the order in which the messages came, whatever the order in which they are given.

Source: MQTT 5 section 4.6, "it MUST send PUBACK packets in the order in which the corresponding PUBLISH packets
were received (QoS 1 messages)"; the same in MQTT 3.1.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Receipts:
    """The packets not yet acknowledged. Bounded by the Receive Maximum that the broker was told."""

    def __init__(self, acknowledge: Callable[[int], None]) -> None:
        self._acknowledge = acknowledge
        self._waiting: deque[_Receipt] = deque()

    def take(self, packet: int) -> Callable[[], None]:
        """A packet came: what to call when it may be acknowledged. A second call does nothing."""
        receipt = _Receipt(packet)
        self._waiting.append(receipt)

        def give() -> None:
            receipt.given = True
            while self._waiting and self._waiting[0].given:
                self._acknowledge(self._waiting.popleft().packet)

        return give

    def clear(self) -> None:
        """The connection is over: its packet numbers mean nothing any more."""
        self._waiting.clear()


class _Receipt:
    __slots__ = ("given", "packet")

    def __init__(self, packet: int) -> None:
        self.packet = packet
        self.given = False

"""Asks a running daemon how its devices are: by its retained topics, as anybody may who may read them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from daemon.mqtt.broker import Broker, Incoming
from daemon.mqtt.connection import Connection
from daemon.mqtt.end import ConnectionEnded
from daemon.mqtt.version import Version
from daemon.statuses import DeviceStatus, KioskStatus
from drivers.device import Condition, Reason, State

TOPICS = ("status", "device/+")
LISTEN_S = 1.0
"""Retained messages follow the answer to the subscription at once."""


@dataclass(slots=True)
class Told:
    """What the broker holds of this kiosk."""

    status: KioskStatus | None = None
    devices: dict[str, Condition] = field(default_factory=dict)

    def take(self, message: Incoming) -> None:
        """A retained message; what no model fits was not said by a kioskd like this one."""
        message.acknowledge()
        with contextlib.suppress(ValidationError, ValueError):
            if message.topic == "status":
                self.status = KioskStatus.model_validate_json(message.payload)
            elif message.payload:
                status = DeviceStatus.model_validate_json(message.payload)
                self.devices[message.topic.removeprefix("device/")] = _condition(status)


def _condition(status: DeviceStatus) -> Condition:
    return Condition(State(status.state), tuple(Reason(reason) for reason in status.reasons), status.detail)


async def ask_daemon(broker: Broker, version: Version) -> Told:
    """What the daemon has said last; nothing where the broker does not let us read it."""
    told = Told()
    connection = Connection(broker, version, will=None, deliver=told.take)
    try:
        await connection.open(TOPICS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_S):
                await _listen(connection)
    except ConnectionEnded:
        pass  # the check of the broker says why
    finally:
        connection.close()
    return told


async def _listen(connection: Connection) -> Any:
    while True:
        await connection.wait()
        connection.work()

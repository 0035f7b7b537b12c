"""A kiosk at brokers that are not like the hall's: of MQTT 3.1.1, and behind a bridge."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.mqtt.broker import Broker
from daemon.mqtt.version import Version
from tests.broker_client import client, heard, kiosk_at, make_events, say
from tests.broker_rig import (
    PROJECT,
    ROOT,
    ShippedBroker,
    started,
)
from tests.conftest import Mosquitto, free_port, mosquitto_path
from tests.mqtt_rig import Recorder

pytestmark = pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    """The shipped configuration with passwords, running."""
    broker = await started(ShippedBroker(tmp_path))
    yield broker
    broker.kill()


async def test_a_kiosk_of_3_1_1_behind_the_same_list(shipped: ShippedBroker, until: Any) -> None:
    async with (
        client(shipped.as_client("supervision"), f"{ROOT}/event/#") as listener,
        client(shipped.as_client("hall-system")) as hall,
        kiosk_at(shipped.as_client("k1", protocol="3.1.1"), shipped.directory) as kiosk,
    ):
        make_events(kiosk.store, 2)
        await until(lambda: len(heard(listener)) == 2)
        assert await say(hall, f"{ROOT}/command/ticket/take") is None
        assert kiosk.link.session.version is Version.V311


@pytest.fixture
def old_broker() -> Iterator[int]:
    """The port of a real broker that knows 3.1.1 and nothing newer."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "simulators.bench.amqtt_broker", str(port)], cwd=PROJECT)
    yield port
    process.kill()
    process.wait()


async def test_a_broker_without_mqtt_5_gets_every_event(
    old_broker: int, tmp_path: Path, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.mqtt.connection.ANSWER_S", 0.3)  # it says nothing at all to a CONNECT of 5
    where = Broker("127.0.0.1", ROOT, "kioskd-demo-k1", port=old_broker)
    reader = Broker("127.0.0.1", ROOT, "reader", port=old_broker, protocol="3.1.1", session_expiry_s=0)
    async with client(reader, f"{ROOT}/event/#") as listener, kiosk_at(where, tmp_path) as kiosk:
        make_events(kiosk.store, 5)
        await until(lambda: len({message.payload for message in listener.messages}) == 5)
        assert kiosk.link.session.version is Version.V311
        assert await kiosk.store.unsent(0, 10) == []


BRIDGE = """
connection city
address 127.0.0.1:{port}
bridge_protocol_version {version}
cleansession false
restart_timeout 1
topic kioskd/demo/# out 1
topic kioskd/demo/+/command/+/+ in 1
"""


@pytest.mark.parametrize("version", ["mqttv50", "mqttv311"])
async def test_a_bridge_carries_events_up_and_commands_down(
    shipped: ShippedBroker, tmp_path: Path, until: Any, version: str
) -> None:
    (tmp_path / "city").mkdir()
    city = Mosquitto(tmp_path / "city")
    await asyncio.to_thread(city.start)
    shipped.text += BRIDGE.format(port=city.port, version=version)
    await asyncio.to_thread(shipped.stop)
    await started(shipped)
    everything = Broker(city.host, ROOT, "city-program", port=city.port, session_expiry_s=0)
    try:
        async with (
            client(everything, "#") as far,
            client(shipped.as_client("technician"), f"{ROOT}/event/#") as near,
            kiosk_at(shipped.as_client("k1"), tmp_path) as kiosk,
        ):
            make_events(kiosk.store, 5)
            await until(lambda: len(events(far)) == 5 and len(events(near)) == 5, 20)
            assert events(far) == events(near)
            if version == "mqttv50":
                await asyncio.to_thread(city.stop)  # what happens meanwhile waits in the hall
                make_events(kiosk.store, 5)
                await until(lambda: len(events(near)) == 10)
                await asyncio.to_thread(city.start)
                await until(lambda: events(far) == events(near), 20)
            assert await say(far, f"{ROOT}/command/ticket/take") is None
            await until(lambda: kiosk.commands == ["command/ticket/take"])
    finally:
        city.kill()


def events(handler: Recorder) -> list[bytes]:
    return [message.payload for message in handler.messages if "/event/" in message.topic]

"""Certificates for the shipped mosquitto configuration: made as the page says, renewed, and wrong in every way."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.mqtt.end import ConnectionEnded
from daemon.mqtt.session import Session
from daemon.mqtt.version import Version
from tests.broker_client import client, connect, say
from tests.broker_rig import (
    ROOT,
    ShippedBroker,
    make_authority,
    make_broker_certificate,
    make_kiosk_certificate,
    started,
)
from tests.conftest import mosquitto_path
from tests.mqtt_rig import Recorder, quick

pytestmark = pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    """The shipped configuration with passwords, running."""
    broker = await started(ShippedBroker(tmp_path))
    yield broker
    broker.kill()


@pytest.fixture
async def certified(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    """The shipped configuration with client certificates, running."""
    broker = ShippedBroker(tmp_path, certificates=True)
    for name in ("k1", "k2", "hall-system"):
        make_kiosk_certificate(broker.certs, name=name)
    yield await started(broker)
    broker.kill()


async def test_a_certificate_is_the_kiosk_s_name(certified: ShippedBroker) -> None:
    async with client(certified.with_certificate("k1")) as kiosk:
        assert await say(kiosk, f"{ROOT}/status") is None
        assert await say(kiosk, "kioskd/demo/k2/status") == "Not authorized"


def served(broker: ShippedBroker) -> bytes:
    """The certificate that the broker shows now."""
    return ssl.get_server_certificate((broker.host, broker.port)).encode()


def serial(pem: bytes) -> str:
    command = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(command, input=pem, capture_output=True, check=True).stdout.decode()


async def test_a_certificate_is_renewed_on_both_sides_without_a_restart(certified: ShippedBroker, until: Any) -> None:
    handler = Recorder()
    session = Session(certified.with_certificate("k1"), handler, delays=quick)
    task = asyncio.create_task(session.run())
    await until(lambda: handler.connects == 1)
    before = {name: (certified.certs / name).read_bytes() for name in ("ca.pem", "broker.pem", "k1.pem")}
    make_broker_certificate(certified.certs)
    certified.reload()
    await until(lambda: serial(served(certified)) == serial((certified.certs / "broker.pem").read_bytes()))
    assert (handler.connects, handler.reasons) == (1, [])  # what stood still stands
    make_authority(certified.certs)  # now the old ones are worth nothing at all
    make_broker_certificate(certified.certs)
    make_kiosk_certificate(certified.certs)
    assert all((certified.certs / name).read_bytes() != data for name, data in before.items())
    await asyncio.to_thread(certified.stop)
    await started(certified)
    await until(lambda: handler.connects == 2)
    task.cancel()


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    ("plant", "said"),
    [
        ("broker expired", "the broker's certificate is not accepted: certificate has expired"),
        ("broker of another name", "the broker's certificate is not accepted: IP address mismatch"),
        ("another authority", "the broker's certificate is not accepted: "),
        ("kiosk expired", "the broker does not accept our certificate: certificate expired"),
        ("no kiosk certificate", "the broker wants a certificate of ours"),
        ("key of another", "k1.pem: the key does not belong to it"),
        ("no file", "k1.key: No such file or directory"),
        ("no authority", "nowhere.pem: No such file or directory"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_said(
    certified: ShippedBroker, plant: str, said: str, version: Version
) -> None:
    where = certified.with_certificate("k1")
    match plant:
        case "broker expired":
            make_broker_certificate(certified.certs, days=0)
        case "broker of another name":
            make_broker_certificate(certified.certs, address="10.1.2.3")
        case "another authority":
            (certified.certs / "other").mkdir()
            make_authority(certified.certs / "other")
            where = certified.with_certificate("k1", ca_file=certified.certs / "other/ca.pem")
        case "kiosk expired":
            make_kiosk_certificate(certified.certs, days=0)
        case "no kiosk certificate":
            where = certified.with_certificate("k1", cert_file=None, key_file=None)
        case "key of another":
            shutil.copy(certified.certs / "k2.key", certified.certs / "k1.key")
        case "no file":
            (certified.certs / "k1.key").unlink()
        case "no authority":
            where = certified.with_certificate("k1", ca_file=certified.certs / "nowhere.pem")
    if plant.startswith("broker"):
        await asyncio.to_thread(certified.stop)
        await started(certified)
    with pytest.raises(ConnectionEnded) as ended:
        await connect(where, version)
    assert said in str(ended.value)


async def test_tls_where_there_is_none(shipped: ShippedBroker) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectionEnded, match="the broker does not speak TLS on this port"):
            await connect(shipped.as_client("k1", port=server.sockets[0].getsockname()[1]))

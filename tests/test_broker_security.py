"""The shipped mosquitto configuration: who may say and hear what, and what becomes of what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.mqtt.end import Cause, ConnectionEnded
from daemon.mqtt.session import Session
from daemon.statuses import KioskStatus
from tests.broker_client import client, connect, heard, kiosk_at, make_events, say
from tests.broker_rig import (
    ROOT,
    ShippedBroker,
    started,
)
from tests.conftest import mosquitto_path
from tests.mqtt_rig import Recorder, quick

pytestmark = pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")

OTHER = "kioskd/demo/k2"
KIOSK_TOPICS = ("status", "figures", "device/led-1", "counter/1", "queue/a", "event/ticket/issued", "reply/x")


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    """The shipped configuration with passwords, running."""
    broker = await started(ShippedBroker(tmp_path))
    yield broker
    broker.kill()


# who may do what


async def test_a_kiosk_says_what_is_its_own_and_nothing_else(shipped: ShippedBroker, until: Any) -> None:
    async with (
        client(shipped.as_client("hall-system"), "#") as hall,
        client(shipped.as_client("k1")) as kiosk,
    ):
        for topic in KIOSK_TOPICS:
            assert await say(kiosk, f"{ROOT}/{topic}") is None, topic
            assert await say(kiosk, f"{OTHER}/{topic}") == "Not authorized", topic
        for topic in ("command/ticket/take", "event/ticket", "device", "other"):
            assert await say(kiosk, f"{ROOT}/{topic}") == "Not authorized", topic
        for topic in (f"{OTHER}/command/ticket/take", "kioskd/demo/command/ticket/take", "kioskd/all", "anything"):
            assert await say(kiosk, topic) == "Not authorized", topic
        assert await say(hall, "kioskd/demo/k1/command/the/end") is None
        await until(lambda: f"{ROOT}/command/the/end" in heard(hall))
        assert heard(hall) == [*(f"{ROOT}/{topic}" for topic in KIOSK_TOPICS), f"{ROOT}/command/the/end"]


async def test_a_kiosk_hears_its_own_commands_and_nobody_else_s(shipped: ShippedBroker, until: Any) -> None:
    async with (
        client(shipped.as_client("hall-system")) as hall,
        client(shipped.as_client("k2")) as neighbour,
        client(shipped.as_client("k1"), "#") as kiosk,
    ):
        for topic in KIOSK_TOPICS:
            assert await say(neighbour, f"{OTHER}/{topic}", retain=topic.count("/") == 0) is None
        assert await say(hall, f"{OTHER}/command/ticket/take") is None
        assert await say(kiosk, f"{ROOT}/event/ticket/issued") is None
        assert await say(kiosk, f"{ROOT}/reply/x") is None
        assert await say(kiosk, f"{ROOT}/device/gone", b"old", retain=True) is None
        assert await say(hall, f"{ROOT}/command/ticket/take") is None
        await until(lambda: f"{ROOT}/command/ticket/take" in heard(kiosk))
        assert heard(kiosk) == [f"{ROOT}/device/gone", f"{ROOT}/command/ticket/take"]


async def test_what_a_kiosk_retained_is_not_heard_by_another_that_comes_later(shipped: ShippedBroker) -> None:
    async with client(shipped.as_client("k2")) as neighbour:
        assert await say(neighbour, f"{OTHER}/status", retain=True) is None
        assert await say(neighbour, f"{OTHER}/device/led-1", retain=True) is None
    async with client(shipped.as_client("k1"), "#") as kiosk:
        assert await say(kiosk, f"{ROOT}/status", retain=True) is None
        async with asyncio.timeout(10):
            while heard(kiosk) != [f"{ROOT}/status"]:
                assert not heard(kiosk), heard(kiosk)
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(("role", "may_command"), [("hall-system", True), ("technician", True), ("supervision", False)])
async def test_the_roles(shipped: ShippedBroker, until: Any, role: str, may_command: bool) -> None:
    async with (
        client(shipped.as_client("k1"), f"{ROOT}/command/#") as kiosk,
        client(shipped.as_client(role), "#") as integrator,
        client(shipped.as_client("hall-system", client_id="end")) as hall,
    ):
        refusal = await say(integrator, f"{ROOT}/command/ticket/take")
        assert refusal == (None if may_command else "Not authorized")
        for topic in ("event/ticket/issued", "status", "reply/x", "device/led-1"):
            assert await say(integrator, f"{ROOT}/{topic}") == "Not authorized"
        assert await say(kiosk, f"{ROOT}/event/ticket/issued") is None
        await until(lambda: f"{ROOT}/event/ticket/issued" in heard(integrator))
        assert await say(hall, f"{ROOT}/command/the/end") is None
        await until(lambda: f"{ROOT}/command/the/end" in heard(kiosk))
        assert heard(kiosk)[:-1] == ([f"{ROOT}/command/ticket/take"] if may_command else [])


@pytest.mark.parametrize(
    "changes",
    [{"username": None, "password": None}, {"password": "wrong"}, {"username": "nobody"}],
    ids=["anonymous", "wrong password", "unknown name"],
)
async def test_strangers_stay_outside(shipped: ShippedBroker, changes: dict[str, Any]) -> None:
    with pytest.raises(ConnectionEnded, match="the broker refuses") as ended:
        await connect(shipped.as_client("k1", **changes))
    assert ended.value.cause is Cause.REFUSED


async def test_a_refused_event_is_noticed_kept_and_sent_once_permitted(
    shipped: ShippedBroker, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    right = shipped.acl.read_text()
    shipped.acl.write_text(right.replace("pattern write kioskd/demo/%u/event/+/+\n", ""))
    await asyncio.to_thread(shipped.stop)
    await started(shipped)
    async with (
        client(shipped.as_client("supervision"), f"{ROOT}/event/#") as listener,
        kiosk_at(shipped.as_client("k1", client_id="kioskd-demo-k1"), shipped.directory) as kiosk,
    ):
        make_events(kiosk.store, 3)
        await until(lambda: kiosk.link.publisher.refused == 3)
        assert kiosk.published[-1] == 3
        assert "refuses event 1, which is kept: Not authorized" in caplog.text
        kept = await kiosk.store.transact(lambda change: change.rows("SELECT refused FROM event WHERE sent_at IS NULL"))
        assert kept == [("Not authorized",)] * 3
        assert heard(listener) == []
        shipped.acl.write_text(right)
        shipped.reload()
        await until(lambda: len(heard(listener)) == 3)
        await until(lambda: kiosk.link.publisher.refused == 0)
        assert kiosk.published[-1] == 0
        await asyncio.sleep(0)  # the publisher tells the store in the next step
        assert await kiosk.store.unsent(0, 10) == []
        sequences = [message.payload for message in listener.messages]
        assert len(set(sequences)) == 3


async def test_a_refused_status_is_sent_once_permitted(
    shipped: ShippedBroker, until: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("daemon.mqtt.retained.REFUSED_AGAIN_S", 0.1)
    right = shipped.acl.read_text()
    shipped.acl.write_text(right.replace("pattern write kioskd/demo/%u/status\n", ""))
    await asyncio.to_thread(shipped.stop)
    await started(shipped)
    async with (
        client(shipped.as_client("supervision"), f"{ROOT}/status") as listener,
        kiosk_at(shipped.as_client("k1"), shipped.directory) as kiosk,
    ):
        kiosk.link.retained.set("status", KioskStatus(state="online", boot="b", version="1"))
        await until(lambda: "the broker refuses status: Not authorized" in caplog.text)
        shipped.acl.write_text(right)
        shipped.reload()
        await until(lambda: heard(listener) == [f"{ROOT}/status"])


async def test_a_changed_password_is_taken_at_the_next_attempt(
    shipped: ShippedBroker, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Recorder()
    session = Session(shipped.as_client("k1"), handler, delays=quick, refused_wait_s=0.05)
    task = asyncio.create_task(session.run())
    await until(lambda: handler.connects == 1)
    shipped.set_password("k1", "new")
    await asyncio.to_thread(shipped.stop)
    await started(shipped)
    await until(lambda: "the broker refuses: Not authorized" in caplog.text)
    assert handler.connects == 1
    session.move(shipped.as_client("k1", password="new"))  # noqa: S106
    await until(lambda: handler.connects == 2)
    task.cancel()

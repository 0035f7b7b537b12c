"""Statuses and replies: what a broker holds of this kiosk, and what comes back to whoever sent a command."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from daemon.commands import Reply, Status
from daemon.envelope import StoredEvent
from daemon.model import Model
from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.replies import KEPT, Replies, fit_response_topic, reply_topic
from daemon.mqtt.retained import Retained
from daemon.mqtt.uplink import Uplink
from daemon.statuses import KioskStatus

ROOT = "kioskd/hall/k1"
ONLINE = KioskStatus(state="online", boot="b1", version="1")
OFFLINE = KioskStatus(state="offline", boot="b1", version="1")


class Waiting(Model):
    """Any status."""

    waiting: int


class OneEvent:
    """An outbox with a single unsent event."""

    def __init__(self) -> None:
        self.acknowledgements: list[int] = []

    async def unsent(self, after: int, limit: int) -> list[StoredEvent]:
        return [] if after or self.acknowledgements else [StoredEvent(1, "event/a/b", b"{}")]

    def acknowledged(self, sequences: Any) -> None:
        self.acknowledgements += sequences

    def refused(self, sequence: int, reason: str) -> None:
        raise AssertionError(reason)


@contextlib.asynccontextmanager
async def uplink(broker: Any, **options: Any) -> AsyncIterator[Uplink]:
    link = Uplink(
        Broker(broker.host, ROOT, "kioskd-hall-k1", port=broker.port, will_delay_s=0),
        OneEvent(),
        will=OFFLINE,
        on_command=options.get("on_command", lambda message: message.acknowledge()),
        delays=lambda: itertools.repeat(0.05),
        strangers_s=0.1,
    )
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def relative(listener: Any) -> list[str]:
    return [heard.topic.removeprefix(f"{ROOT}/") for heard in list(listener.messages)]


async def test_statuses_come_before_events_and_are_retained(broker: Any, listen: Any, until: Any) -> None:
    listener = listen()
    async with uplink(broker) as link:
        link.retained.set("status", ONLINE)
        link.retained.set("queue/a", Waiting(waiting=1))
        await until(lambda: len(listener.messages) == 3)
        assert relative(listener) == ["status", "queue/a", "event/a/b"]
        late = listen()
        await until(lambda: len(late.messages) == 2)
        assert all(heard.retain for heard in late.messages)
        assert json.loads(late.on(f"{ROOT}/status")[0])["state"] == "online"


async def test_statuses_are_sent_again_to_a_broker_that_lost_them(broker: Any, listen: Any, until: Any) -> None:
    async with uplink(broker) as link:
        link.retained.set("status", ONLINE)
        link.retained.set("queue/a", Waiting(waiting=1))
        await until(lambda: link.connected and link.retained.settled)
        await asyncio.to_thread(broker.kill)  # with persistence off: it forgets everything
        link.retained.set("queue/a", Waiting(waiting=2))
        await asyncio.to_thread(broker.start)
        listener = listen()
        await until(lambda: len(listener.messages) >= 2)
        assert json.loads(listener.on(f"{ROOT}/queue/a")[-1])["waiting"] == 2


async def test_a_removed_device_leaves_the_broker(broker: Any, listen: Any, until: Any) -> None:
    async with uplink(broker) as link:
        link.retained.set("status", ONLINE)
        link.retained.set("queue/a", Waiting(waiting=1))
        await until(lambda: link.connected and link.retained.settled)
        link.retained.clear("queue/a")
        assert link.retained.topics == ("status",)
        await until(lambda: link.retained.settled)
        listener = listen()
        await until(lambda: listener.messages)
        await asyncio.sleep(0.05)
        assert relative(listener) == ["status"]


async def test_what_an_earlier_run_left_is_cleared_and_nothing_else(broker: Any, listen: Any, until: Any) -> None:
    before = listen()
    old = ["device/old", "counter/old", "queue/old", "alerts", "readiness", "figures", "figures/previous"]
    for topic in [*old, "queue/a", "event/a/b"]:
        before.publish(f"{ROOT}/{topic}", b"of before", retain=True)
    before.publish("kioskd/hall/k2/device/old", b"another kiosk's", retain=True)
    async with uplink(broker) as link:
        link.retained.set("queue/a", Waiting(waiting=1))
        await until(lambda: all(before.on(f"{ROOT}/{topic}")[-1] == b"" for topic in old))
        await until(lambda: link.retained.settled)
        assert link.retained.topics == ("queue/a",)
    after = listen()
    await until(lambda: len(after.messages) == 3)
    assert after.on("kioskd/hall/k2/device/old") == [b"another kiosk's"]
    assert after.on(f"{ROOT}/event/a/b") == [b"of before"], "no status: whoever retained it may take it away"
    assert before.on(f"{ROOT}/queue/a")[1:] == [Waiting(waiting=1).model_dump_json().encode()]


async def test_the_last_word_is_offline_and_there_is_no_will(broker: Any, listen: Any, until: Any) -> None:
    listener = listen(f"{ROOT}/status")
    async with uplink(broker) as link:
        link.retained.set("status", ONLINE)
        await until(lambda: link.connected)
        assert await link.farewell(OFFLINE)
    await asyncio.sleep(0.1)
    states = [json.loads(payload)["state"] for payload in listener.on(f"{ROOT}/status")]
    assert states == ["online", "offline"]


async def test_a_farewell_to_nobody_is_short(mosquitto: Any) -> None:
    async with uplink(mosquitto) as link:
        assert not await link.farewell(OFFLINE, within_s=0.05)


async def test_the_will_is_the_offline_status(broker: Any, cutter: Any, listen: Any, until: Any) -> None:
    listener = listen(f"{ROOT}/status")
    async with uplink(cutter) as link:
        link.retained.set("status", ONLINE)
        await until(lambda: listener.messages)
        cutter.refuse = True
        cutter.cut()
        await until(lambda: len(listener.messages) == 2)
    assert json.loads(listener.messages[1].payload) == {**ONLINE.model_dump(mode="json"), "state": "offline"}


async def test_a_reply_finds_its_way_back(broker: Any, listen: Any, until: Any) -> None:
    listener, taken = listen(), []

    def answer(message: Incoming) -> None:
        taken.append(message)
        link.replies.send(Reply(id="c1", status=Status.DONE), message)
        message.acknowledge()

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = "app/7/answers"
    properties.CorrelationData = b"\x00\x07"
    async with uplink(broker, on_command=answer) as link:
        await until(lambda: link.connected)
        listener.publish(f"{ROOT}/command/a/b", b"{}", properties=properties)
        await until(lambda: listener.on("app/7/answers"))
        listener.publish(f"{ROOT}/command/a/b", b"{}")
        await until(lambda: listener.on(f"{ROOT}/reply/c1"))
    heard = next(heard for heard in listener.messages if heard.topic == "app/7/answers")
    assert heard.properties.CorrelationData == b"\x00\x07"
    assert json.loads(heard.payload)["status"] == "done"
    assert len(listener.on(f"{ROOT}/reply/c1")) == 1
    assert not any(heard.retain for heard in listener.messages)


async def test_a_reply_made_while_away_comes_later(mosquitto: Any, listen: Any, until: Any) -> None:
    async with uplink(mosquitto) as link:
        link.replies.send(Reply(id="c1", status=Status.DONE))
        # the listener is there first: a reply is not kept by the broker
        await asyncio.to_thread(mosquitto.start)
        listener = listen()
        link.replies.send(Reply(id="c2", status=Status.DONE))
        await until(lambda: listener.on(f"{ROOT}/reply/c2"))


@pytest.mark.parametrize(
    "topic",
    [
        "", "a/#", "a/+/b", "$SYS/broker", "$share/g/t", "a\x00b", "a\nb", "x" * 1025,
        ROOT, f"{ROOT}/status", f"{ROOT}/event/rating/submitted", f"{ROOT}/command/ticket/take", f"{ROOT}/replyx",
        "kioskd/hall/k2/command/ticket/take", "command/x",
    ],
)  # fmt: skip
def test_a_response_topic_that_would_do_harm_is_not_used(topic: str) -> None:
    assert not fit_response_topic(ROOT, topic)
    request = Incoming("command/a/b", b"", False, topic, b"c", lambda: None)
    assert reply_topic(ROOT, Reply(id="c1", status=Status.DONE), request) == (f"{ROOT}/reply/c1", None)


@pytest.mark.parametrize("topic", ["answers", "app/7/answers", f"{ROOT}/reply/mine", f"{ROOT}x/status", "/a"])
def test_any_other_response_topic_is_used(topic: str) -> None:
    assert fit_response_topic(ROOT, topic)


def test_an_id_that_is_no_name_becomes_no_topic() -> None:
    for bad in ("", "a/b", "#", "a b", "x" * 65):
        assert reply_topic(ROOT, Reply(id=bad, status=Status.REJECTED), None) is None


def test_replies_are_bounded_and_the_oldest_go_first() -> None:
    replies = Replies(ROOT, lambda: None)
    for number in range(KEPT + 5):
        replies.send(Reply(id=f"c{number}", status=Status.DONE))
    first = replies.next()
    assert first is not None
    assert first.topic == f"{ROOT}/reply/c5"
    assert replies.dropped == 5


def test_replies_in_flight_are_sent_again_in_order() -> None:
    replies = Replies(ROOT, lambda: None)
    for number in range(4):
        replies.send(Reply(id=f"c{number}", status=Status.DONE))
    sent = [replies.next(), replies.next(), replies.next()]
    assert sent[1] is not None
    sent[1].settled(None)
    replies.on_disconnected()
    assert topics_of(replies) == [f"{ROOT}/reply/c{number}" for number in (0, 2, 3)]
    assert replies.settled is False


def topics_of(source: Replies | Retained) -> list[str]:
    found: list[Outgoing] = []
    while (outgoing := source.next()) is not None:
        found.append(outgoing)
    return [outgoing.topic for outgoing in found]


async def test_a_status_that_changes_on_its_way_is_sent_once_more_with_the_last_only() -> None:
    retained = Retained(ROOT, lambda: None)
    retained.set("queue/a", Waiting(waiting=1))
    first = retained.next()
    for waiting in (2, 3, 4):
        retained.set("queue/a", Waiting(waiting=waiting))
    assert retained.next() is None, "two at once could arrive in the wrong order"
    assert first is not None
    first.settled(None)
    second = retained.next()
    assert second is not None
    assert json.loads(second.payload)["waiting"] == 4
    second.settled("Not authorized")
    assert retained.settled


def test_a_status_that_did_not_change_is_not_sent() -> None:
    pumped: list[None] = []
    retained = Retained(ROOT, lambda: pumped.append(None))
    retained.set("status", ONLINE)
    retained.set("status", ONLINE)
    assert len(pumped) == 1
    assert topics_of(retained) == [f"{ROOT}/status"]

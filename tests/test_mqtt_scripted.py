"""The session against a broker that misbehaves, or says what mosquitto never says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from daemon.mqtt.broker import Broker, Incoming, Outgoing
from daemon.mqtt.session import Session
from tests.scripted_broker import ACCEPTED, DISCONNECT, PINGREQ, PUBACK, PUBLISH, ScriptedBroker, packet_id


class Recorder:
    def __init__(self) -> None:
        self.connects = 0
        self.reasons: list[str] = []
        self.messages: list[Incoming] = []
        self.to_send: deque[Outgoing] = deque()
        self.answers: list[str | None] = []

    def on_connected(self) -> None:
        self.connects += 1

    def on_disconnected(self, reason: str) -> None:
        self.reasons.append(reason)

    def on_message(self, message: Incoming) -> None:
        self.messages.append(message)

    def next(self) -> Outgoing | None:
        return self.to_send.popleft() if self.to_send else None

    def offer(self, payload: bytes = b"{}") -> None:
        self.to_send.append(Outgoing("r/event/a/b", payload, settled=self.answers.append))


@contextlib.asynccontextmanager
async def against(
    broker: ScriptedBroker,
    handler: Recorder,
    protocol: Any = "auto",
    delays: Callable[[], Any] | None = None,
    **more: Any,
) -> AsyncIterator[Session]:
    server = await asyncio.start_server(broker.accept, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    where = Broker("127.0.0.1", "r", "kioskd-a-b", port=broker.port, protocol=protocol, **more)
    waits = delays or (lambda: itertools.repeat(0.02))
    session = Session(where, handler, subscriptions=("command/#",), delays=waits, refused_wait_s=60)
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()
        await broker.close()
        await server.wait_closed()


def connack(properties: str) -> bytes:
    body = bytes.fromhex(properties)
    return b"\x20" + bytes([3 + len(body), 0, 0, len(body)]) + body


async def test_never_more_in_flight_than_the_receive_maximum(until: Any) -> None:
    broker, handler = ScriptedBroker(connack("21 0005")), Recorder()
    for _ in range(12):
        handler.offer()
    async with against(broker, handler):
        await until(lambda: len(broker.of(PUBLISH)) == 5)
        await asyncio.sleep(0.05)
        assert len(broker.of(PUBLISH)) == 5
        broker.acknowledge(packet_id(broker.of(PUBLISH)[2]))
        broker.acknowledge(packet_id(broker.of(PUBLISH)[0]))
        await until(lambda: len(broker.of(PUBLISH)) == 7)
        assert handler.answers == [None, None]


async def test_the_window_without_a_receive_maximum_is_twenty(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    for _ in range(50):
        handler.offer()
    async with against(broker, handler):
        await until(lambda: len(broker.of(PUBLISH)) == 20)
        await asyncio.sleep(0.05)
        assert len(broker.of(PUBLISH)) == 20


async def test_longer_than_the_brokers_maximum_is_refused_here_and_the_next_goes_out(until: Any) -> None:
    broker, handler = ScriptedBroker(connack("27 00000100"), acknowledging=True), Recorder()
    handler.offer(b"x" * 300)
    handler.offer(b"y")
    async with against(broker, handler):
        await until(lambda: len(handler.answers) == 2)
        assert "256 bytes" in str(handler.answers[0])
        assert handler.answers[1] is None
        assert len(broker.of(PUBLISH)) == 1


async def test_the_servers_keep_alive_is_kept(until: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("daemon.mqtt.connection.TICK_S", 0.05)
    broker, handler = ScriptedBroker(connack("13 0001")), Recorder()
    async with against(broker, handler, keepalive_s=600):
        await until(lambda: len(broker.of(PINGREQ)) >= 2, within_s=5)
    assert handler.reasons == []


async def test_a_broker_that_never_acknowledges_is_left(until: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("daemon.mqtt.connection.TICK_S", 0.02)
    monkeypatch.setattr("daemon.mqtt.connection.ACKNOWLEDGE_S", 0.1)
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    handler.offer()
    async with against(broker, handler):
        await until(lambda: handler.connects == 2)
    assert "not acknowledged" in handler.reasons[0]
    assert handler.answers == []


async def test_a_broker_that_never_answers_connect_is_left(until: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("daemon.mqtt.connection.ANSWER_S", 0.1)
    broker, handler = ScriptedBroker(b"", ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)


async def test_puback_codes_count_not_their_arrival(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    for _ in range(4):
        handler.offer()
    async with against(broker, handler):
        await until(lambda: len(broker.of(PUBLISH)) == 4)
        numbers = [packet_id(body) for body in broker.of(PUBLISH)]
        broker.acknowledge(numbers[0], bytes.fromhex("87 00"))  # not authorized
        broker.acknowledge(numbers[1], bytes.fromhex("97 06 1f 0003 616263"))  # quota exceeded, reason "abc"
        broker.acknowledge(numbers[2], bytes.fromhex("10 00"))  # no matching subscribers: the broker has it
        broker.acknowledge(numbers[3])
        broker.acknowledge(999)  # nobody's
        await until(lambda: len(handler.answers) == 4)
    assert handler.answers == ["Not authorized", "Quota exceeded: abc", None, None]


@pytest.mark.parametrize(
    ("first", "versions"),
    [
        ("2002 00 01", [5, 4]),  # an old broker's CONNACK: unacceptable protocol version
        ("2003 00 84 00", [5, 4]),  # a new broker's: unsupported protocol version
    ],
)
async def test_falls_back_at_once_when_the_version_is_refused(first: str, versions: list[int], until: Any) -> None:
    broker, handler = ScriptedBroker(bytes.fromhex(first), bytes.fromhex("2002 00 00")), Recorder()
    async with against(broker, handler, delays=lambda: itertools.repeat(60)) as session:
        await until(lambda: handler.connects)
        assert session.version is not None
        assert session.version.value == "3.1.1"
    assert broker.versions == versions


async def test_falls_back_when_a_broker_hangs_up_on_5(until: Any) -> None:
    broker, handler = ScriptedBroker(None, None, bytes.fromhex("2002 00 00")), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
    assert broker.versions == [5, 5, 4]


async def test_a_broker_without_3_is_not_asked_for_still_older(until: Any) -> None:
    broker, handler = ScriptedBroker(bytes.fromhex("2002 00 01"), bytes.fromhex("2002 00 00")), Recorder()
    async with against(broker, handler, protocol="3.1.1"):
        await until(lambda: handler.connects)
    assert broker.versions == [4, 4]


@pytest.mark.parametrize("code", ["86", "87", "8a"])
async def test_refused_credentials_wait_the_longest(code: str, until: Any, caplog: Any) -> None:
    broker, handler = ScriptedBroker(bytes.fromhex(f"2003 00 {code} 00")), Recorder()
    async with against(broker, handler):
        await until(lambda: "refuses" in caplog.text)
        await asyncio.sleep(0.2)  # ten of the short waits
    assert len(broker.versions) == 1


async def test_a_session_taken_over_waits_the_longest(until: Any, caplog: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        broker.send(bytes.fromhex("e002 8e 00"))
        await until(lambda: handler.reasons)
        await asyncio.sleep(0.2)
    assert handler.reasons == ["the broker disconnects: Session taken over"]
    assert handler.connects == 1


async def test_without_quality_of_service_1_there_is_no_session(until: Any, caplog: Any) -> None:
    broker, handler = ScriptedBroker(connack("24 00")), Recorder()
    async with against(broker, handler):
        await until(lambda: "takes no QoS 1" in caplog.text)
    assert handler.connects == 0


async def test_acknowledgements_go_in_the_order_of_the_messages(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        for number in (7, 8, 9):
            broker.send(bytes.fromhex("3210 000b") + b"r/command/a" + number.to_bytes(2) + b"\x00")
        await until(lambda: len(handler.messages) == 3)
        handler.messages[2].acknowledge()
        handler.messages[1].acknowledge()
        await asyncio.sleep(0.05)
        assert broker.of(PUBACK) == []
        handler.messages[0].acknowledge()
        handler.messages[0].acknowledge()
        await until(lambda: len(broker.of(PUBACK)) == 3)
    assert [body[:2] for body in broker.of(PUBACK)] == [b"\x00\x07", b"\x00\x08", b"\x00\x09"]


async def test_a_late_acknowledgement_says_nothing_on_the_next_connection(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        broker.send(bytes.fromhex("3210 000b") + b"r/command/a" + b"\x00\x07\x00")
        await until(lambda: handler.messages)
        broker.send(bytes.fromhex("e002 8b 00"))  # server shutting down
        await until(lambda: handler.connects == 2)
        handler.messages[0].acknowledge()
        await asyncio.sleep(0.05)
    assert broker.of(PUBACK) == []


async def test_a_command_stays_unacknowledged_until_somebody_says_so(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        broker.send(bytes.fromhex("3210 000b") + b"r/command/a" + b"\x00\x07\x00")
        await until(lambda: handler.messages)
        await asyncio.sleep(0.05)
        assert broker.of(PUBACK) == []
        handler.messages[0].acknowledge()
        await until(lambda: len(broker.of(PUBACK)) == 1)


@pytest.mark.parametrize("noise", ["f0ff ffff ff7f", "3005 ffff 616263", "4001 00", "2003 0000ff"])
async def test_nonsense_ends_the_connection_and_nothing_else(noise: str, until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        broker.send(bytes.fromhex(noise))
        await until(lambda: handler.connects == 2)


async def test_a_topic_that_is_no_text_is_nobodys(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
        broker.send(bytes.fromhex("3207 0002 fffe 0001 00"))
        await until(lambda: handler.messages)
    assert handler.messages[0].topic == "\ufffd"


async def test_stopping_says_goodbye(until: Any) -> None:
    broker, handler = ScriptedBroker(ACCEPTED), Recorder()
    async with against(broker, handler):
        await until(lambda: handler.connects)
    assert broker.packets[-1:] == [(DISCONNECT, b"")]

"""The session against a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from daemon.mqtt.broker import Broker
from daemon.mqtt.session import Session
from daemon.mqtt.version import Version
from tests.mqtt_rig import ROOT, Recorder, at, running


@pytest.mark.parametrize(("setting", "version"), [("5", Version.V5), ("3.1.1", Version.V311), ("auto", Version.V5)])
async def test_connects_and_carries_both_ways(
    broker: Any, listen: Any, setting: Any, version: Version, until: Any
) -> None:
    listener, handler = listen(), Recorder()
    async with running(at(broker, protocol=setting), handler) as session:
        await until(lambda: handler.connects)
        assert session.version is version
        handler.offer("event/a/b", b'{"n":1}')
        session.pump()
        await until(lambda: handler.answers == [("event/a/b", None)])
        await until(lambda: listener.on(f"{ROOT}/event/a/b") == [b'{"n":1}'])
        listener.publish(f"{ROOT}/command/ticket/take", b"do")
        await until(lambda: handler.messages)
    message = handler.messages[0]
    assert (message.topic, message.payload, message.retained) == ("command/ticket/take", b"do", False)


async def test_version_5_carries_what_payloads_are(broker: Any, listen: Any, until: Any) -> None:
    listener, handler = listen(), Recorder()
    handler.offer("reply/1", content_type="application/json", correlation_data=b"\x00\xff")
    async with running(at(broker), handler):
        await until(lambda: listener.on(f"{ROOT}/reply/1"))
    heard = listener.messages[0].properties
    assert (heard.ContentType, heard.CorrelationData, heard.PayloadFormatIndicator) == (
        "application/json",
        b"\x00\xff",
        1,
    )


async def test_a_commands_response_topic_and_correlation_data_arrive(broker: Any, listen: Any, until: Any) -> None:
    listener, handler = listen(), Recorder()
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = "app/answers"
    properties.CorrelationData = b"\x01\x02"
    async with running(at(broker), handler):
        await until(lambda: handler.connects)
        listener.publish(f"{ROOT}/command/a/b", b"x", properties=properties)
        await until(lambda: handler.messages)
    assert (handler.messages[0].response_topic, handler.messages[0].correlation_data) == ("app/answers", b"\x01\x02")


@pytest.mark.parametrize("setting", ["5", "3.1.1"])
async def test_a_retained_command_is_known_by_its_flag(broker: Any, listen: Any, setting: Any, until: Any) -> None:
    listener, handler = listen(), Recorder()
    listener.publish(f"{ROOT}/command/a/b", b"old", retain=True)
    async with running(at(broker, protocol=setting), handler):
        await until(lambda: handler.messages)
    assert handler.messages[0].retained


async def test_version_5_knows_a_retained_command_at_once(broker: Any, listen: Any, until: Any) -> None:
    listener, handler = listen(), Recorder()
    async with running(at(broker), handler):
        await until(lambda: handler.connects)
        listener.publish(f"{ROOT}/command/a/b", b"new", retain=True)
        await until(lambda: handler.messages)
    assert handler.messages[0].retained


@pytest.mark.parametrize("setting", ["5", "3.1.1"])
async def test_a_command_comes_again_until_it_is_acknowledged(
    broker: Any, listen: Any, setting: Any, until: Any
) -> None:
    listener, first, second = listen(), Recorder(), Recorder()
    first.acknowledge = False
    async with running(at(broker, protocol=setting), first):
        await until(lambda: first.connects)
        listener.publish(f"{ROOT}/command/a/b", b"once")
        await until(lambda: first.messages)
    async with running(at(broker, protocol=setting), second):
        await until(lambda: second.messages)
        first.messages[0].acknowledge()  # of a connection that is over: says nothing to this one
    assert second.messages[0].payload == b"once"
    third = Recorder()
    async with running(at(broker, protocol=setting), third):
        await until(lambda: third.connects)
        listener.publish(f"{ROOT}/command/a/b", b"last")
        await until(lambda: third.messages)
    assert [message.payload for message in third.messages] == [b"last"]


async def test_a_command_sent_while_away_is_kept_by_the_broker(broker: Any, listen: Any, until: Any) -> None:
    listener, handler = listen(), Recorder()
    async with running(at(broker), handler):
        await until(lambda: handler.connects)
    listener.publish(f"{ROOT}/command/a/b", b"meanwhile")
    async with running(at(broker), handler):
        await until(lambda: handler.messages)
    assert handler.messages[0].payload == b"meanwhile"


async def test_a_megabyte_goes_and_comes(broker: Any, listen: Any, until: Any) -> None:
    listener, handler = listen(f"{ROOT}/event/#"), Recorder()
    payload = bytes(range(256)) * 4096
    async with running(at(broker), handler) as session:
        await until(lambda: handler.connects)
        handler.offer("event/a/b", payload)
        session.pump()
        await until(lambda: listener.on(f"{ROOT}/event/a/b") == [payload])
        listener.publish(f"{ROOT}/command/a/b", payload)
        await until(lambda: handler.messages)
    assert handler.messages[0].payload == payload


async def test_a_refused_message_does_not_count_as_sent(mosquitto: Any, until: Any) -> None:
    acl = mosquitto.directory / "acl"
    acl.write_text(f"topic readwrite {ROOT}/status\ntopic read {ROOT}/command/#\n", encoding="utf-8")
    acl.chmod(0o600)
    mosquitto.config += f"acl_file {acl}\n"
    mosquitto.start()
    handler = Recorder()
    handler.offer("event/a/b")
    handler.offer("status")
    async with running(at(mosquitto), handler):
        await until(lambda: len(handler.answers) == 2)
    assert handler.answers[0][1] is not None
    assert "Not authorized" in handler.answers[0][1]
    assert handler.answers[1] == ("status", None)


def password_file(broker: Any, user: str, password: str) -> Path:
    path: Path = broker.directory / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", path, user, password], check=True)
    return path


async def test_a_wrong_password_waits_the_longest(mosquitto: Any, caplog: Any, until: Any) -> None:
    mosquitto.config = f"allow_anonymous false\npassword_file {password_file(mosquitto, 'k1', 'right')}\n"
    mosquitto.start()
    attempts = itertools.count()
    handler = Recorder()

    def counted() -> Iterator[float]:
        while True:
            next(attempts)
            yield 0.01

    wrong = at(mosquitto, username="k1", password="wr0ng-s3cret")  # noqa: S106
    async with running(wrong, handler, delays=counted, refused_wait_s=60):
        await until(lambda: "refuses" in caplog.text)
        assert next(attempts) == 0, "the short back-off was asked"
    assert "wr0ng-s3cret" not in caplog.text + repr(wrong)
    async with running(at(mosquitto, username="k1", password="right"), handler):  # noqa: S106
        await until(lambda: handler.connects)


async def test_a_broker_that_appears_later_is_found(mosquitto: Any, until: Any) -> None:
    handler = Recorder()
    async with running(at(mosquitto), handler):
        await asyncio.sleep(0)
        mosquitto.start()
        await until(lambda: handler.connects)


async def test_a_broker_that_dies_and_returns(broker: Any, until: Any) -> None:
    handler = Recorder()
    async with running(at(broker), handler):
        for connects in (1, 2, 3):
            await until(lambda: handler.connects == connects)  # noqa: B023 (awaited here)
            await asyncio.to_thread(broker.kill)
            await until(lambda: len(handler.reasons) == connects)  # noqa: B023 (awaited here)
            await asyncio.to_thread(broker.start)


async def test_the_will_waits_and_a_goodbye_cancels_it(broker: Any, listen: Any, cutter: Any, until: Any) -> None:
    listener, handler = listen(f"{ROOT}/status"), Recorder()
    delayed = at(broker, will_delay_s=1)
    async with running(delayed, handler, will=b"gone"):
        await until(lambda: handler.connects)
    await asyncio.sleep(1.2)
    assert listener.messages == [], "a will after a goodbye"
    # a connection that is cut, and back within the delay, then cut for good
    async with running(at(cutter, will_delay_s=1), handler, will=b"gone"):
        await until(lambda: handler.connects == 2)
        cutter.cut()
        await until(lambda: handler.connects == 3)
        await asyncio.sleep(1.2)
        assert listener.messages == [], "a will in spite of being back in time"
        cutter.refuse = True
        cutter.cut()
        since_s = time.monotonic()
        await until(lambda: listener.on(f"{ROOT}/status") == [b"gone"])
        assert time.monotonic() - since_s > 0.5


@pytest.mark.parametrize("stage", ["before TCP", "before CONNACK"])
async def test_stopping_does_not_wait_for_a_broker_that_never_answers(stage: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as black_hole:
        host, port = black_hole.getsockname()
        fillers = []
        if stage == "before TCP":  # a full backlog: the kernel drops further SYNs
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((host, port))
                fillers.append(filler)
        broker = Broker(host=host, port=port, root=ROOT, client_id="k")
        handler = Recorder()
        task = asyncio.create_task(Session(broker, handler).run())
        await asyncio.sleep(0.2)
        since_s = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert time.monotonic() - since_s < 1
        for filler in fillers:
            filler.close()
    assert handler.connects == 0


def make_certificate(directory: Path, name: str) -> None:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files]
    subprocess.run(made, cwd=directory, check=True, capture_output=True)


async def test_tls_with_the_right_and_the_wrong_authority(mosquitto: Any, caplog: Any, until: Any) -> None:
    for name in ("ours", "other"):
        make_certificate(mosquitto.directory, name)
    directory = mosquitto.directory
    mosquitto.config += f"cafile {directory}/ours.crt\ncertfile {directory}/ours.crt\nkeyfile {directory}/ours.key\n"
    mosquitto.start()
    handler = Recorder()
    tls = {"host": "localhost", "tls": True}
    async with running(at(mosquitto, ca_file=directory / "other.crt", **tls), handler):
        await until(lambda: "certificate is not accepted" in caplog.text)
    async with running(at(mosquitto, ca_file=directory / "missing.crt", **tls), handler):
        await until(lambda: "No such file" in caplog.text)
    assert handler.connects == 0
    payload = b"x" * 300_000
    async with running(at(mosquitto, ca_file=directory / "ours.crt", **tls), handler) as session:
        await until(lambda: handler.connects)
        # larger than a TLS record, from both sides: nothing may be left inside the TLS layer
        for index in range(3):
            handler.offer(f"command/echo/{index}", payload)
        session.pump()
        await until(lambda: len(handler.messages) == 3)
    assert [message.payload for message in handler.messages] == [payload] * 3


async def test_moving_to_another_broker_leaves_the_will_behind(
    broker: Any, cutter: Any, listen: Any, until: Any
) -> None:
    listener, handler = listen(f"{ROOT}/status"), Recorder()
    elsewhere = at(broker, port=1, will_delay_s=0)
    async with running(at(cutter, will_delay_s=0), handler, will=b"gone") as session:
        await until(lambda: handler.connects)
        session.move(elsewhere)
        await until(lambda: listener.on(f"{ROOT}/status") == [b"gone"])
        assert handler.reasons == ["another broker is wanted"]
        session.move(at(broker))
        await until(lambda: handler.connects == 2)


async def test_moving_ends_a_long_wait(broker: Any, until: Any, caplog: Any) -> None:
    handler = Recorder()
    async with running(at(broker, port=1), handler, delays=lambda: itertools.repeat(60)) as session:
        await until(lambda: "no connection" in caplog.text)
        session.move(at(broker))
        await until(lambda: handler.connects)

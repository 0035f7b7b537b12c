"""Commands as strangers send them: each refused with its reason, counted, and without effect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.conftest import Listen, Mosquitto
from tests.harness import ROOT, SimulatedKiosk, until


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        yield simulated


def request(command: str = "c-1", deadline_s: float = 30, **data: Any) -> dict[str, Any]:
    deadline = datetime.now(UTC) + timedelta(seconds=deadline_s)
    return {"id": command, "deadline": deadline.isoformat(), "data": data}


def raw(**changes: Any) -> bytes:
    # an hour: these are made when the file is read, long before some of them are sent
    return json.dumps(request(deadline_s=3600, service="a") | changes).encode()


HOSTILE = [
    ("ticket/take", b"", "unidentified", "not-json"),
    ("ticket/take", b"\xff\xfe\x00", "unidentified", "not-utf8"),
    ("ticket/take", b"[" * 10_000, "unidentified", "not-json"),
    ("ticket/take", b"null", "unidentified", "invalid"),
    ("ticket/take", b"[1, 2]", "unidentified", "invalid"),
    ("ticket/take", b"x" * 1_000_000, "unidentified", "too-large"),
    ("ticket/take", raw(id="../status"), "unidentified", "invalid"),
    ("ticket/take", raw(id="a" * 65), "unidentified", "invalid"),
    ("ticket/take", raw(id=7), "unidentified", "invalid"),
    ("ticket/take", raw(deadline="soon"), "c-1", "invalid"),
    ("ticket/take", raw(deadline="2026-11-21T08:00:00"), "c-1", "invalid"),  # no time zone
    ("ticket/take", raw(more=1), "c-1", "invalid"),
    ("ticket/take", raw(data={"service": "a", "vip": True}), "c-1", "invalid"),
    ("ticket/take", raw(data={"service": ["a"]}), "c-1", "invalid"),
    ("ticket/take", raw(data={}), "c-1", "invalid"),
    ("ticket/take", raw(data={"service": "b"}), "c-1", "unknown-service"),
    ("ticket/next", raw(data={"counter": "9"}), "c-1", "unknown-counter"),
    ("ticket/recall", raw(data={"counter": "1"}), "c-1", "no-ticket"),
    ("rating/cancel", raw(data={"counter": "1"}), "c-1", "no-session"),
    ("display/show", raw(data={"display": "led-9", "text": "x"}), "c-1", "unknown-display"),
    ("ticket/tkae", raw(), "c-1", "unknown-command"),
    ("ticket", raw(), "c-1", "unknown-command"),
    ("ticket/take/more", raw(), "c-1", "unknown-command"),
    ("票/取", raw(), "c-1", "unknown-command"),
]


async def test_each_hostile_command_is_refused_with_its_reason_counted_and_without_effect(
    kiosk: SimulatedKiosk,
) -> None:
    await kiosk.quiet()
    before = len(kiosk.events())
    for count, (name, template, named, reason) in enumerate(HOSTILE, 1):
        # an id that a rule refused is used up: every command here gets one of its own
        payload, command = template.replace(b"c-1", b"c-%d" % count), named.replace("c-1", f"c-{count}")
        heard = len(kiosk.replies(command))
        kiosk.listener.publish(f"{ROOT}/command/{name}", payload)
        await until(lambda c=command, n=heard: len(kiosk.replies(c)) > n, f"a reply to {name} {payload[:60]!r}")  # type: ignore[misc]
        reply = kiosk.replies(command)[-1]
        assert (reply["status"], reply["reason"]) == ("rejected", reason), (name, payload[:80])
        assert reply["detail"]
    await until(lambda: kiosk.status("status")["commands_refused"] == len(HOSTILE), "the count of refusals")
    assert kiosk.events()[before:] == []
    assert (await kiosk.ask("ticket/take", service="a"))["data"]["number"] == "A001"


async def test_a_retained_command_is_refused_at_every_start(kiosk: SimulatedKiosk) -> None:
    await kiosk.stop()
    kiosk.listener.publish(f"{ROOT}/command/ticket/take", json.dumps(request(service="a")).encode(), retain=True)
    for _ in range(2):
        kiosk.start()
        await until(lambda: kiosk.status("status").get("commands_refused", 0) >= 1, "the refusal")
        assert kiosk.replies("c-1")[-1]["reason"] == "retained"
        await kiosk.stop()
    assert kiosk.events("ticket.issued") == []


async def test_a_command_past_its_deadline_is_not_done(kiosk: SimulatedKiosk) -> None:
    reply = await kiosk.answer(kiosk.send("ticket/take", service="a", deadline_s=-0.1))
    assert (reply["status"], reply["reason"]) == ("expired", "expired")
    assert kiosk.events("ticket.issued") == []


async def test_a_repeated_id_gets_the_first_answer_again_even_after_a_restart(kiosk: SimulatedKiosk) -> None:
    payload = json.dumps(request("once", service="a")).encode()
    topic = f"{ROOT}/command/ticket/take"
    for _ in range(3):
        kiosk.listener.publish(topic, payload)
    first = await kiosk.answer("once")
    kiosk.kill()
    kiosk.start()
    await kiosk.ready()
    heard = len(kiosk.replies("once"))
    kiosk.listener.publish(topic, payload)
    await until(lambda: len(kiosk.replies("once")) > heard, "the answer again")
    finals = [reply for reply in kiosk.replies("once") if reply["status"] != "accepted"]
    assert finals == [first] * len(finals)
    assert first["data"]["number"] == "A001"
    assert len({event["id"] for event in kiosk.events("ticket.issued")}) == 1
    assert len(kiosk.slips) == 1


async def test_what_a_rule_refused_stays_refused_under_its_id(kiosk: SimulatedKiosk) -> None:
    command = kiosk.send("ticket/next", counter="1")
    assert (await kiosk.answer(command))["reason"] == "nothing-waiting"
    await kiosk.ask("ticket/take", service="a")
    kiosk.send("ticket/next", command=command, counter="1", deadline_s=40)
    await until(lambda: len(kiosk.replies(command)) == 2, "the answer again")
    assert kiosk.replies(command)[1] == kiosk.replies(command)[0]
    assert kiosk.events("ticket.called") == []


async def test_an_id_used_for_another_command_is_refused(kiosk: SimulatedKiosk) -> None:
    command = kiosk.send("ticket/take", service="a")
    await kiosk.answer(command)
    heard = len(kiosk.replies(command))
    kiosk.send("ticket/next", command=command, counter="1")
    await until(lambda: len(kiosk.replies(command)) > heard, "the refusal")
    assert kiosk.replies(command)[-1]["reason"] == "id-reused"
    assert kiosk.events("ticket.called") == []


@pytest.mark.parametrize("control", ["\x1b@", "\x1d!\x77", "\x1c.", "\x10\x04\x01", "\x01", "\x00", "\x7f", "\x9b"])
async def test_no_control_character_reaches_a_board(kiosk: SimulatedKiosk, control: str) -> None:
    reply = await kiosk.ask("display/show", display="led-1", text=f"A{control}B")
    assert (reply["status"], reply["reason"]) == ("rejected", "invalid")
    # the frame's own marks, as text: they arrive as what they are, or are refused by name
    reply = await kiosk.ask("display/show", display="led-1", text="\\C2 \\FO001")
    assert (reply["status"], reply["reason"]) == ("failed", "unshowable")
    text = "Ｚ［Z[欢迎"  # 5A and 5B end and escape a frame; in GB2312 they are also halves of characters
    assert (await kiosk.ask("display/show", display="led-1", text=text))["status"] == "done"
    await kiosk.board_shows(text)


async def test_the_response_topic_of_mqtt_5_is_honoured(kiosk: SimulatedKiosk) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = "somebody/answers"
    properties.CorrelationData = b"\x00\x01"
    payload = json.dumps(request("elsewhere", service="a")).encode()
    kiosk.listener.publish(f"{ROOT}/command/ticket/take", payload, properties=properties)
    await until(lambda: len(kiosk.listener.on("somebody/answers")) == 2, "accepted and done")
    answers = [m for m in kiosk.listener.messages if m.topic == "somebody/answers"]
    assert [json.loads(answer.payload)["status"] for answer in answers] == ["accepted", "done"]
    assert {answer.properties.CorrelationData for answer in answers} == {b"\x00\x01"}
    assert kiosk.replies("elsewhere") == []


async def test_a_flood_of_commands_is_answered_to_the_last(kiosk: SimulatedKiosk) -> None:
    commands = [kiosk.send("ticket/recall", counter="1") for _ in range(400)]
    answers = await asyncio.gather(*(kiosk.answer(command) for command in commands))
    assert {answer["reason"] for answer in answers} <= {"no-ticket", "busy"}

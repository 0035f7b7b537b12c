"""docs/asyncapi.yaml: it is what the models say, a valid AsyncAPI document, and true of everything on the wire."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT7

from daemon.asyncapi import document
from daemon.commands import command_types
from daemon.events import event_types
from daemon.statuses import RETAINED
from tests.conftest import Heard, Listen, Mosquitto
from tests.harness import PROJECT, ROOT, SimulatedKiosk, until

FILE = PROJECT / "docs/asyncapi.yaml"
ASYNCAPI = json.loads((PROJECT / "tests/asyncapi-3.0.0.schema.json").read_text())

COMMITTED: dict[str, Any] = yaml.safe_load(FILE.read_text())
REGISTRY: Registry[Any] = Registry().with_resource("kioskd:asyncapi", DRAFT7.create_resource(COMMITTED))
FORMATS = FormatChecker([])


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def validator(message: str) -> Draft7Validator:
    """Of the payload of one message of the document."""
    schema = {"$ref": f"kioskd:asyncapi#/components/messages/{message}/payload"}
    return Draft7Validator(schema, registry=REGISTRY, format_checker=FORMATS)


def channel_of(topic: str) -> dict[str, Any] | None:
    """The channel whose address `topic` fits."""
    for channel in COMMITTED["channels"].values():
        address = re.sub(r"\{\w+\}", "[^/]+", channel["address"])
        if re.fullmatch(address, topic):
            found: dict[str, Any] = channel
            return found
    return None


def message_of(channel: dict[str, Any]) -> str:
    (name,) = channel["messages"]
    return str(name)


def fits(message: str, payload: object) -> bool:
    return bool(validator(message).is_valid(payload))


# the document


def test_the_committed_file_is_what_the_models_say() -> None:
    made = subprocess.run([sys.executable, "-m", "daemon.asyncapi"], cwd=PROJECT, capture_output=True, check=True)
    assert made.stdout.decode() == FILE.read_text(), "run `make asyncapi`"
    assert json.loads(json.dumps(document())) == COMMITTED


def test_it_is_valid_asyncapi() -> None:
    Draft7Validator(ASYNCAPI).validate(COMMITTED)


@pytest.mark.parametrize("broken", [{"action": "publish"}, {"channel": "status"}, {"bindings": {"mqtt": {"qos": 3}}}])
def test_the_schema_of_asyncapi_refuses_what_is_wrong(broken: dict[str, Any]) -> None:
    operations = COMMITTED["operations"]
    name = next(iter(operations))
    wrong = COMMITTED | {"operations": {**operations, name: operations[name] | broken}}
    with pytest.raises(ValidationError):
        Draft7Validator(ASYNCAPI).validate(wrong)


def test_its_schemas_are_of_the_draft_that_asyncapi_takes() -> None:
    assert COMMITTED["components"]["schemas"]
    for schema in COMMITTED["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        assert not {"$defs", "prefixItems"} & set(re.findall(r"'([$\w]+)':", str(schema))), "not of draft 7"


def test_every_reference_leads_somewhere() -> None:
    references = re.findall(r"'\$ref': [\"']#/([^\"']+)", str(COMMITTED))
    assert len(references) > 100
    for reference in references:
        place: Any = COMMITTED
        for key in reference.split("/"):
            place = place[key]
        assert place


def test_every_example_fits() -> None:
    for name, message in COMMITTED["components"]["messages"].items():
        for example in message["examples"]:
            validator(name).validate(example["payload"])


def test_every_model_has_its_channel() -> None:
    topics = {
        **{f"{ROOT}/{topic}": model.__name__ for topic, model in RETAINED.items()},
        **{f"{ROOT}/event/{e.NOUN}/{e.VERB}": e.__name__ for e in event_types().values()},
        **{f"{ROOT}/command/{name}": command.__name__ for name, command in command_types().items()},
        f"{ROOT}/reply/x": "Reply",
    }
    channels = {topic: channel_of(topic) for topic in topics}
    assert {topic: message_of(channel) for topic, channel in channels.items() if channel} == topics
    assert len(COMMITTED["channels"]) == len(topics)
    assert channel_of(f"{ROOT}/event/ticket") is None


def test_kioskd_sends_and_receives() -> None:
    actions = {operation["channel"]["$ref"]: operation for operation in COMMITTED["operations"].values()}
    for key in COMMITTED["channels"]:
        operation = actions[f"#/channels/{key}"]
        assert operation["action"] == ("receive" if key.startswith("command.") else "send")
        assert ("reply" in operation) is key.startswith("command.")
        retained = key in {topic.partition("/{")[0].replace("/", ".") for topic in RETAINED}
        assert operation["traits"] == [{"$ref": f"#/components/operationTraits/{'state' if retained else 'event'}"}]


# the wire


async def test_everything_that_passes_is_as_the_document_says(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen(), bounce_s=0.05) as kiosk:
        kiosk.start()
        await kiosk.ready()
        await a_visit(kiosk)
        await a_rating_without_a_ticket(kiosk)
        await two_calls(kiosk)
        await a_pause(kiosk)
        await trouble(kiosk)
        await refusals(kiosk)
        await reloads(kiosk)
        await kiosk.stop()
        await until(lambda: kiosk.status("status").get("state") == "offline", "the farewell")
        heard = [message for message in kiosk.listener.messages if message.topic.startswith(f"{ROOT}/")]
    expect_documented(heard)
    expect_cloud_events(heard)
    expect_the_same_opinion_of_commands(heard)


async def a_visit(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    await kiosk.ask("ticket/recall", counter="1")
    await kiosk.ask("ticket/skip", counter="1")
    await kiosk.ask("ticket/next", counter="1")
    await kiosk.ask("ticket/finish", counter="1")
    kiosk.lines["keypad"].command("press 5")
    await kiosk.event("rating.submitted")
    kiosk.lines["keypad"].command("press 1")
    await kiosk.event("rating.repeated")


async def a_rating_without_a_ticket(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("rating/open", counter="1")
    await kiosk.ask("rating/cancel", counter="1")
    await kiosk.event("rating.lapsed")
    kiosk.lines["keypad"].command("press 3")
    await kiosk.event("rating.unsolicited", level=3)


async def two_calls(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["phone"].command("ring 2 13800138000")
    await kiosk.event("phone.ringing")
    kiosk.lines["phone"].command("pick-up")
    await kiosk.event("phone.answered")
    kiosk.lines["phone"].command("hang-up")
    kiosk.lines["phone"].command("ring 4")
    await kiosk.event("phone.missed")
    await kiosk.event("alert.cleared")


async def a_pause(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("counter/open", counter="1", staff="012")
    await kiosk.ask("counter/pause", counter="1", reason="取药去了")
    assert (await kiosk.ask("ticket/next", counter="1"))["reason"] == "counter-paused"
    await kiosk.ask("counter/close", counter="1")
    assert (await kiosk.ask("ticket/next", counter="1"))["reason"] == "counter-closed"
    await kiosk.ask("counter/open", counter="1")
    kiosk.lines["printer"].command("paper-near-end")
    await kiosk.event("alert.raised", alert="paper-low")
    assert (await kiosk.ask("alert/acknowledge", alert="paper-low", about="printer-1", by="012"))["status"] == "done"
    await until(lambda: kiosk.status("alerts")["alerts"][0]["acknowledged_by"], "the acknowledgement")
    assert (await kiosk.ask("alert/acknowledge", alert="not-ready", about="k1", by="1"))["reason"] == "unknown-alert"


async def trouble(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["printer"].command("paper-end")
    await kiosk.device_is("printer-1", "faulted")
    assert (await kiosk.answer(kiosk.send("ticket/take", service="a", deadline_s=1)))["status"] == "expired"
    kiosk.lines["printer"].command("refill")
    await kiosk.device_is("printer-1", "ready")
    assert (await kiosk.ask("display/show", display="led-1", text="\U00020000"))["status"] == "failed"
    kiosk.lines["keypad"].pull()
    await kiosk.device_is("panel-1", "absent")
    kiosk.lines["keypad"].restore()


async def refusals(kiosk: SimulatedKiosk) -> None:
    refused = {
        "invalid": kiosk.send("ticket/take", service="A B"),
        "unknown-command": kiosk.send("ticket/tkae", service="a"),
        "expired": kiosk.send("ticket/next", deadline_s=-5, counter="1"),
        "unknown-counter": kiosk.send("ticket/next", counter="9"),
        "nothing-waiting": kiosk.send("ticket/next", counter="1"),
        "no-session": kiosk.send("rating/cancel", counter="1"),
    }
    for reason, command in refused.items():
        assert (await kiosk.answer(command))["reason"] == reason
    naive = {"id": "naive", "deadline": datetime.now(UTC).replace(tzinfo=None).isoformat(), "data": {"service": "a"}}
    extra = {"id": "extra", "deadline": datetime.now(UTC).isoformat(), "data": {"service": "a"}, "hurry": True}
    for body in (naive, extra, {"id": "no-deadline", "data": {"service": "a"}}):
        kiosk.listener.publish(f"{ROOT}/command/ticket/take", json.dumps(body).encode())
        assert (await kiosk.answer(str(body["id"])))["reason"] == "invalid"


async def reloads(kiosk: SimulatedKiosk) -> None:
    kiosk.write_configuration(timeout_s="timeout_z")
    kiosk.process.send_signal(signal.SIGHUP)
    await kiosk.event("configuration.rejected")
    kiosk.write_configuration(**{"timeout_s = 5": "timeout_s = 6"})
    kiosk.process.send_signal(signal.SIGHUP)
    await kiosk.event("configuration.reloaded")


EXPECTED = {
    "alert": {"cleared", "raised"},
    "configuration": {"rejected", "reloaded"},
    "daemon": {"started", "stopping"},
    "device": {"changed"},
    "display": {"failed", "shown"},
    "phone": {"answered", "missed", "ringing"},
    "print": {"expired", "printed", "sent"},
    "rating": {"lapsed", "opened", "repeated", "submitted", "unsolicited"},
    "ticket": {"called", "finished", "issued", "skipped", "waiting", "withdrawn"},
}


def expect_documented(heard: list[Heard]) -> None:
    """Every message from kioskd has a channel, and fits it."""
    passed: Counter[str] = Counter()
    for message in heard:
        if message.topic.startswith(f"{ROOT}/command/") or not message.payload:
            continue  # an empty retained payload takes a topic away: there is nothing left to describe
        channel = channel_of(message.topic)
        assert channel is not None, f"{message.topic} is not in the document"
        name = message_of(channel)
        validator(name).validate(json.loads(message.payload))
        content_type = COMMITTED["components"]["messages"][name]["contentType"]
        assert message.properties.ContentType == content_type
        passed[message.topic.removeprefix(f"{ROOT}/")] += 1
    assert {f"event/{noun}/{verb}" for noun, verbs in EXPECTED.items() for verb in verbs} <= set(passed)
    assert {"status", "device/printer-1", "counter/1", "queue/a", "figures"} <= set(passed)


def expect_cloud_events(heard: list[Heard]) -> None:
    """The CloudEvents project's own reader takes every event."""
    events = [message for message in heard if message.topic.startswith(f"{ROOT}/event/")]
    assert events
    for message in events:
        event = JSONFormat().read(CloudEvent, message.payload)
        assert f"{ROOT}/event/" + event.get_type().removeprefix("kioskd.").replace(".", "/") == message.topic
        assert event.get_source() == f"/{ROOT}"
        assert event.get_extension("sequence") == f"{int(event.get_id().rpartition('-')[2]):012d}"


def expect_the_same_opinion_of_commands(heard: list[Heard]) -> None:
    """What kioskd refused as invalid does not fit the document, and everything else does."""
    replies = [json.loads(message.payload) for message in heard if message.topic.startswith(f"{ROOT}/reply/")]
    reasons = {reply["id"]: reply["reason"] for reply in replies if reply["status"] != "accepted"}
    opinions: Counter[bool] = Counter()
    for message in heard:
        if not message.topic.startswith(f"{ROOT}/command/"):
            continue
        command, channel = json.loads(message.payload), channel_of(message.topic)
        assert (channel is None) is (reasons[command["id"]] == "unknown-command")
        if channel is not None:
            invalid = reasons[command["id"]] == "invalid"
            assert fits(message_of(channel), command) is not invalid, command
            opinions[invalid] += 1
    assert opinions[True] >= 4
    assert opinions[False] >= 12


# the page for integrators

PAGE = (PROJECT / "docs/mqtt.md").read_text()


async def test_the_commands_of_the_page_work_as_they_stand(tmp_path: Path, broker: Mosquitto, listen: Listen) -> None:
    (shell,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    subscribe, publish = shell.replace("localhost -p 1883", f"{broker.host} -p {broker.port}").split("\n", 1)
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.start()
        await kiosk.ready()
        log = tmp_path / "heard"
        with log.open("wb") as heard:
            subscriber = await asyncio.create_subprocess_shell(f"exec {subscribe}", stdout=heard)
        try:
            await until(lambda: b"/status {" in log.read_bytes(), "the subscription")
            publisher = await asyncio.create_subprocess_shell(publish)
            assert await publisher.wait() == 0
            assert (await kiosk.answer("desk-3-0042"))["status"] == "done"
            await until(lambda: f"{ROOT}/reply/desk-3-0042 ".encode() in log.read_bytes(), "the reply")
        finally:
            subscriber.terminate()
            await subscriber.wait()


def test_the_page_s_examples_fit() -> None:
    event, command = (
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    )
    validator("RatingSubmitted").validate(event)
    validator("TicketTake").validate(command)

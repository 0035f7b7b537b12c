"""What the bench's own programs say, taken into the picture of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from simulators.bench.mqtt import MAX_TOPICS, Messages
from simulators.bench.picture import Picture


@pytest.fixture
async def heard() -> tuple[Picture, Messages]:
    picture = Picture(settle_s=0.0)
    return picture, Messages(picture, "kioskd/h/k")


async def everything(picture: Picture) -> Mapping[str, Any]:
    with picture.view() as view:
        update = await view.next(1)
        assert update is not None
        return update


def line(topic: str, payload: object, *, retained: bool = False) -> bytes:
    return json.dumps({"topic": topic, "payload": payload, "retained": retained}).encode()


async def test_statuses_stand_and_events_pass(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.watched(line("kioskd/h/k/device/p", {"state": "ready"}, retained=True))
    messages.watched(line("device/p", {"state": "absent"}))
    messages.watched(line("event/ticket/issued", {"number": "A001"}))
    update = await everything(picture)
    assert update["items"] == {"topic/device/p": {"state": "absent"}}
    assert [entry["topic"] for entry in update["logs"]["messages"]] == ["device/p", "device/p", "event/ticket/issued"]


async def test_what_a_broker_repeats_is_no_news(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for _ in range(3):
        messages.watched(line("device/p", {"state": "ready"}, retained=True))
    assert len((await everything(picture))["logs"]["messages"]) == 1


async def test_a_cleared_topic_stands_no_more(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.watched(line("device/p", {"state": "ready"}, retained=True))
    messages.watched(line("device/p", ""))
    assert (await everything(picture))["items"] == {}


async def test_strangers_topics_and_payloads_are_bounded(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for number in range(MAX_TOPICS + 50):
        messages.watched(line(f"device/{number}", {"state": "ready"}))
    messages.watched(line("event/x/y", "x" * 100_000))
    update = await everything(picture)
    assert len(update["items"]) == MAX_TOPICS
    assert update["logs"]["messages"][-1]["payload"] == {"bytes": 100_002}


async def test_output_that_is_no_json_is_noted(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for nonsense in (b"Traceback", b"[]", b"\xff"):
        messages.watched(nonsense)
    notes = (await everything(picture))["logs"]["notes"]
    assert [note["code"] for note in notes] == ["not-json"] * 3
    assert notes[0]["text"] == "Traceback"


async def test_only_the_senders_own_answers_are_taken_from_the_sender(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.replied(b'{"id": "1", "status": "done"}')
    messages.replied(b'{"id": "2", "status": "no-answer"}')
    entries = (await everything(picture))["logs"]["messages"]
    assert [entry["payload"]["id"] for entry in entries] == ["2"]

"""The staff who were rated learn of a bad rating, and not which visitor gave it (好差评: the rater is protected)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.events import event_types
from daemon.mqtt.uplink import OWN_STATUSES
from daemon.statuses import RETAINED, STAFF_TOPICS
from tests.conftest import Listen, Mosquitto
from tests.harness import ROOT, SimulatedKiosk, until

ACL = Path(__file__).parent.parent / "config" / "mosquitto" / "kioskd.acl"
TELLS_WHO = {"ticket", "number", "session", "item", "caller"}


def for_staff(topic: str) -> bool:
    """Whether the topic, below the root, is one of those that staff may see."""
    return any(re.fullmatch(pattern.replace("+", "[^/]+"), topic) for pattern in STAFF_TOPICS)


def test_the_shipped_broker_gives_its_staff_these_topics_and_no_others() -> None:
    (section,) = re.findall(r"^user staff\n((?:topic .*\n)+)", ACL.read_text(), re.MULTILINE)
    assert section.splitlines() == [f"topic read kioskd/demo/+/{topic}" for topic in STAFF_TOPICS]


def test_the_shipped_broker_lets_a_kiosk_retain_every_topic_that_it_has() -> None:
    may_write = set(re.findall(r"^pattern write kioskd/demo/%u/(.*)$", ACL.read_text(), re.MULTILINE))
    assert {re.sub(r"{\w+}", "+", topic) for topic in RETAINED} <= may_write


def test_the_shipped_broker_lets_a_kiosk_find_every_topic_that_an_earlier_run_left() -> None:
    may_read = set(re.findall(r"^pattern read kioskd/demo/%u/(.*)$", ACL.read_text(), re.MULTILINE))
    assert {re.sub(r"{\w+}", "+", topic) for topic in RETAINED} == set(OWN_STATUSES)
    assert set(OWN_STATUSES) <= may_read


def test_no_event_for_staff_has_a_level_and_whose_it_is() -> None:
    levels = set()
    for event in event_types().values():
        if "level" in event.model_fields:
            levels.add(event.NOUN)
            assert not (for_staff(f"event/{event.NOUN}/{event.VERB}") and TELLS_WHO & event.model_fields.keys())
    assert levels == {"rating", "followup"}
    assert not any(
        for_staff(f"event/{event.NOUN}/{event.VERB}") for event in event_types().values() if event.NOUN == "rating"
    )


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        yield simulated


async def test_a_bad_rating_from_the_key_to_its_closing(kiosk: SimulatedKiosk) -> None:
    taken = await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    finished = await kiosk.ask("ticket/finish", counter="1")
    kiosk.lines["keypad"].command("press 2")
    rated = (await kiosk.event("rating.submitted"))["data"]
    alert = (await kiosk.event("alert.raised", alert="bad-rating"))["data"]
    assert (alert["about"], alert["detail"]) == (rated["followup"], "level 2 at counter 1")
    again = await kiosk.ask("rating/open", counter="1", ticket=taken["data"]["ticket"])
    assert (again["status"], again["reason"]) == ("rejected", "already-rated")

    identifying = {taken["data"]["ticket"], taken["data"]["number"], f'"session":"{finished["data"]["session"]}"'}
    said = [m for m in kiosk.listener.messages if for_staff(m.topic.removeprefix(f"{ROOT}/"))]
    about_levels = [m.payload.decode() for m in said if b"level" in m.payload]
    assert len(about_levels) >= 3, "the follow-up, its alert and the list of alerts"
    assert [text for text in about_levels if any(word in text for word in identifying)] == []

    kiosk.kill()
    kiosk.start()
    await kiosk.ready()
    await until(lambda: kiosk.status("alerts").get("open") == 1, "the alert of before")
    closed = await kiosk.ask("followup/close", followup=rated["followup"], result="已回访，补办完成", by="0312")
    assert closed["status"] == "done"
    await until(lambda: kiosk.status("alerts").get("open") == 0, "no alert")
    over = await kiosk.ask("followup/close", followup=rated["followup"], result="再次", by="0312")
    assert over["reason"] == "followup-closed"


async def test_an_item_of_another_system_is_rated_once(kiosk: SimulatedKiosk) -> None:
    opened = await kiosk.ask("rating/open", counter="1", item="sp-2026-0042")
    kiosk.lines["keypad"].command("press 5")
    rated = (await kiosk.event("rating.submitted"))["data"]
    assert (rated["session"], rated["item"]) == (opened["data"]["session"], "sp-2026-0042")
    assert (await kiosk.ask("rating/open", counter="2", item="sp-2026-0042"))["reason"] == "already-rated"
    assert (await kiosk.ask("rating/open", counter="1", ticket="20260101-A001"))["reason"] == "unknown-ticket"

"""Erasing on a real kiosk: what stands at the broker for whoever comes later names no visitor, at any time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.modem_phone import DEFAULT_NUMBER
from tests.conftest import Listen, Mosquitto
from tests.harness import PROJECT, ROOT, SimulatedKiosk, until

ITEM = "sfz-510102199003071234"
UNPRINTABLE = "\U000f1234"  # for private use: no font has it
NOW = "2026-11-21T09:30:00+08:00"
VISITOR = (DEFAULT_NUMBER, ITEM, UNPRINTABLE, "F1234", "欧阳娜娜")


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.write_configuration(**{"[rating]": "[phone]\nmask_caller = false\n\n[rating]"})
        simulated.start()
        await simulated.ready()
        yield simulated


async def visit(kiosk: SimulatedKiosk) -> str:
    """Somebody comes, calls, is dissatisfied, and gets a slip that cannot be printed; the id of the call."""
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    await kiosk.ask("rating/open", counter="1", item=ITEM)
    kiosk.lines["keypad"].command("press 1")
    await kiosk.event("rating.submitted", item=ITEM)
    data = {"item": "落户", "applicant": "欧阳娜娜", "missing": [{"name": f"{UNPRINTABLE}的证明"}], "issued_at": NOW}
    slip = await kiosk.ask("slip/print", printer="printer-1", template="supplement", data=data)
    assert slip["reason"] == "unprintable"
    kiosk.lines["phone"].command("ring 5")
    ended = await kiosk.event("phone.missed", caller=DEFAULT_NUMBER)
    await kiosk.ask("readiness/check")
    call: str = ended["data"]["call"]
    return call


async def retained(kiosk: SimulatedKiosk, listen: Listen) -> dict[str, str]:
    """What the broker has for a subscriber who comes now, once all of it has come."""
    heard = list(kiosk.listener.messages)
    topics = {message.topic for message in heard if message.topic.startswith(ROOT)}
    standing = {topic for topic in topics if not any(part in topic for part in ("/event/", "/reply/", "/command/"))}
    late = listen()
    await until(lambda: standing <= {message.topic for message in late.messages}, "the retained topics")
    return {message.topic: message.payload.decode() for message in late.messages if message.retain}


async def test_no_retained_topic_names_a_visitor_and_the_events_do_not_any_more(
    kiosk: SimulatedKiosk, listen: Listen
) -> None:
    call = await visit(kiosk)
    found = await retained(kiosk, listen)
    assert len(found) >= 10
    assert [(topic, secret) for topic, payload in found.items() for secret in VISITOR if secret in payload] == []
    for about in ({"call": call}, {"item": ITEM}):
        assert (await kiosk.ask("events/erase", **about))["status"] == "done"
    assert (await kiosk.ask("rating/open", counter="2", item=ITEM))["reason"] == "already-rated"
    last = int((await kiosk.event("events.erased", count=2))["sequence"])
    before = len(kiosk.events())
    await kiosk.ask("events/replay", from_sequence=1, to_sequence=last)
    again = json.dumps(kiosk.events()[before:], ensure_ascii=False)
    assert '"caller": "[erased]"' in again
    assert '"item": "[erased]"' in again
    assert DEFAULT_NUMBER not in again
    assert ITEM not in again


@pytest.mark.parametrize(("language", "said"), [("en", "beyond reach"), ("zh-CN", "已发送给订阅者的事件")])
async def test_the_command_says_what_it_does_not_reach(
    kiosk: SimulatedKiosk, broker: Mosquitto, language: str, said: str
) -> None:
    words = ("--language", language, "send", "--broker", f"mqtt://{broker.host}:{broker.port}", "--root", ROOT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon", *words, "events/erase", "call=17"),
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert said in out.decode().splitlines()[-1]

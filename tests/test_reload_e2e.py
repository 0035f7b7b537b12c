"""SIGHUP and the real daemon: what changed is changed, what did not is not touched, and what is wrong is refused."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Listen, Mosquitto, free_port
from tests.harness import ROOT, SimulatedKiosk, until


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        await simulated.board_shows("1号窗口")
        yield simulated


async def reload(kiosk: SimulatedKiosk, replacements: dict[str, str]) -> dict[str, Any]:
    """Change the configuration and send SIGHUP; the data of the event that says so."""
    count = len(kiosk.events("configuration.reloaded")) + 1
    kiosk.write_configuration(**replacements)
    kiosk.process.send_signal(signal.SIGHUP)
    data: dict[str, Any] = (await kiosk.event("configuration.reloaded", count=count))["data"]
    return data


def descriptors(kiosk: SimulatedKiosk) -> dict[str, str]:
    """The lines that the daemon has open: terminals by name, sockets by the kernel's number."""
    directory = Path(f"/proc/{kiosk.process.pid}/fd")
    links = {entry.name: str(entry.readlink()) for entry in directory.iterdir()}
    return {number: link for number, link in links.items() if link.startswith(("/dev/pts/", "socket:"))}


def cleared(kiosk: SimulatedKiosk, topic: str) -> bool:
    return kiosk.listener.on(f"{ROOT}/{topic}")[-1:] == [b""]


async def test_other_words_on_the_slips_touch_no_device(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("display/show", display="led-1", text="午休到13:30")
    await kiosk.board_shows("午休到13:30")
    before, changes = descriptors(kiosk), len(kiosk.events("device.changed"))
    assert len(before) >= 5
    data = await reload(kiosk, {'"12345"': '"96789"'})
    assert data["changed"] == ["ticket"]
    assert data["after_restart"] == []
    await kiosk.ask("ticket/take", service="a")
    assert "投诉电话：96789" in kiosk.slips[-1]
    assert descriptors(kiosk) == before
    assert len(kiosk.events("device.changed")) == changes
    await kiosk.board_shows("午休到13:30")


async def test_the_same_again_changes_nothing(kiosk: SimulatedKiosk) -> None:
    before = descriptors(kiosk)
    for _ in range(3):
        assert (await reload(kiosk, {}))["changed"] == []
    assert descriptors(kiosk) == before


async def test_rules_of_ratings_and_phones_are_in_force_at_once(kiosk: SimulatedKiosk) -> None:
    data = await reload(kiosk, {"timeout_s = 5": "timeout_s = 1", "[services.a]": "[phone]\nrings = 1\n\n[services.a]"})
    assert data["changed"] == ["phone", "rating"]
    await kiosk.ask("rating/open", counter="1")
    assert (await kiosk.event("rating.lapsed"))["data"]["reason"] == "timed-out"
    kiosk.lines["phone"].command("ring 2")
    assert (await kiosk.event("alert.raised"))["data"]["detail"] == "ring 2, 1 are allowed"


PANEL_2 = '[devices.panel-2]\ndriver = "centerm"\nlink = "{link}"\n'
COUNTER_2 = '[counters.2]\nname = "2号窗口"\nservices = ["a"]\npanel = "panel-2"\n'


async def test_a_device_and_its_counter_go_and_come_back(kiosk: SimulatedKiosk) -> None:
    panel = PANEL_2.format(link=kiosk.lines["evaluator"].endpoint.url)
    await until(lambda: kiosk.status("counter/2"), "the counter's topic")
    session = (await kiosk.ask("rating/open", counter="2"))["data"]["session"]
    others = {number: link for number, link in descriptors(kiosk).items() if link.startswith("socket:")}
    data = await reload(kiosk, {panel: "", COUNTER_2: ""})
    assert data["changed"] == ["counters", "devices.panel-2"]
    await until(lambda: cleared(kiosk, "device/panel-2"), "the device's topic to be cleared")
    await until(lambda: cleared(kiosk, "counter/2"), "the counter's topic to be cleared")
    lapsed = await kiosk.event("rating.lapsed", session=session)
    assert lapsed["data"]["reason"] == "cancelled"
    assert (await kiosk.ask("rating/open", counter="2"))["reason"] == "unknown-counter"
    assert others.items() <= descriptors(kiosk).items()

    await reload(kiosk, {})
    await kiosk.device_is("panel-2", "ready")
    assert (await kiosk.ask("rating/open", counter="2"))["status"] == "done"
    assert kiosk.process.poll() is None


async def test_a_device_that_is_another_now_is_served_anew_and_never_in_its_own_way(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    changes = len(kiosk.events("device.changed"))
    link = f'link = "{kiosk.lines["printer"].endpoint.url}"'
    data = await reload(kiosk, {"refresh_s = 0.01": "refresh_s = 0.02", link: f"{link}\ncolumns = 42"})
    assert data["changed"] == ["devices.led-1", "devices.printer-1"]
    for device in ("led-1", "printer-1"):
        await kiosk.event("device.changed", count=2, device=device, state="ready")
    await kiosk.board_shows("请A001到1号窗口")
    said = [event["data"] for event in kiosk.events("device.changed")[changes:]]
    assert {data["device"] for data in said} == {"led-1", "printer-1"}
    assert {data["state"] for data in said} == {"ready"}, "the old link was closed before the new one was opened"
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"


async def test_a_ticket_that_waits_for_a_printer_that_goes_is_taken_back(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["printer"].command("paper-end")
    await kiosk.device_is("printer-1", "faulted")
    command = kiosk.send("ticket/take", service="a", deadline_s=600)
    await kiosk.event("ticket.issued", number="A001")
    await reload(
        kiosk,
        {
            "[devices.printer-1]": "[devices.printer-2]",
            kiosk.lines["printer"].endpoint.url: f"tcp://127.0.0.1:{free_port()}",
            'printer = "printer-1"': 'printer = "printer-2"',
        },
    )
    reply = await kiosk.answer(command)
    assert (reply["status"], reply["reason"]) == ("expired", "not-present")
    await kiosk.event("ticket.withdrawn", number="A001", reason="not-present")
    await kiosk.device_is("printer-2", "absent")


async def test_a_wrong_configuration_is_refused_with_every_error_and_the_old_one_stays(kiosk: SimulatedKiosk) -> None:
    before = descriptors(kiosk)
    for count, replacements in enumerate(
        [
            {'driver = "bx"': 'driver = "by"', "timeout_s = 5": "timeout_s = 5000"},
            {"[rating]": "[rating"},
            {'panel = "panel-1"': 'panel = "panel-9"'},
        ],
        1,
    ):
        kiosk.write_configuration(**replacements)
        kiosk.process.send_signal(signal.SIGHUP)
        rejected = await kiosk.event("configuration.rejected", count=count)
        assert len(rejected["data"]["errors"]) == (2 if count == 1 else 1)
        assert "kioskd.toml" in rejected["data"]["errors"][0]
    assert descriptors(kiosk) == before
    assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
    assert kiosk.events("configuration.reloaded") == []


async def test_keys_that_name_the_stream_of_events_wait_for_a_restart(kiosk: SimulatedKiosk) -> None:
    data = await reload(kiosk, {'kiosk = "k1"': 'kiosk = "k2"'})
    assert (data["changed"], data["after_restart"]) == (["kiosk"], ["kiosk"])
    await kiosk.ask("ticket/take", service="a")
    topics = {message.topic for message in list(kiosk.listener.messages)}
    assert all(topic.startswith(f"{ROOT}/") for topic in topics)
    sources = {json.loads(m.payload)["source"] for m in list(kiosk.listener.messages) if "/event/" in m.topic}
    assert sources == {f"/{ROOT}"}

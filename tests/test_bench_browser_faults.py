"""The bench's page while things go wrong: outages, faults, nonsense, and what is refused."""

from __future__ import annotations

import re

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import expect

from tests.browser_rig import Bench, Open

pytestmark = pytest.mark.browser


def test_nothing_is_lost_while_the_broker_is_away_and_the_daemon_is_killed(visit: Open) -> None:
    one = visit("en")
    page = one.page
    one.until_ready()
    page.click("[data-key=broker-stop]")
    expect(page.locator("[data-pill=broker]")).to_contain_text("stopped")
    one.device("panel-2").locator("[data-level='1']").click()
    one.device("phone-1").locator("[data-key=ring]").click()
    expect(one.device("phone-1").locator(".phone-status")).to_contain_text("ring")
    page.click("[data-key=daemon-kill]")
    expect(page.locator("[data-pill=daemon]")).to_contain_text("stopped")
    page.click("[data-key=daemon-start]")
    page.click("[data-key=broker-start]")
    expect(one.event("panel-2 pressed while no rating was open: Very dissatisfied")).to_be_visible()
    expect(one.event("phone-1 rings")).to_be_visible()
    expect(page.locator("#log .sequence")).to_have_text(re.compile(r"^1–\d+, no gaps$"))


def test_a_dead_daemon_leaves_no_device_ready(visit: Open) -> None:
    one = visit("en")
    one.until_ready()
    one.page.click("[data-key=daemon-kill]")
    expect(one.page.locator("[data-pill=kiosk]")).to_contain_text("offline")
    expect(one.page.locator(".device .device-head.ready")).to_have_count(0)
    expect(one.device("display-1").locator(".why")).to_have_text("the daemon is offline: nobody knows")


def test_a_fault_is_injected_seen_and_mended(visit: Open) -> None:
    one = visit("en")
    page = one.page
    one.until_ready()
    page.click("[data-key=faults-printer-1]")
    sheet = page.locator("#sheet")
    page.locator("#sheet .command", has=page.locator("[data-command=paper-end]")).locator("input").fill("at 220")
    page.click("[data-command=paper-end]")
    page.click("[data-service=general]")
    expect(one.device("printer-1").locator(".slip.torn .end")).to_have_text("part of a slip: the paper ended here")
    expect(one.event("printer-1: printing failed: there is no paper")).to_be_attached()
    expect(sheet.locator(".reasons")).to_have_text("paper-end there is no paper")
    expect(sheet.locator(".wire .to-device").first).to_be_visible()
    page.click("[data-command=refill]")
    expect(sheet.locator(".device-head.ready")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.click("[data-key=faults-display-1]")
    page.fill("#sheet textarea", "<img src=x onerror=alert(1)>")
    page.click("#sheet .show-text button")
    expect(one.device("display-1").locator(".shown")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_a_slow_click_is_not_lost_when_the_device_changes_meanwhile(visit: Open) -> None:
    one = visit("en")
    one.until_ready()
    phone = one.device("phone-1")
    phone.locator("[data-key=ring]").click()
    expect(phone.locator(".phone-status")).to_have_text("ring 1")
    phone.locator("[data-key=pick-up]").hover()
    one.page.mouse.down()
    expect(phone.locator(".phone-status")).to_have_text("between rings")
    one.page.mouse.up()
    expect(phone.locator(".phone-status")).to_have_text("receiver lifted")


NONSENSE = [
    "",
    "null",
    "5",
    "[]",
    '"<img src=x>"',
    '{"data": null}',
    '{"data": 5, "id": {}, "sequence": []}',
    '{"data": {"reasons": "x", "level": {}, "text": 7, "counter": [], "state": null, "reason": {"a": 1}}, "time": 5}',
    '{"state": {"a": 1}, "reasons": {"length": 2}, "detail": [], "waiting": {}, "number": {}}',
    '{"alerts": [null, 5, {"alert": {}, "about": []}], "items": [null, {"reasons": 5}], "tickets": 5, "ratings": null}',
    '{"alerts": [{"alert": "not-ready", "about": "x", "figures": {"items": [null, {"reasons": 5}], "due_at": {}}}]}',
    '{"data": {"alert": "device-fault", "about": "x", "figures": {"reasons": {}, "state": [], "waited_s": "x"}}}',
    '{"data": {"alert": "wait-too-long", "about": "x", "figures": null, "detail": {}}}',
    '{"state": "constructor", "reasons": [null, 5, "__proto__"], "id": "constructor", "status": "x"}',
]


def test_nonsense_on_the_broker_does_not_stop_the_page(visit: Open, bench: Bench) -> None:
    one = visit("en")
    one.until_ready()
    one.page.select_option("#log select", "everything")
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", bench.broker_port())
    client.loop_start()
    for topic in (
        "event/ticket/issued",
        "event/alert/raised",
        "event/x",
        "event",
        "device/printer-1",
        "queue/general",
        "counter/c1",
        "alerts",
        "readiness",
        "figures",
        "reply/x",
        "x",
        "status",
    ):
        for payload in NONSENSE:
            client.publish(f"kioskd/bench/k1/{topic}", payload, 1).wait_for_publish(10)
    client.publish("kioskd/bench/k1/last/one", "{}", 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    expect(one.page.locator("#log .entry code").filter(has_text="last/one").first).to_be_visible()
    one.page.click("#language")
    one.page.click("[data-service=general]")
    expect(one.event("取号 A001")).to_be_visible()


def test_what_is_refused_is_said(visit: Open) -> None:
    one = visit("en")
    one.until_ready()
    one.page.click("[data-counter=c2] [data-action=next]")
    expect(one.page.locator(".toast")).to_contain_text("nobody is waiting")
    one.page.click("[data-key=faults-panel-1]")
    one.page.locator(".command", has=one.page.locator("[data-command=press]")).locator("select").wait_for()
    one.page.click("[data-command=bounce]")
    expect(one.page.locator(".toast").filter(has_text="expected a key")).to_be_visible()
    one.complaints[:] = [text for text in one.complaints if "400 (Bad Request)" not in text]

"""The page in a real browser, over a real ``kioskd bench``: what a technician does with it, in both languages."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from simulators.bench.processes import child_environment, python_module

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)  # a ring that came while the daemon was away comes again after five seconds


class Bench:
    """A running ``kioskd bench``."""

    def __init__(self, port: str) -> None:
        words = python_module("daemon", "--language", "en", "bench", "--port", port)
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, env=child_environment())
        assert self.process.stdout is not None
        found = next(match for line in self.process.stdout if (match := re.search(rb"http://\S+:(\d+)/", line)))
        self.url, self.port = found[0].decode(), found[1].decode()

    def broker_port(self) -> int:
        """Where its broker listens."""
        with urllib.request.urlopen(f"{self.url}updates", timeout=10) as stream:  # noqa: S310
            line = next(line for line in stream if line.startswith(b"data: {"))
        port: int = json.loads(line.removeprefix(b"data: "))["items"]["bench"]["broker"]["port"]
        return port

    def end(self, number: signal.Signals) -> float:
        """Send a signal; how long the bench took to end well."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(10) == 0
        return time.monotonic() - began_s

    def close(self) -> None:
        """End it, if it still runs."""
        self.process.terminate()
        self.process.communicate(timeout=10)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with contextlib.closing(Bench("0")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass(slots=True)
class Visit:
    """An open page, and everything that went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def event(self, sentence: str | re.Pattern[str]) -> Locator:
        """The newest event that says so."""
        return self.page.locator("#log .entry .what").filter(has_text=sentence).first

    def serving(self, counter: str) -> Locator:
        return self.page.locator(f"[data-counter={counter}] .serving")

    def device(self, name: str) -> Locator:
        return self.page.locator(f"[data-device={name}]")

    def counter(self, name: str) -> Locator:
        return self.page.locator(f"[data-counter={name}]")

    def until_ready(self) -> None:
        """Every device is ready, in the daemon's own words."""
        expect(self.page.locator(".device .device-head.ready")).to_have_count(7)


Open = Callable[..., Visit]


@pytest.fixture
def visit(bench: Bench, browser: Browser) -> Iterator[Open]:
    """Opens pages; whatever the browser complains of fails the test."""
    opened = []

    def make(language: str, *, width: int = 1280, height: int = 800) -> Visit:
        context = browser.new_context(locale=language, viewport={"width": width, "height": height})
        made = Visit(context.new_page())
        made.page.set_default_timeout(PATIENCE_MS)
        made.page.on("console", lambda message: made.complaints.append(f"{message.type}: {message.text}"))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("request", lambda request: _expect_own(made, bench, request.url))
        made.page.goto(bench.url)
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.page.context.close()
        assert one.complaints == []


def _expect_own(visit: Visit, bench: Bench, url: str) -> None:
    if not url.startswith(bench.url):
        visit.complaints.append(f"asked for {url}")


BLACK_DOTS = """picture => {
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 0 && value === 0).length;
}"""
"""How many dots of a picture are black, in the browser's own eyes."""

WORDS = {
    "zh-CN": {
        "issued": "取号 A001（综合受理），前面 0 人",
        "printed": "printer-1：已打印",
        "called": "1号窗口 呼叫 A001",
        "serving": "正在办理 A001",
        "rated": "1号窗口 评价：非常满意",
        "rings": "phone-2 来电",
        "language": "English",
    },
    "en": {
        "issued": "Number A001 taken for 综合受理, 0 ahead",
        "printed": "printer-1: printed",
        "called": "A001 called to 1号窗口",
        "serving": "Serving A001",
        "rated": "1号窗口 rated: Very satisfied",
        "rings": "phone-2 rings",
        "language": "中文",
    },
}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_morning_at_the_hall(visit: Open, language: str) -> None:
    words, other = WORDS[language], WORDS["en" if language == "zh-CN" else "zh-CN"]
    one = visit(language)
    page = one.page
    one.until_ready()

    page.click("[data-service=general]")
    slip = one.device("printer-1").locator(".slip.cut")
    expect(slip).to_have_count(1)
    picture = slip.locator("img")
    expect(picture).to_have_attribute("alt", re.compile(r"综合受理.*\n(.*\n)*\s*A001\n"))
    expect(picture).to_be_visible()
    shown = picture.evaluate("picture => [picture.complete, picture.naturalWidth, picture.naturalHeight > 300]")
    assert shown == [True, 48 * 12, True]
    assert picture.evaluate(BLACK_DOTS) > 2000, "the ink of a ticket"
    expect(one.event(words["issued"])).to_be_visible()
    expect(one.event(words["printed"])).to_be_visible()

    page.click("[data-counter=c1] [data-action=next]")
    expect(one.device("display-1").locator(".shown")).to_have_text("请A001到1号窗口")
    expect(one.serving("c1")).to_have_text(words["serving"])
    expect(one.event(words["called"])).to_be_visible()

    page.click("[data-counter=c1] [data-action=finish]")
    expect(one.device("panel-1").locator(".asking")).to_be_visible()
    one.device("panel-1").locator("[data-level='5']").click()
    expect(one.event(words["rated"])).to_be_visible()

    one.device("phone-2").locator("[data-key=ring]").click()
    expect(one.event(words["rings"])).to_be_visible()
    one.device("phone-2").locator("[data-key=pick-up]").click()
    expect(one.device("phone-2").locator(".lifted .bell, .phone.lifted")).to_have_count(2)

    page.click("#language")
    for key in ("issued", "printed", "called", "rated", "rings"):
        expect(one.event(other[key])).to_be_visible()
    expect(page.locator("#language")).to_have_text(other["language"])
    page.reload()
    expect(one.event(other["called"])).to_be_visible()


def test_a_paused_counter_says_so_and_calls_nobody(visit: Open) -> None:
    one = visit("en")
    one.until_ready()
    counter, board = one.counter("c1"), one.device("display-1").locator(".shown")
    counter.locator(".more summary").press("Enter")
    counter.get_by_label("reason, if any").fill("取药去了")
    counter.get_by_role("button", name="Pause").press("Enter")
    expect(counter.locator(".stand")).to_have_text("paused 取药去了")
    expect(one.event("1号窗口 is paused 取药去了")).to_be_visible()
    expect(board).to_have_text("1号窗口\n暂停服务 取药去了")
    counter.locator("[data-action=next]").click()
    expect(one.page.locator(".toast")).to_contain_text("the counter is paused: nothing can be called to it")
    counter.get_by_label("staff number, if any").fill("012")
    counter.locator("[data-action=open]").click()
    expect(counter.locator(".stand")).to_have_text("open 012")
    counter.locator("[data-action=close]").click()
    expect(counter.locator(".stand")).to_have_text("closed")
    expect(board).to_have_text("1号窗口\n停止服务")


def test_who_has_priority_is_called_first_and_the_call_can_be_taken_back(visit: Open) -> None:
    one = visit("en")
    one.until_ready()
    waiting = one.page.locator("[data-service=general] .figures")
    one.page.click("[data-service=general]")
    one.page.get_by_label("Priority").select_option("elderly")
    one.page.click("[data-service=general]")
    expect(one.event("Number A002 taken for 综合受理, 0 ahead (Elderly)")).to_be_visible()
    expect(one.page.get_by_label("Priority")).to_have_value("ordinary")
    expect(waiting).to_contain_text("2 waiting")
    counter = one.counter("c2")
    counter.locator("[data-action=next]").click()
    expect(one.serving("c2")).to_have_text("Serving A002")
    expect(one.device("display-2")).to_contain_text("spoken: 请A002到2号窗口")
    counter.locator(".more summary").click()
    counter.locator("[data-action=uncall]").click()
    expect(one.serving("c2")).to_have_text("Nobody")
    counter.locator("[data-action=next]").click()
    expect(one.serving("c2")).to_have_text("Serving A002")
    counter.get_by_label("to which service").select_option("insurance")
    counter.locator("[data-action=transfer]").click()
    expect(one.event("A002 sent on from 2号窗口 to 医疗保险")).to_be_visible()
    expect(waiting).to_contain_text("1 waiting")


def test_a_bad_rating_is_an_alert_until_its_follow_up_is_closed(visit: Open) -> None:
    one = visit("en")
    page = one.page
    one.until_ready()
    office = page.locator("#office")
    expect(office).to_contain_text("No alert is open")
    one.counter("c2").locator("[data-action=invite]").click()
    expect(one.event("2号窗口: rating opened")).to_be_visible()
    one.device("panel-2").locator("[data-level='1']").click()
    alert = office.locator("[data-alert=bad-rating]")
    expect(alert).to_contain_text("a visitor was dissatisfied, or very dissatisfied · follow-up 1")
    alert.get_by_label("what was found and done").fill("explained, apologised")
    office.get_by_label("who acts").fill("007")
    alert.locator("[data-action=acknowledge]").click()
    expect(alert).to_contain_text("seen by 007")
    expect(alert.get_by_label("what was found and done")).to_have_value("explained, apologised")
    alert.locator("[data-action=close-followup]").click()
    expect(alert).to_have_count(0)
    expect(one.event("007 closed follow-up 1: explained, apologised")).to_be_visible()


def test_readiness_is_checked_and_the_day_counted(visit: Open) -> None:
    one = visit("en")
    page = one.page
    one.until_ready()
    expect(page.locator(".readiness .result")).to_have_text("Not checked yet")
    page.click("[data-key=faults-phone-2]")
    page.click("[data-command=cut]")
    expect(one.device("phone-2").locator(".device-head.absent")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".readiness summary").press("Enter")
    page.click("[data-action=check]")
    expect(page.locator(".readiness .result")).to_have_text(re.compile("^not ready · "))
    expect(page.locator(".readiness .items li").first).to_contain_text("✗ phone-2 absent")
    expect(page.locator("#office [data-alert=not-ready]")).to_be_visible()
    page.click("[data-service=general]")
    page.locator(".day summary").press("Enter")
    expect(page.locator(".day dd").first).to_have_text("1 / 0 / 0 / 0")


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


def test_the_page_fits_a_telephone(visit: Open) -> None:
    one = visit("zh-CN", width=390, height=844)
    one.until_ready()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
    one.page.click("[data-service=insurance]")
    expect(one.device("printer-1").locator(".slip.cut img")).to_have_attribute("alt", re.compile("B001"))


def test_the_whole_hall_fits_a_small_screen_without_scrolling(visit: Open) -> None:
    for language in ("zh-CN", "en"):
        one = visit(language)
        one.until_ready()
        bottom = one.page.locator("[data-counter=c2]").bounding_box()
        assert bottom is not None
        assert bottom["y"] + bottom["height"] <= 800


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_open_page_does_not_hold_the_bench_back(bench: Bench, browser: Browser, number: signal.Signals) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(bench.url)
    page.locator("[data-device=printer-1]").wait_for()
    assert bench.end(number) < 3
    expect(page.locator("#lost")).to_be_visible()
    context.close()


def test_a_page_finds_a_bench_that_came_back(bench: Bench, browser: Browser) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(bench.url)
    page.locator("[data-device=printer-1]").wait_for()
    bench.end(signal.SIGTERM)
    expect(page.locator("#lost")).to_be_visible()
    with contextlib.closing(Bench(bench.port)):
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator(".device .device-head.ready")).to_have_count(7)
    context.close()

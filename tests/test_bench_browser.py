"""The page in a real browser, over a real ``kioskd bench``: what a technician does with it, in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser_rig import Open

pytestmark = pytest.mark.browser


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
    expect(one.device("display-2")).to_contain_text("spoken: 您好，请A002到2号窗口")
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


def test_why_an_alert_was_raised_is_told_in_the_language_of_the_page(visit: Open) -> None:
    one = visit("zh-CN")
    one.until_ready()
    for number in range(1, 5):
        one.page.click("[data-service=general]")
        expect(one.event(f"取号 A00{number}")).to_be_visible()
    alerts = one.page.locator("#office [data-alert]")
    queue = one.page.locator("#office [data-alert=queue-too-long]")
    expect(queue).to_contain_text("4 人在等，最多 3 人")
    expect(one.event("告警：一项业务排队的人太多（综合受理）：4 人在等，最多 3 人")).to_be_visible()
    one.counter("c2").locator("[data-action=invite]").click()
    one.device("panel-2").locator("[data-level='1']").click()
    bad = one.page.locator("#office [data-alert=bad-rating]")
    expect(bad).to_contain_text("2号窗口：非常不满意")
    assert [text for text in alerts.all_inner_texts() if re.search("[A-Za-z]{2}", text)] == []
    one.page.click("#language")
    expect(queue).to_contain_text("4 waiting, at most 3")
    expect(bad).to_contain_text("2号窗口: Very dissatisfied")


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

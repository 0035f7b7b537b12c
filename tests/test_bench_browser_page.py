"""The bench's page on screens of all sizes, and when the bench behind it ends and comes back."""

from __future__ import annotations

import contextlib
import re
import signal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser_rig import Bench, Open

pytestmark = pytest.mark.browser


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

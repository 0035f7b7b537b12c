"""What the tests in a real browser share: a running bench, and its page, watched for whatever goes wrong in it."""

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
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from simulators.bench.processes import child_environment, python_module

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
    """A running bench, on a port of its own."""
    with contextlib.closing(Bench("0")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
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

"""Who is let in by the bench's page, over a real uvicorn: this machine and nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.bench.web import STATIC
from tests.bench_rig import Page, open_page


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_page(tmp_path) as opened:
        yield opened


OTHERS = [
    "evil.example:{port}",
    "evil.example",
    "localhost",
    "localhost:1",
    "127.0.0.1:{port}.evil.example",
    "",
    "[::1]",
]


async def test_this_machines_own_names_are_answered(page: Page) -> None:
    for name in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST"):
        answer = await page.ask("GET", "/", [("Host", f"{name}:{page.port}")])
        assert (answer.status, "kioskd bench" in answer.body) == (200, True), name


async def test_a_name_that_somebody_points_here_is_refused(page: Page) -> None:
    for host in OTHERS:
        for path in ("/", "/updates", "/static/bench.js"):
            answer = await page.ask("GET", path, [("Host", host.format(port=page.port))])
            assert answer.status == 403, (host, path)


async def test_two_hosts_or_none_are_refused(page: Page) -> None:
    assert (await page.ask("GET", "/", [("Host", page.host), ("Host", "evil.example")])).status in (400, 403)
    assert (await page.ask("GET", "/", [])).status in (400, 403)


async def test_a_page_of_another_origin_is_refused(page: Page) -> None:
    for origin in ("http://evil.example", "null", f"https://localhost:{page.port}", "http://localhost:1", ""):
        for method, path in (("GET", "/updates"), ("POST", "/device/printer-1")):
            headers = [("Host", page.host), ("Origin", origin), ("X-Kioskd-Bench", "1")]
            assert (await page.ask(method, path, headers)).status == 403, (origin, method)


async def test_a_post_that_does_not_say_where_it_comes_from_is_refused(page: Page) -> None:
    headers = [("Host", page.host), ("Content-Type", "application/json")]
    press = json.dumps({"command": "paper-end"}).encode()
    assert (await page.ask("POST", "/device/printer-1", headers, press)).status == 403
    assert page.floor.state("printer-1")["state"]["status"]["paper_end"] is False
    assert (await page.ask("POST", "/device/printer-1", [*headers, ("X-Kioskd-Bench", "1")], press)).status == 204
    assert page.floor.state("printer-1")["state"]["status"]["paper_end"] is True


async def test_a_form_of_another_page_cannot_even_be_read(page: Page) -> None:
    own = [("Host", page.host), ("Origin", f"http://{page.host}")]
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await page.ask("POST", "/command", [*own, ("Content-Type", kind)], b'{"command": "ticket/take"}')
        assert answer.status == 415


async def test_every_answer_keeps_foreign_content_out(page: Page) -> None:
    for path in ("/", "/favicon.ico", "/static/bench.css", "/static/words.json", "/nothing"):
        answer = await page.get(path)
        assert answer.status == (404 if path == "/nothing" else 200)
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


async def test_nothing_outside_the_static_folder_is_served(page: Page) -> None:
    for path in ("/static/../web.py", "/static/%2e%2e/web.py", "/static/..%2fweb.py", "/static//etc/passwd"):
        assert (await page.get(path)).status == 404


def test_the_page_needs_nobody_else_and_never_reads_text_as_html() -> None:
    sources = [path for path in STATIC.iterdir() if path.suffix in (".js", ".html", ".css", ".svg")]
    assert len(sources) > 10
    for path in sources:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), path
        assert not re.search(r"<[^>]+ (style|on\w+)=|<script>", text), path

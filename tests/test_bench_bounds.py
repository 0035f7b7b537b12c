"""What the bench's page keeps and sends has an end, however much there is and however slowly it is read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.bench.paper import SHOWN_SLIPS
from simulators.bench.picture import KEPT_ENTRIES, Picture
from simulators.bench.web import MAX_VIEWERS
from tests.bench_rig import Page, Stream, Until, open_page, roll


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_page(tmp_path) as opened:
        yield opened


async def test_a_late_viewer_gets_the_end_of_each_log_once() -> None:
    picture = Picture(settle_s=0.0)
    for number in range(10_000):
        picture.add("messages", {"topic": "event/x/y", "payload": number, "retained": False})
        picture.put("topic/x", number)
    with picture.view() as view:
        update = await view.next(1)
        assert update is not None
        entries = update["logs"]["messages"]
        assert [entry["payload"] for entry in entries] == list(range(10_000 - KEPT_ENTRIES["messages"], 10_000))
        assert entries[-1]["n"] == 10_000
        assert update["items"] == {"topic/x": 9999}
        assert await view.next(0.01) is None


async def test_a_viewer_who_stops_reading_holds_nothing_up_and_skips_what_is_old(page: Page, until: Until) -> None:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", page.port))
    raw.sendall(f"GET /updates HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
    await until(lambda: page.picture.viewers == 1)
    for number in range(400):
        page.picture.put("topic/big", f"{number}:" + "x" * 200_000)
        await asyncio.sleep(0.003)
    raw.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=raw, limit=1 << 24)
    with contextlib.closing(Stream(reader, writer)) as stream:
        seen: list[str] = []
        while not seen or not seen[-1].startswith("399:"):
            seen.append((await stream.update(lambda update: "topic/big" in update["items"]))["items"]["topic/big"][:6])
    assert len(seen) < 100, "every old value was kept for a viewer who did not read"


async def test_there_is_room_for_so_many_pages_and_a_closed_one_gives_its_place_back(page: Page, until: Until) -> None:
    streams = [await page.watch() for _ in range(MAX_VIEWERS)]
    await until(lambda: page.picture.viewers == MAX_VIEWERS)
    assert (await page.get("/updates")).status == 503
    for stream in streams:
        stream.close()
    await until(lambda: page.picture.viewers == 0)


async def test_a_long_roll_is_shown_from_its_end(page: Page, tmp_path: Path, until: Until) -> None:
    host = os.open(tmp_path / "printer-1", os.O_RDWR | os.O_NOCTTY)
    try:
        for number in range(SHOWN_SLIPS + 3):
            os.write(host, f"{number}\n\x1dV\x00".encode())
        await until(lambda: str(SHOWN_SLIPS + 2) in json.dumps(roll(page)))
    finally:
        os.close(host)
    assert len(roll(page)) == SHOWN_SLIPS


async def test_an_open_page_does_not_keep_the_server_alive(page: Page) -> None:
    with contextlib.closing(await page.watch()) as stream:
        await stream.update()
        page.picture.close()
        page.server.should_exit = True
        assert await asyncio.wait_for(_rest(stream.reader), 2) is not None


async def _rest(reader: asyncio.StreamReader) -> bytes:
    return await reader.read()

"""What the tests of the bench's page share: the page over a real uvicorn, and a client that may send anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from simulators.bench.bench import Bench, Plan, make_server
from simulators.bench.broker import choose_broker
from simulators.bench.floor import Floor
from simulators.bench.hall import DEFAULT_HALL, read_hall
from simulators.bench.picture import Picture

Until = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> str:
        return self.content.decode()


@dataclass(slots=True)
class Page:
    """A bench without its programs, and a client that may send any header it likes."""

    port: int
    picture: Picture
    floor: Floor
    server: uvicorn.Server

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    async def open(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> Stream:
        """Send a request, whatever its headers say."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        writer.write("\r\n".join(head).encode() + body)
        return Stream(reader, writer)

    async def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send a request and wait for its whole answer."""
        length = [("Content-Length", str(len(body)))] if body else []
        stream = await self.open(method, path, [*headers, *length, ("Connection", "close")], body)
        with contextlib.closing(stream):
            raw = await asyncio.wait_for(stream.reader.read(), 10)
        head, _, rest = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines)
        return Answer(int(status.split()[1]), fields, rest)

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path, [("Host", self.host)])

    async def post(self, path: str, body: object, *headers: tuple[str, str]) -> Answer:
        """As the page itself would."""
        own = [("Host", self.host), ("Origin", f"http://{self.host}"), ("Content-Type", "application/json")]
        return await self.ask("POST", path, [*own, *headers], json.dumps(body).encode())

    async def watch(self) -> Stream:
        """An open page."""
        return await self.open("GET", "/updates", [("Host", self.host)])


@dataclass(slots=True)
class Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        self.writer.transport.abort()

    async def update(self, wanted: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
        """The next update that is `wanted`."""
        async with asyncio.timeout(10):
            while True:
                line = await self.reader.readline()
                assert line, "the stream ended"
                if line.startswith(b"data: {"):
                    update: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                    if wanted(update):
                        return update


@contextlib.asynccontextmanager
async def open_page(tmp_path: Path) -> AsyncIterator[Page]:
    """The shipped hall's page; the daemon and the other programs are not started."""
    picture = Picture(settle_s=0.002)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plan = Plan(read_hall(DEFAULT_HALL, []), tmp_path, listener)
        async with Floor(plan.hall, tmp_path, picture) as floor:
            bench = Bench(plan, floor, choose_broker(tmp_path), picture)
            picture.put("bench", bench.about())
            server = make_server(picture, bench, port=listener.getsockname()[1])
            serving = asyncio.create_task(server.serve([listener]))
            yield Page(listener.getsockname()[1], picture, floor, server)
            picture.close()
            server.should_exit = True
            await asyncio.wait_for(serving, 5)


def roll(page: Page) -> list[dict[str, Any]]:
    slips: list[dict[str, Any]] = page.floor.state("printer-1")["state"]["slips"]
    return slips

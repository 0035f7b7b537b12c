"""The bench's page over a real uvicorn, with real simulators on real lines: who is let in, and what he gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image

from drivers.printer.fonts import Fonts
from simulators import escpos_png
from simulators.bench.bench import Bench, Plan, make_server
from simulators.bench.broker import choose_broker
from simulators.bench.floor import Floor
from simulators.bench.hall import DEFAULT_HALL, read_hall
from simulators.bench.mqtt import MAX_TOPICS, Messages
from simulators.bench.paper import SHOWN_SLIPS
from simulators.bench.picture import KEPT_ENTRIES, Picture
from simulators.bench.web import MAX_BODY_BYTES, MAX_VIEWERS, STATIC

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


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
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


# who is let in


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


# what the page gets


async def test_a_page_first_gets_everything_and_then_what_changes(page: Page) -> None:
    with contextlib.closing(await page.watch()) as stream:
        first = await stream.update()
        assert first["first"] is True
        devices = first["items"]["bench"]["devices"]
        assert {f"device/{name}" for name in devices} <= first["items"].keys()
        assert first["items"]["bench"]["counters"]["c1"]["panel"] == "panel-1"
        assert first["items"]["device/printer-1"]["state"]["slips"] == [
            {"number": 0, "changes": 0, "cut": None, "torn": False, "ink": False, "text": ""}
        ]
        assert "paper-end" in first["items"]["bench"]["simulators"]["printer-1"]["commands"]
        assert (await page.post("/device/printer-1", {"command": "paper-end"})).status == 204
        changed = await stream.update(lambda update: "device/printer-1" in update["items"])
        assert changed["first"] is False
        assert changed["items"]["device/printer-1"]["state"]["status"]["paper_end"] is True
        assert "device/display-1" not in changed["items"]


async def test_bytes_on_a_real_line_come_out_as_paper_and_as_hex(page: Page, tmp_path: Path) -> None:
    link = page.floor.links["printer-1"]
    assert link == f"serial://{tmp_path}/printer-1?baud=19200&flow=xonxoff"
    host = os.open(tmp_path / "printer-1", os.O_RDWR | os.O_NOCTTY)
    try:
        with contextlib.closing(await page.watch()) as stream:
            await stream.update()
            os.write(host, "票号 <b>A001</b>\n\x1dV\x00".encode("gb18030"))
            cut = await stream.update(lambda update: _slips(update)[:1] and _slips(update)[0]["cut"])
            assert _slips(cut)[0]["text"] == "票号 <b>A001</b>"
            heard = cut if "wire" in cut["logs"] else await stream.update(lambda update: "wire" in update["logs"])
            piece = heard["logs"]["wire"][0]
            assert (piece["device"], piece["direction"]) == ("printer-1", "to-device")
            assert bytes.fromhex(piece["bytes"]).startswith("票号".encode("gb18030"))
    finally:
        os.close(host)


def _slips(update: dict[str, Any]) -> list[dict[str, Any]]:
    device = update["items"].get("device/printer-1")
    slips: list[dict[str, Any]] = device["state"]["slips"] if device else []
    return slips


async def test_every_simulator_can_be_told_something(page: Page) -> None:
    told = {
        "printer-1": "cover-open",
        "display-1": "off",
        "display-2": "off",
        "panel-1": "stuck 1",
        "panel-2": "stuck 5",
        "phone-1": "ring 1 12345",
        "phone-2": "pick-up",
    }
    assert told.keys() == page.floor.links.keys()
    for name, command in told.items():
        assert (await page.post(f"/device/{name}", {"command": command})).status == 204, name
    state = {name: page.floor.state(name)["state"] for name in told}
    assert state["printer-1"]["status"]["cover_open"]
    assert not state["display-1"]["on"]
    assert not state["display-2"]["on"]
    assert state["panel-1"]["stuck"] == 1
    assert [key["level"] for key in state["panel-2"]["keys"] if key["down"]] == [5]
    assert state["phone-1"]["ringing"]
    assert state["phone-2"]["off_hook"]


async def test_a_pulled_cable_can_be_plugged_in_again(page: Page, tmp_path: Path) -> None:
    await page.post("/device/phone-1", {"command": "cut"})
    assert page.floor.state("phone-1")["cut"]
    assert not (tmp_path / "phone-1").is_symlink()
    await page.post("/device/phone-1", {"command": "restore"})
    assert (tmp_path / "phone-1").is_symlink()


async def test_a_cable_pulled_in_the_middle_of_a_ticket_is_seen_to_be_out(page: Page, tmp_path: Path) -> None:
    await page.post("/device/printer-1", {"command": "cut after 5"})
    host = os.open(tmp_path / "printer-1", os.O_RDWR | os.O_NOCTTY)
    try:
        with contextlib.closing(await page.watch()) as stream:
            await stream.update()
            os.write(host, b"0123456789\n")
            update = await stream.update(lambda update: update["items"].get("device/printer-1", {}).get("cut"))
            assert update["items"]["device/printer-1"]["state"]["received_bytes"] == 5
    finally:
        os.close(host)


WRONG: list[tuple[str, object, int, str]] = [
    ("/device/printer-1", {"command": "explode"}, 400, "unknown command 'explode'"),
    ("/device/panel-1", {"command": "press 9"}, 400, "expected a key, one of 1, 2, 3"),
    ("/device/printer-9", {"command": "refill"}, 404, "printer-9"),
    ("/device/printer-1", {"command": "re\nfill"}, 400, "printable"),
    ("/device/printer-1", {"command": "x" * 201}, 400, "at most 200"),
    ("/device/printer-1", {"command": 5}, 400, "printable text"),
    ("/device/printer-1", ["refill"], 400, "expected a JSON object"),
    ("/device/printer-1", {"command": "refill", "padding": "x" * MAX_BODY_BYTES}, 413, str(MAX_BODY_BYTES)),
    ("/command", {"command": "ticket/take", "data": []}, 400, "expected data to be an object"),
    ("/command", {"command": "ticket/take", "data": {}}, 503, "send does not run"),
    ("/process/daemon", {"action": "explode"}, 404, "explode"),
    ("/process/sshd", {"action": "stop"}, 404, "sshd"),
]


async def test_what_is_wrong_is_said_in_words(page: Page) -> None:
    for path, body, status, words in WRONG:
        answer = await page.post(path, body)
        assert (answer.status, words in answer.body) == (status, True), (path, answer.body)


async def test_what_is_no_json_is_refused(page: Page) -> None:
    own = [("Host", page.host), ("Origin", f"http://{page.host}"), ("Content-Type", "application/json")]
    for body in (b"{", b"\xff\xfe", b"[" * 10_000):
        assert (await page.ask("POST", "/command", own, body)).status == 400


@contextlib.asynccontextmanager
async def _printed(page: Page, tmp_path: Path, data: bytes, until: Until, slips: int) -> AsyncIterator[None]:
    """`data` has come out of the printer as so many slips, the last of them hanging from it."""
    host = os.open(tmp_path / "printer-1", os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(host, data)
        await until(lambda: len(_roll(page)) == slips and _roll(page)[-1]["ink"])
        yield
    finally:
        os.close(host)


async def test_a_slip_is_a_picture_of_what_stands_on_the_paper(page: Page, tmp_path: Path, until: Until) -> None:
    data = "票号 A001 𠮷\n".encode("gb18030") + b"\x1dv0\0\2\0\1\0\xff\x01" + b"\x1dV\x00B\n"
    async with _printed(page, tmp_path, data, until, 2):
        first, second = _roll(page)
    assert first["text"] == "票号 A001 𠮷"
    answer = await page.get(f"/slip/printer-1/{first['number']}.png")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    with Image.open(BytesIO(answer.content)) as picture:
        assert (picture.mode, picture.size) == ("1", (48 * 12, 30 + 1))
        bottom = [x for x in range(picture.width) if not picture.getpixel((x, 30))]
    assert bottom == [*range(8), 15]
    other = await page.get(f"/slip/printer-1/{second['number']}.png")
    assert other.content != answer.content


@pytest.mark.parametrize("path", ["/slip/printer-1/7.png", "/slip/display-1/0.png", "/slip/nobody/0.png"])
async def test_there_is_no_picture_of_what_is_not_there(page: Page, path: str) -> None:
    assert (await page.get(path)).status == 404


async def test_a_machine_without_a_font_says_what_to_install(
    page: Page, tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escpos_png, "_machine_fonts", lambda: Fonts(tmp_path / "no-fonts"))
    async with _printed(page, tmp_path, "号\n".encode("gb18030"), until, 1):
        answer = await page.get("/slip/printer-1/0.png")
    assert (answer.status, "apt install fonts-droid-fallback" in answer.body) == (400, True)


# bounds


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
        await until(lambda: str(SHOWN_SLIPS + 2) in json.dumps(_roll(page)))
    finally:
        os.close(host)
    assert len(_roll(page)) == SHOWN_SLIPS


def _roll(page: Page) -> list[dict[str, Any]]:
    slips: list[dict[str, Any]] = page.floor.state("printer-1")["state"]["slips"]
    return slips


async def test_an_open_page_does_not_keep_the_server_alive(page: Page) -> None:
    with contextlib.closing(await page.watch()) as stream:
        await stream.update()
        page.picture.close()
        page.server.should_exit = True
        assert await asyncio.wait_for(_rest(stream.reader), 2) is not None


async def _rest(reader: asyncio.StreamReader) -> bytes:
    return await reader.read()


# what the programs say


@pytest.fixture
async def heard() -> tuple[Picture, Messages]:
    picture = Picture(settle_s=0.0)
    return picture, Messages(picture, "kioskd/h/k")


async def everything(picture: Picture) -> Mapping[str, Any]:
    with picture.view() as view:
        update = await view.next(1)
        assert update is not None
        return update


def line(topic: str, payload: object, *, retained: bool = False) -> bytes:
    return json.dumps({"topic": topic, "payload": payload, "retained": retained}).encode()


async def test_statuses_stand_and_events_pass(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.watched(line("kioskd/h/k/device/p", {"state": "ready"}, retained=True))
    messages.watched(line("device/p", {"state": "absent"}))
    messages.watched(line("event/ticket/issued", {"number": "A001"}))
    update = await everything(picture)
    assert update["items"] == {"topic/device/p": {"state": "absent"}}
    assert [entry["topic"] for entry in update["logs"]["messages"]] == ["device/p", "device/p", "event/ticket/issued"]


async def test_what_a_broker_repeats_is_no_news(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for _ in range(3):
        messages.watched(line("device/p", {"state": "ready"}, retained=True))
    assert len((await everything(picture))["logs"]["messages"]) == 1


async def test_a_cleared_topic_stands_no_more(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.watched(line("device/p", {"state": "ready"}, retained=True))
    messages.watched(line("device/p", ""))
    assert (await everything(picture))["items"] == {}


async def test_strangers_topics_and_payloads_are_bounded(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for number in range(MAX_TOPICS + 50):
        messages.watched(line(f"device/{number}", {"state": "ready"}))
    messages.watched(line("event/x/y", "x" * 100_000))
    update = await everything(picture)
    assert len(update["items"]) == MAX_TOPICS
    assert update["logs"]["messages"][-1]["payload"] == {"bytes": 100_002}


async def test_output_that_is_no_json_is_noted(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    for nonsense in (b"Traceback", b"[]", b"\xff"):
        messages.watched(nonsense)
    notes = (await everything(picture))["logs"]["notes"]
    assert [note["code"] for note in notes] == ["not-json"] * 3
    assert notes[0]["text"] == "Traceback"


async def test_only_the_senders_own_answers_are_taken_from_the_sender(heard: tuple[Picture, Messages]) -> None:
    picture, messages = heard
    messages.replied(b'{"id": "1", "status": "done"}')
    messages.replied(b'{"id": "2", "status": "no-answer"}')
    entries = (await everything(picture))["logs"]["messages"]
    assert [entry["payload"]["id"] for entry in entries] == ["2"]

"""What the bench's page gets and may ask for, over a real uvicorn, with real simulators on real lines."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from drivers.printer.fonts import Fonts
from simulators import escpos_png
from simulators.bench.web import MAX_BODY_BYTES
from tests.bench_rig import Page, Until, open_page, roll


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_page(tmp_path) as opened:
        yield opened


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
async def printed(page: Page, tmp_path: Path, data: bytes, until: Until, slips: int) -> AsyncIterator[None]:
    """`data` has come out of the printer as so many slips, the last of them hanging from it."""
    host = os.open(tmp_path / "printer-1", os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(host, data)
        await until(lambda: len(roll(page)) == slips and roll(page)[-1]["ink"])
        yield
    finally:
        os.close(host)


async def test_a_slip_is_a_picture_of_what_stands_on_the_paper(page: Page, tmp_path: Path, until: Until) -> None:
    data = "票号 A001 𠮷\n".encode("gb18030") + b"\x1dv0\0\2\0\1\0\xff\x01" + b"\x1dV\x00B\n"
    async with printed(page, tmp_path, data, until, 2):
        first, second = roll(page)
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
    async with printed(page, tmp_path, "号\n".encode("gb18030"), until, 1):
        answer = await page.get("/slip/printer-1/0.png")
    assert (answer.status, "apt install fonts-droid-fallback" in answer.body) == (400, True)

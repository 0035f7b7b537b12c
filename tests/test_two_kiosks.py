"""Two daemons serve one hall with prefixes of their own, over one broker: neither is disturbed by the other."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until

VISITORS = 6


async def day(kiosk: SimulatedKiosk, prefix: str) -> list[str]:
    """Some numbers are taken, called and finished; those that were called."""
    called = []
    for _ in range(VISITORS):
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        called.append((await kiosk.ask("ticket/next", counter="1"))["data"]["number"])
        await kiosk.board_shows(f"请{called[-1]}到1号窗口")
    assert (await kiosk.ask("ticket/finish", counter="1"))["status"] == "done"
    assert called == [f"{prefix}{number:03d}" for number in range(1, VISITORS + 1)]
    return called


async def test_row_1_two_daemons_in_one_hall_do_not_disturb_each_other(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    folders = tmp_path / "k1", tmp_path / "k2"
    for folder in folders:
        folder.mkdir()
    async with (
        SimulatedKiosk(folders[0], broker, listen()) as first,
        SimulatedKiosk(folders[1], broker, listen(), name="k2") as second,
    ):
        second.write_configuration(**{'prefix = "A"': 'prefix = "B"'})
        for kiosk in (first, second):
            kiosk.start()
            await kiosk.ready()
        await asyncio.gather(day(first, "A"), day(second, "B"))
        for kiosk, prefix in ((first, "A"), (second, "B")):
            assert {event["source"] for event in kiosk.events()} == {f"/kioskd/demo/{kiosk.name}"}
            numbers = {event["data"]["number"] for event in kiosk.events("ticket.called")}
            assert numbers == {f"{prefix}{number:03d}" for number in range(1, VISITORS + 1)}
            assert len(kiosk.slips) == VISITORS
            assert all(prefix in "".join(slip) for slip in kiosk.slips)
        # the same id at both is a command of each: a deliberate collision
        replies = [
            await kiosk.answer(kiosk.send("ticket/take", command="same", service="a")) for kiosk in (first, second)
        ]
        assert [reply["data"]["number"] for reply in replies] == ["A007", "B007"]
        first.kill()
        assert (await second.ask("ticket/take", service="a"))["data"]["number"] == "B008"
        first.start()
        await first.ready()
        await until(lambda: first.status("queue/a").get("waiting") == 1, "the queue of before")
        assert second.status("queue/a")["waiting"] == 2

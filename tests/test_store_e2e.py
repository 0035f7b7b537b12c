"""The real daemon on a disk that does not work: it serves its devices, says so, and uses the disk when it can."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until


async def test_it_starts_serves_and_stops_without_a_disk_and_uses_it_once_it_works(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    in_the_way = tmp_path / "var"
    in_the_way.write_text("a file where the store's directory should be")
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.write_configuration(**{f"{tmp_path}/kioskd.db": f"{in_the_way}/kioskd.db"})
        kiosk.start()
        await kiosk.ready()
        assert kiosk.status("status")["store"] == "failing"
        refused = await kiosk.ask("ticket/take", service="a")
        assert (refused["status"], refused["reason"]) == ("rejected", "store-failed")
        assert (await kiosk.ask("display/show", display="led-1", text="A"))["reason"] == "store-failed"
        kiosk.lines["keypad"].command("press 5")
        assert await kiosk.stop() < 3.0
        assert kiosk.events() == []
        assert kiosk.slips == []

        kiosk.start()
        await kiosk.ready()
        assert kiosk.status("status")["store"] == "failing"
        in_the_way.unlink()
        await until(lambda: kiosk.status("status")["store"] == "ok", "the store to work")
        assert (await kiosk.ask("ticket/take", service="a"))["data"]["number"] == "A001"
        await kiosk.board_shows("1号窗口")
        await kiosk.event("daemon.started")
        assert await kiosk.stop() < 3.0
    sequences = [int(event["sequence"]) for event in kiosk.events()]
    assert sequences == list(range(1, len(sequences) + 1))

"""A kiosk that is killed while a telephone rings: the call ends at the next start, whatever became of the telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        yield simulated


def take_the_phone_away(kiosk: SimulatedKiosk) -> None:
    whole = kiosk.configuration.read_text(encoding="utf-8")
    device = whole[whole.index("[devices.phone-1]") :]
    kiosk.write_configuration(**{device: "", 'phone = "phone-1"\n': ""})


async def until_started_again(kiosk: SimulatedKiosk, count: int) -> None:
    kiosk.start()
    await kiosk.event("daemon.started", count=count)


async def test_a_call_on_a_phone_that_is_gone_ends_as_unknown_once(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["phone"].command("ring 9")
    await kiosk.event("alert.raised", alert="phone-unanswered")
    kiosk.kill()
    take_the_phone_away(kiosk)
    await until_started_again(kiosk, 2)
    ended = (await kiosk.event("phone.unknown"))["data"]
    assert (ended["phone"], ended["reason"]) == ("phone-1", "interrupted")
    assert ended["rings"] >= 4
    await kiosk.event("alert.cleared", alert="phone-unanswered", about="phone-1")
    await until(lambda: kiosk.status("alerts").get("open") == 0, "no open alert")
    await kiosk.stop()
    await until_started_again(kiosk, 3)
    await kiosk.ask("ticket/take", service="a")  # all that a start brings about was stored before this
    assert len({event["id"] for event in kiosk.events("phone.unknown")}) == 1
    assert kiosk.events("phone.missed") == kiosk.events("phone.answered") == []

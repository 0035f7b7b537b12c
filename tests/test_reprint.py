"""A lost ticket and a spoilt one, as staff and the queue's software see them: commands, replies, events and paper."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        yield simulated


async def test_a_lost_ticket_is_printed_again_on_command(kiosk: SimulatedKiosk) -> None:
    kiosk.start()
    await kiosk.ready()
    first, lost = [await kiosk.ask("ticket/take", service="a") for _ in range(2)]
    await kiosk.ask("ticket/next", counter="1")  # the first: one less is ahead of the second now
    ticket = lost["data"]["ticket"]
    command = kiosk.send("ticket/reprint", ticket=ticket)
    reply = await kiosk.answer(command)
    assert (reply["status"], reply["data"]) == ("done", {"ticket": ticket, "number": "A002", "copy_number": 2})
    assert kiosk.replies(command)[0]["data"]["copy_number"] == 2
    assert "补打" not in kiosk.slips[1]
    assert {"补打", "A002", "前面等候：0人"} <= set(kiosk.slips[2])
    taken = [line for line in kiosk.slips[1] if line.startswith("取号时间")]
    assert taken == [line for line in kiosk.slips[2] if line.startswith("取号时间")]
    assert [event["data"]["copy_number"] for event in kiosk.events("print.printed")] == [1, 1, 2]
    kiosk.send("ticket/reprint", command=command, ticket=ticket)
    await until(lambda: len(kiosk.replies(command)) == 3, "the same answer again")
    await kiosk.ask("ticket/finish", counter="1")
    over = await kiosk.ask("ticket/reprint", ticket=first["data"]["ticket"])
    unknown = await kiosk.ask("ticket/reprint", ticket="20261121-A999")
    assert [(each["status"], each["reason"]) for each in (over, unknown)] == [
        ("rejected", "ticket-over"),
        ("rejected", "unknown-ticket"),
    ]
    assert len(kiosk.slips) == 3
    assert (await kiosk.ask("ticket/next", counter="1"))["data"]["number"] == "A002"
    await kiosk.stop()


async def test_a_spoilt_ticket_is_printed_once_more_or_withdrawn_as_configured(kiosk: SimulatedKiosk) -> None:
    kiosk.start()
    await kiosk.ready()

    async def spoil() -> str:
        await kiosk.device_is("printer-1", "ready")
        kiosk.lines["printer"].command("cover-open at 120")
        command = kiosk.send("ticket/take", service="a", deadline_s=60)
        await kiosk.device_is("printer-1", "faulted")
        return command

    command = await spoil()
    failed = await kiosk.event("print.failed")
    assert (failed["data"]["paper"], failed["data"]["again"], failed["data"]["reason"]) == (True, True, "cover-open")
    assert (await kiosk.ask("ticket/next", counter="1"))["reason"] == "nothing-waiting"
    kiosk.lines["printer"].command("cover-close")
    reply = await kiosk.answer(command)
    assert (reply["status"], reply["data"]["copy_number"]) == ("done", 2)
    (slip,) = kiosk.slips
    assert {"补打", "A001"} <= set(slip)
    void = [slip.lines[-1] for slip in kiosk.printer.paper.slips if slip.lines and slip.cut]
    assert [line for line in void if "VOID" in line] == ["作废 VOID"]

    kiosk.write_configuration(**{'complaint_phone = "12345"': 'complaint_phone = "12345"\non_failure = "withdraw"'})
    kiosk.process.send_signal(signal.SIGHUP)
    await kiosk.event("configuration.reloaded")
    command = await spoil()
    reply = await kiosk.answer(command)
    assert (reply["status"], reply["reason"], reply["data"]["copy_number"]) == ("failed", "cover-open", 1)
    await kiosk.event("ticket.withdrawn", number="A002", reason="cover-open")
    kiosk.lines["printer"].command("cover-close")
    await kiosk.stop()

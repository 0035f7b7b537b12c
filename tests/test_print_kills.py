"""The daemon is killed at random bytes of a ticket, and started again: what it says then is true of the paper."""

from __future__ import annotations

import random
from pathlib import Path

from simulators.escpos_paper import Slip
from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until

KILLS = 8
TICKET_BYTES = 380
"""Of the harness's ticket, the questions behind it included, a few more: what is past its end kills an idle daemon."""


async def test_killed_at_a_random_byte_of_a_ticket(tmp_path: Path, broker: Mosquitto, listen: Listen) -> None:
    chance = random.Random(20261121)
    commands: list[str] = []
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        for _ in range(KILLS):
            kiosk.start()
            await kiosk.ready()
            kiosk.printer.plan(kiosk.process.kill, chance.randrange(TICKET_BYTES))
            commands.append(kiosk.send("ticket/take", service="a", deadline_s=600))
            await until(lambda: kiosk.process.poll() is not None, "the kill")
            kiosk.kill()
        kiosk.start()
        await kiosk.ready()
        answers = [await kiosk.answer(command) for command in commands]
        sure, unsure = (
            {event["data"]["ticket"] for event in kiosk.events(name) if event["data"]["copy_number"] > 1}
            for name in ("print.printed", "print.unconfirmed")
        )
        await kiosk.stop()
        whole = [slip[slip.index("您的号码") + 1] for slip in kiosk.slips]
        assert len(set(whole)) == len(whole), "two valid slips with one number"
        marked = [slip for slip in kiosk.slips if "补打" in "".join(slip)]
        for answer in answers:
            number, status = answer["data"]["number"], answer["status"]
            allowed = {"done": (1,), "unconfirmed": (0, 1)}.get(status, (0,))
            assert whole.count(number) in allowed, answer
        assert len(sure) <= len(marked) <= len(sure | unsure)
        # half a slip never passes for a whole one: it ends with the mark, and was cut off
        halves = [slip for slip in kiosk.printer.paper.slips if slip.lines and _stripped(slip) not in kiosk.slips]
        assert all(slip.cut and "VOID" in slip.lines[-1] for slip in halves)


def _stripped(slip: Slip) -> list[str]:
    return [line.strip() for line in slip.lines]

"""The check of readiness on a whole simulated kiosk: real lines, a real broker, and faults planted (rule 16)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.display_desk import PATTERN
from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until

QUICK = {
    'driver = "modem"\n': 'driver = "modem"\ncheck_every_s = 3600.0\nanswer_timeout_s = 0.2\n',
    'driver = "bx"\n': 'driver = "bx"\nmonitor_s = 3600.0\nanswer_s = 0.2\n',
    'driver = "escpos"\n': 'driver = "escpos"\npoll_s = 3600.0\nanswer_s = 0.2\n',
}
"""No device is asked by itself while a test lasts: only the check finds out."""


def items(report: Mapping[str, Any]) -> dict[str, tuple[object, ...]]:
    """What was found, by item: whether it is well, and why not."""
    return {item["item"]: (item["ok"], *item["reasons"]) for item in report["items"]}


def shown_on(kiosk: SimulatedKiosk) -> list[str]:
    """The texts on the board now."""
    return [area["text"] for area in kiosk.display.state()["areas"]]


async def report_of(kiosk: SimulatedKiosk, result: str, **data: object) -> dict[str, Any]:
    """The report of a check by command, which comes to `result`."""
    count = len(kiosk.events("readiness.checked"))
    reply = await kiosk.ask("readiness/check", deadline_s=60, **data)
    assert (reply["status"], reply["data"]["result"]) == ("done", result), reply
    event = await kiosk.event("readiness.checked", count=count + 1)
    await until(lambda: kiosk.status("readiness") == event["data"], "the retained report")
    found: dict[str, Any] = event["data"]
    return found


async def test_everything_is_tried_and_what_cannot_say_is_not_called_ready(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.write_configuration(**QUICK)
        kiosk.start()
        await kiosk.ready()
        await kiosk.board_shows("1号窗口")
        texts: list[str] = []
        kiosk.display.changed = lambda: texts.extend(shown_on(kiosk))
        report = await report_of(kiosk, "unconfirmed")
        await kiosk.board_shows("1号窗口")
        assert PATTERN in texts, "the board was not tried"
        assert kiosk.events("alert.raised") == []
        assert kiosk.slips == []
        await kiosk.stop()
    found = items(report)
    clock = found.pop("clock")
    assert clock in ((True,), (None, "clock-unconfirmed"))  # as the machine that tests has it
    assert found == {
        "disk": (True,),
        "broker": (True,),
        "led-1": (True,),
        "panel-1": (True,),
        "panel-2": (None, "never-answers"),
        "phone-1": (True,),
        "printer-1": (True,),
    }


async def test_nobody_who_is_served_sees_anything_of_it(tmp_path: Path, broker: Mosquitto, listen: Listen) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.start()
        await kiosk.ready()
        await kiosk.ask("ticket/take", service="a")
        await kiosk.ask("ticket/next", counter="1")
        await kiosk.board_shows("请A001到1号窗口")
        texts: list[str] = []
        kiosk.display.changed = lambda: texts.extend(shown_on(kiosk))
        await report_of(kiosk, "unconfirmed", printer="printer-1")
        assert set(texts) <= {"请A001到1号窗口"}
        await until(lambda: len(kiosk.slips) == 2, "the report on paper")
        assert "开门前检查" in kiosk.slips[1]
        assert any("panel-2" in line and "未知" in line for line in kiosk.slips[1])
        await kiosk.stop()


async def test_planted_faults_are_found_at_once_and_the_alert_stays_until_a_check_passes(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.write_configuration(**QUICK)
        kiosk.start()
        await kiosk.ready()
        for line, fault in (("printer", "paper-end"), ("display", "silent"), ("keypad", "cut"), ("phone", "silent")):
            kiosk.lines[line].command(fault)
        found = items(await report_of(kiosk, "not-ready"))
        assert found["printer-1"] == (False, "paper-end")
        assert found["led-1"] == (None, "no-answer")
        assert found["phone-1"] == (None, "no-answer")
        assert found["panel-1"] in ((False, "disconnected"), (False, "not-present"))
        assert found["panel-2"] == (None, "never-answers")
        alert = await kiosk.event("alert.raised", alert="not-ready")
        assert alert["data"]["detail"] == "; ".join(
            f"{device}: {found[device][1]}" for device in ("led-1", "panel-1", "phone-1", "printer-1")
        )

        for line, mend in (("printer", "refill"), ("display", "silent off"), ("keypad", "restore")):
            kiosk.lines[line].command(mend)
        for device in ("printer-1", "led-1", "panel-1"):
            await kiosk.device_is(device, "ready")
        await report_of(kiosk, "not-ready")
        assert [e for e in kiosk.events("alert.cleared") if e["data"]["alert"] == "not-ready"] == []
        kiosk.lines["phone"].command("silent off")
        await kiosk.device_is("phone-1", "ready")
        await report_of(kiosk, "unconfirmed")
        await kiosk.event("alert.cleared", alert="not-ready")
        assert len([e for e in kiosk.events("alert.raised") if e["data"]["alert"] == "not-ready"]) == 1
        await kiosk.stop()


async def test_a_printer_is_asked_and_not_remembered(tmp_path: Path, broker: Mosquitto, listen: Listen) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.write_configuration(**QUICK)
        kiosk.start()
        await kiosk.ready()
        kiosk.lines["display"].command("silent")  # it shows no pattern that would have to be waited for
        kiosk.lines["printer"].command("paper-near-end")
        assert items(await report_of(kiosk, "not-ready"))["printer-1"] == (False, "paper-near-end")
        kiosk.lines["printer"].command("refill")
        assert items(await report_of(kiosk, "not-ready"))["printer-1"] == (True,)
        kiosk.lines["printer"].command("silent")
        assert items(await report_of(kiosk, "not-ready"))["printer-1"] == (None, "no-answer")
        await kiosk.stop()

"""Counters, spoken calls and alerts of the real daemon, on its topics and on the board (rows 3, 11, 17 and 18)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk, until

VOICE = {'driver = "bx"': 'driver = "bx"\nvoice = true'}
SOON = {"[rating]": "[alerts]\ndevice_s = 1\n\n[rating]"}


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.write_configuration(**VOICE, **SOON)
        simulated.lines["display"].command("voice")
        simulated.start()
        await simulated.ready()
        await simulated.board_shows("1号窗口")
        yield simulated


async def topic_is(kiosk: SimulatedKiosk, topic: str, expected: dict[str, Any]) -> None:
    await until(lambda: kiosk.status(topic) == expected, f"{topic} to be {expected}; it is {kiosk.status(topic)}")


async def alerts_are(kiosk: SimulatedKiosk, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The list on topic ``alerts``, once `holds` is true of it."""

    def found() -> list[dict[str, Any]] | None:
        status = kiosk.status("alerts")
        return status["alerts"] if status and holds(status["alerts"]) else None

    await until(lambda: found() is not None, "the open alerts")
    return found() or []


async def test_a_counter_is_opened_paused_and_closed(kiosk: SimulatedKiosk) -> None:
    await topic_is(kiosk, "counter/1", {"state": "open", "staff": None, "reason": None, "number": None})
    opened = await kiosk.ask("counter/open", counter="1", staff="012")
    assert (opened["status"], opened["data"]) == ("done", {"state": "open", "staff": "012"})
    await kiosk.board_shows("1号窗口\n正在服务 工号012")
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    await topic_is(kiosk, "counter/1", {"state": "open", "staff": "012", "reason": None, "number": "A001"})
    await kiosk.ask("counter/pause", counter="1", reason="取药去了")
    await kiosk.board_shows("1号窗口\n暂停服务 取药去了")
    await topic_is(kiosk, "counter/1", {"state": "paused", "staff": "012", "reason": "取药去了", "number": "A001"})
    assert (await kiosk.ask("ticket/recall", counter="1"))["reason"] == "counter-paused"
    assert (await kiosk.ask("ticket/finish", counter="1"))["status"] == "done"
    await kiosk.ask("counter/close", counter="1")
    await kiosk.board_shows("1号窗口\n停止服务")
    refused = await kiosk.ask("ticket/next", counter="1")
    assert (refused["status"], refused["reason"]) == ("rejected", "counter-closed")
    assert [event["type"] for event in kiosk.events() if ".counter." in event["type"]] == [
        "kioskd.counter.opened",
        "kioskd.counter.paused",
        "kioskd.counter.closed",
    ]


async def test_the_board_says_so_after_a_restart_of_the_board_and_of_the_daemon(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("counter/pause", counter="1", reason="午休")
    await kiosk.board_shows("1号窗口\n暂停服务 午休")
    kiosk.kill()
    kiosk.lines["display"].command("restart")
    kiosk.start()
    await kiosk.board_shows("1号窗口\n暂停服务 午休")
    await topic_is(kiosk, "counter/1", {"state": "paused", "staff": None, "reason": "午休", "number": None})


async def test_a_call_is_spoken_and_spoken_again(kiosk: SimulatedKiosk) -> None:
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    call = "请A001到1号窗口"
    await kiosk.event("display.spoken", display="led-1", text=call, confirmed=True)
    await kiosk.ask("ticket/recall", counter="1")
    await kiosk.event("display.spoken", count=2, text=call)
    assert kiosk.display.state()["spoken"] == [call, call]
    await kiosk.board_shows(call)


async def test_a_call_that_the_board_will_not_speak_is_an_event(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["display"].command("voice off")
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="1")
    failed = await kiosk.event("display.speech-failed", display="led-1", text="请A001到1号窗口")
    assert failed["data"]["reason"] == "rejected"
    await kiosk.board_shows("请A001到1号窗口")


async def test_who_takes_a_number_is_told_how_long_it_will_take(kiosk: SimulatedKiosk) -> None:
    await until(lambda: kiosk.status("queue/a").get("forecast_s") == 0, "a free counter")
    for counter in ("1", "2", "1", "2", "1"):
        await kiosk.ask("ticket/take", service="a")
        assert (await kiosk.ask("ticket/next", counter=counter))["status"] == "done"
    # three were served, each in a moment, and both counters are busy
    await topic_is(kiosk, "queue/a", {"waiting": 0, "longest_wait_s": None, "forecast_s": 0})
    for counter in ("1", "2"):
        await kiosk.ask("counter/close", counter=counter)
    await topic_is(kiosk, "queue/a", {"waiting": 0, "longest_wait_s": None, "forecast_s": None})


async def test_a_printer_without_paper_is_an_alert_that_somebody_sees_to(kiosk: SimulatedKiosk) -> None:
    await topic_is(kiosk, "alerts", {"open": 0, "alerts": []})
    kiosk.lines["printer"].command("paper-near-end")
    (low,) = await alerts_are(kiosk, lambda alerts: [alert["alert"] for alert in alerts] == ["paper-low"])
    assert (low["about"], low["acknowledged_by"]) == ("printer-1", None)
    wrong = await kiosk.ask("alert/acknowledge", alert="paper-low", about="printer-2", by="012")
    assert (wrong["status"], wrong["reason"]) == ("rejected", "unknown-alert")
    await kiosk.ask("alert/acknowledge", alert="paper-low", about="printer-1", by="012")
    (seen,) = await alerts_are(kiosk, lambda alerts: alerts[0]["acknowledged_by"] is not None)
    assert (seen["acknowledged_by"], seen["raised_at"]) == ("012", low["raised_at"])
    await kiosk.event("alert.acknowledged", alert="paper-low", about="printer-1", by="012")
    kiosk.kill()
    kiosk.start()
    (kept,) = await alerts_are(kiosk, bool)
    assert kept == seen


async def test_a_board_that_is_gone_is_an_alert(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["display"].command("cut")
    await kiosk.device_is("led-1", "absent")
    (fault,) = await alerts_are(kiosk, bool)
    assert (fault["alert"], fault["about"]) == ("device-fault", "led-1")
    assert fault["detail"].startswith("absent, ")

"""The BX driver on a bad line, and with boards that refuse, fall silent or lie about whom they answer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from drivers.device import DeviceError, Reason, State
from drivers.display.capability import Shown
from simulators.stage import Endpoint, PtyEndpoint
from tests.bx_rig import FAST, READY, hall, until


@pytest.mark.parametrize("fault", ["half", "garbage-next", "bad-crc", "busy", "busy 3", "nack 5"])
async def test_a_lost_or_passing_answer_is_got_over(endpoint: Endpoint, fault: str) -> None:
    async with hall(endpoint, dataclasses.replace(FAST, monitor_s=60)) as here:
        await here.display.show("A001")
        here.stage.command(fault)
        assert await here.display.show("A002") is Shown.CONFIRMED
        assert here.text == "A002"
        assert here.errors == []
        assert here.conditions == [READY]


async def test_a_silent_board_is_not_believed_and_gets_the_text_when_it_speaks_again(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        await here.display.show("A001")
        here.stage.command("silent")
        with pytest.raises(DeviceError) as failed:
            await here.display.show("A002")
        assert failed.value.reason is Reason.NO_ANSWER
        here.stage.command("deaf")
        here.stage.command("silent off")
        with pytest.raises(DeviceError):
            await here.display.show("A003")
        here.stage.command("deaf off")
        await until(lambda: here.text == "A003")
        assert await here.display.show("A004") is Shown.CONFIRMED


async def test_noise_on_the_line_does_no_harm(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        await here.display.show("A001")
        here.stage.command("noise 100000")
        assert await here.display.show("A002") is Shown.CONFIRMED
        assert here.errors == []


async def test_another_boards_answer_is_nobodys(tcp: Endpoint) -> None:
    async with hall(tcp) as here:
        await here.display.show("A001")
        here.stage.command("wrong-address")
        with pytest.raises(DeviceError) as failed:
            await here.display.show("A002")
        assert failed.value.reason is Reason.WRONG_DEVICE
        assert "address 2" in failed.value.detail


async def test_at_9600_baud_a_long_text_is_waited_for(tmp_path: Path) -> None:
    options = dataclasses.replace(FAST, answer_s=0.3, monitor_s=60)
    async with hall(PtyEndpoint(tmp_path / "board", baud=9600), options, baud=9600) as here:
        assert await here.display.show("号" * 200) is Shown.CONFIRMED
        assert here.errors == []


async def test_the_board_says_what_is_wrong_with_the_text(endpoint: Endpoint) -> None:
    async with hall(endpoint, dataclasses.replace(FAST, monitor_s=60)) as here:
        await here.display.show("A001")
        here.stage.command("nack 12")
        with pytest.raises(DeviceError) as refused:
            await here.display.show("A002")
        assert refused.value.reason is Reason.REJECTED
        assert "font not found (code 12)" in refused.value.detail
        assert here.text == "A001"
        assert here.conditions[-1].state is State.DEGRADED
        assert here.conditions[-1].reasons == (Reason.REJECTED,)
        assert await here.display.show("A003") is Shown.CONFIRMED
        assert here.conditions[-1] == READY
        assert here.errors == []
        assert here.seen == ["A001", "A003"]


async def test_a_board_that_stays_busy_refuses_in_the_end(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, monitor_s=60)) as here:
        await here.display.show("A001")
        here.stage.command("busy 1000")
        with pytest.raises(DeviceError, match=r"busy \(code 3\)"):
            await here.display.show("A002")
        assert (here.text, here.errors) == ("A001", [])


async def test_a_text_kept_for_a_board_that_was_away_outlasts_its_being_busy(tcp: Endpoint) -> None:
    async with hall(tcp) as here:
        here.stage.pull()
        await until(lambda: bool(here.errors))
        with pytest.raises(DeviceError):
            await here.display.show("A001")
        here.stage.command("busy 30")
        here.stage.restore()
        await until(lambda: here.text == "A001")
        assert any(Reason.REJECTED in condition.reasons for condition in here.conditions)
        await until(lambda: here.conditions[-1] == READY)

"""The BX driver and a board that restarts, is unplugged, and comes back."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from drivers.device import DeviceError, Reason, State
from drivers.display.bx_area_protocol import Area
from drivers.display.bx_frame_protocol import HOST_ADDRESS, Packet, encode_packet
from drivers.display.bx_protocol import UpdateAreas, encode_request
from simulators.stage import Endpoint
from tests.bx_rig import FAST, READY, hall, until


async def test_a_restarted_board_shows_its_text_again_unasked(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        await here.display.show("A001")
        here.stage.command("restart")
        assert here.text is None
        await until(lambda: here.text == "A001")
        assert here.state["restarts"] == 1


async def test_a_quick_restart_is_noticed_by_the_missing_area(tcp: Endpoint) -> None:
    async with hall(tcp, boot_s=0.0) as here:
        await here.display.show("A001")
        updates = here.state["updates"]
        here.stage.command("restart")
        await until(lambda: here.text == "A001")
        assert here.state["updates"] == updates + 1
        assert here.errors == []


async def test_a_board_that_kept_its_text_is_left_alone(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, monitor_s=0.02)) as here:
        await here.display.show("A001")
        frames = here.state["frames"]
        await until(lambda: here.state["frames"] > frames + 5)
        assert here.state["updates"] == 1


async def test_after_a_cut_cable_only_the_newest_text_is_sent(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        await here.display.show("A001")
        here.stage.pull()
        await until(lambda: bool(here.errors))
        assert here.errors[0].reason is Reason.DISCONNECTED
        for text in ("A002", "A003", "A004"):
            with pytest.raises(DeviceError) as failed:
                await here.display.show(text)
            assert failed.value.reason is Reason.DISCONNECTED
        here.stage.restore()
        await until(lambda: here.text == "A004")
        assert here.seen == ["A001", "A004"]
        assert here.conditions == [READY, READY]  # each time the board has answered, whatever was said before


async def test_a_board_that_lost_its_text_behind_a_cut_cable_gets_it_back(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        await here.display.show("A001")
        here.stage.pull()
        here.stage.command("restart")
        here.stage.restore()
        await until(lambda: here.text == "A001")


async def test_what_others_showed_behind_a_cut_cable_is_replaced(tcp: Endpoint) -> None:
    async with hall(tcp) as here:
        await here.display.show("A001")
        here.stage.pull()
        theirs = UpdateAreas((Area(0, 0, 128, 32, b"lunch"),))
        here.board.receive(encode_packet(Packet(FAST.address, HOST_ADDRESS + 1, encode_request(theirs))))
        assert here.text == "lunch"
        here.stage.restore()
        await until(lambda: here.text == "A001")


async def test_a_cut_during_a_text_fails_the_call_and_keeps_the_text(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        here.stage.command("deaf")
        call = here.display.show("A001")
        await asyncio.sleep(0)
        here.stage.pull()
        with pytest.raises(DeviceError):
            await call
        here.stage.command("deaf off")
        here.stage.restore()
        await until(lambda: here.text == "A001")


async def test_before_the_first_connection_a_text_is_refused_and_kept(tcp: Endpoint) -> None:
    async with hall(tcp, answers=False) as here:
        with pytest.raises(DeviceError) as failed:
            await here.display.show("A001")
        assert failed.value.reason is Reason.NOT_PRESENT
        await until(lambda: here.text == "A001")


async def test_a_screen_that_is_off_is_reported(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, monitor_s=0.02)) as here:
        here.stage.command("off")
        await until(lambda: here.conditions[-1].reasons == (Reason.OFFLINE,))
        assert here.conditions[-1].state is State.DEGRADED
        here.stage.command("on")
        await until(lambda: here.conditions[-1] == READY)

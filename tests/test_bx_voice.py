"""The voice of a BX-6K-YY board (rows 18 and 20 of the service rules), over a real pty and a real TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.device import DeviceError, Reason
from drivers.display.bx import BxDisplay
from drivers.display.bx_frame_protocol import BROADCAST
from drivers.display.bx_options import BxOptions
from drivers.display.bx_reply_protocol import Error
from drivers.display.bx_voice import WAITING_MAX
from drivers.display.capability import Shown, Spoken
from simulators.stage import Endpoint
from tests.bx_rig import FAST, Hall, hall, until

CALL = "请A012号到3号窗口"


@contextlib.asynccontextmanager
async def place(endpoint: Endpoint, *, voice: bool = True, **options: Any) -> AsyncIterator[Hall]:
    """The driver has reached the board, which is a YY card if it has a `voice`."""
    set_up = dataclasses.replace(FAST, voice=True, monitor_s=30, **options)
    async with hall(endpoint, set_up, told="voice" if voice else "voice off") as here:
        await here.display.show("1号窗口")  # whatever is asked of a board that arrives is asked by now
        yield here


async def test_a_call_is_shown_and_spoken_once(endpoint: Endpoint) -> None:
    async with place(endpoint) as here:
        shown, spoken = await asyncio.gather(here.display.show(CALL), here.voice.speak(CALL))
        assert (shown, spoken) == (Shown.CONFIRMED, Spoken.CONFIRMED)
        assert here.spoken == [CALL]
        assert await here.voice.speak(CALL) is Spoken.CONFIRMED  # called again
        assert here.spoken == [CALL, CALL]
        assert [area["text"] for area in here.state["areas"]] == [CALL]


async def test_lines_are_spoken_as_one(tcp: Endpoint) -> None:
    async with place(tcp) as here:
        await here.voice.speak("请A012号\n到3号窗口")
        assert here.spoken == ["请A012号 到3号窗口"]


async def test_a_board_without_a_voice_says_nothing_of_one() -> None:
    assert BxDisplay(BxOptions(), lambda _: None).voice is None
    with pytest.raises(ValueError, match="voice"):
        BxOptions(card="5k", voice=True)


@pytest.mark.parametrize("hostile", ["\x1b@", "\x10\x04\x01", "\0", "\r", "\x7f", "\x85", "\\", "㐂", "𠮷"])
async def test_no_control_byte_is_sent_to_be_spoken(tcp: Endpoint, hostile: str) -> None:
    async with place(tcp) as here:
        with pytest.raises(DeviceError) as refused:
            await here.voice.speak(f"请{hostile}")
        assert refused.value.reason is Reason.UNSHOWABLE
        assert (here.spoken, here.state["speeches"]) == ([], 0)


async def test_a_text_that_the_card_cannot_hold_is_refused(tcp: Endpoint) -> None:
    async with place(tcp) as here:
        assert await here.voice.speak("号" * 497) is Spoken.CONFIRMED
        assert here.spoken == ["号" * 497]
        with pytest.raises(DeviceError) as refused:
            await here.voice.speak("号" * 498)
        assert refused.value.reason is Reason.TOO_LONG


async def test_a_card_that_is_no_yy_refuses_and_goes_on_showing(tcp: Endpoint) -> None:
    async with place(tcp, voice=False) as here:
        with pytest.raises(DeviceError, match="refused to speak: command not found") as refused:
            await here.voice.speak(CALL)
        assert refused.value.reason is Reason.REJECTED
        assert await here.display.show(CALL) is Shown.CONFIRMED
        assert here.errors == []


@pytest.mark.parametrize("fault", ["busy", "busy 3", f"nack {Error.CHECKSUM.value}"])
async def test_a_card_that_has_not_taken_it_is_asked_again(endpoint: Endpoint, fault: str) -> None:
    async with place(endpoint) as here:
        here.stage.command(fault)
        assert await here.voice.speak(CALL) is Spoken.CONFIRMED
        assert here.spoken == [CALL]


@pytest.mark.parametrize("fault", ["half", "garbage-next", "bad-crc"])
async def test_what_nobody_answered_for_is_not_said_again(endpoint: Endpoint, fault: str) -> None:
    async with place(endpoint) as here:
        await here.display.show(CALL)
        here.stage.command(fault)
        assert await here.voice.speak(CALL) is Spoken.SENT
        assert await here.display.show("A013") is Shown.CONFIRMED
        assert await here.voice.speak("A014") is Spoken.CONFIRMED
        assert here.spoken == [CALL, "A014"]


async def test_a_board_that_went_silent_is_not_believed_and_says_nothing_when_it_is_back(endpoint: Endpoint) -> None:
    async with place(endpoint) as here:
        here.stage.command("silent")
        first, second = await asyncio.gather(here.voice.speak("A001"), here.voice.speak("A002"), return_exceptions=True)
        assert first is Spoken.SENT  # it may have been heard
        assert isinstance(second, DeviceError)
        assert second.reason is Reason.NO_ANSWER
        here.stage.command("silent off")
        await until(lambda: len(here.conditions) > 1)
        assert await here.voice.speak("A003") is Spoken.CONFIRMED
        assert here.spoken == ["A001", "A003"]


async def test_a_board_that_is_not_there_is_told_nothing() -> None:
    voice = BxDisplay(BxOptions(voice=True), lambda _: None).voice
    assert voice is not None
    with pytest.raises(DeviceError) as refused:
        await voice.speak(CALL)
    assert refused.value.reason is Reason.NOT_PRESENT


async def test_of_too_many_the_oldest_are_not_said_any_more(tcp: Endpoint) -> None:
    async with place(tcp) as here:
        texts = [f"A{number:03d}" for number in range(WAITING_MAX + 3)]
        outcomes = await asyncio.gather(*(here.voice.speak(text) for text in texts))
        assert outcomes == [Spoken.SUPERSEDED] * 3 + [Spoken.CONFIRMED] * WAITING_MAX
        assert here.spoken == texts[3:]


async def test_a_call_that_nobody_waits_for_any_more_is_spoken_all_the_same(tcp: Endpoint) -> None:
    async with place(tcp) as here:
        caller = asyncio.create_task(here.voice.speak(CALL))
        await asyncio.sleep(0)
        caller.cancel()
        await here.voice.speak("A002")
        assert here.spoken == [CALL, "A002"]


async def test_boards_that_never_answer_speak_too(tcp: Endpoint) -> None:
    async with place(tcp, address=BROADCAST) as here:
        assert await here.voice.speak(CALL) is Spoken.SENT
        await until(lambda: here.spoken == [CALL])

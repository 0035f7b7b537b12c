"""The BX driver against the simulated board, over a real pty and a real TCP port: what is shown, and where."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Any

import pytest

from drivers.device import Condition, DeviceError, Reason, State
from drivers.display.bx import BxDisplay
from drivers.display.bx_options import BxOptions
from drivers.display.capability import Shown
from simulators.stage import Endpoint
from tests.bx_rig import FAST, READY, hall, nobody, until


async def test_the_text_that_was_sent_is_the_text_that_is_shown(endpoint: Endpoint) -> None:
    async with hall(endpoint) as here:
        assert here.conditions == [READY]
        assert await here.display.show("请A012号\n到3号窗口") is Shown.CONFIRMED
        (area,) = here.state["areas"]
        assert area == {
            "id": 0, "x": 0, "y": 0, "w": 128, "h": 32, "text": "请A012号\n到3号窗口", "colour": "red", "font": 16,
            "scrolls": False, "wraps": False,
        }  # fmt: skip
        assert here.errors == []


async def test_all_of_gb2312_and_ascii_can_be_shown(endpoint: Endpoint) -> None:
    everything = [chr(code) for code in range(0x20, 0x7F) if chr(code) != "\\"]
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            pair = bytes((high, low))
            if pair.decode("gb2312", errors="ignore"):
                everything.append(pair.decode("gbk"))
    assert len(everything) == 7445 + 94
    async with hall(endpoint, dataclasses.replace(FAST, refresh_s=0.001)) as here:
        for start in range(0, len(everything), 450):
            text = "".join(everything[start : start + 450])
            assert await here.display.show(text) is Shown.CONFIRMED
            assert here.text == text


@pytest.mark.parametrize("text", ["Z[ァΖ", "\n", "", " ", "·——·", "%s{0}[n1][g2]|", "\n\n1\n"])
async def test_odd_texts(tcp: Endpoint, text: str) -> None:
    async with hall(tcp) as here:
        assert await here.display.show(text) is Shown.CONFIRMED
        assert here.text == (text or " ")


@pytest.mark.parametrize(
    "hostile", ["\\FO002", "\x1b@", "\x10\x04\x01", "\0", "\r", "\t", "\x7f", "\x85", "㐂", "𠮷", "€", "\ud800"]
)
async def test_what_cannot_be_shown_is_named_and_not_sent(tcp: Endpoint, hostile: str) -> None:
    async with hall(tcp) as here:
        await here.display.show("A001")
        with pytest.raises(DeviceError) as refused:
            await here.display.show(f"请{hostile}")
        assert refused.value.reason is Reason.UNSHOWABLE
        assert f"U+{ord(hostile[0]):04X}" in refused.value.detail
        refused.value.detail.encode()  # fit for an event, whatever was in the text
        assert here.text == "A001"
        assert here.state["updates"] == 1


async def test_an_error_names_a_few_characters_only(tcp: Endpoint) -> None:
    display = BxDisplay(FAST, nobody)
    with pytest.raises(DeviceError, match="and more"):
        await display.show("".join(map(chr, range(0x3400, 0x3500))))


@pytest.mark.parametrize(("card", "fits"), [("6k", 486), ("5k", 230)])
async def test_a_card_is_sent_what_it_holds_and_no_more(tcp: Endpoint, card: str, fits: int) -> None:
    async with hall(tcp, dataclasses.replace(FAST, card=card), card=card) as here:
        assert await here.display.show("号" * fits) is Shown.CONFIRMED
        assert here.text == "号" * fits
        for length in (fits + 1, 100_000):
            with pytest.raises(DeviceError) as refused:
                await here.display.show("号" * length)
            assert refused.value.reason is Reason.TOO_LONG
        assert here.state["updates"] == 1


async def test_lines_that_fit_are_broken_here_and_longer_ones_by_the_card(tcp: Endpoint) -> None:
    async with hall(tcp) as here:
        for text, wraps in (("一二三四五六七八\n1234567890123456", False), ("一二三四五六七八1", True)):
            await here.display.show(text)
            assert here.state["areas"][0]["wraps"] is wraps
            assert here.text == text


async def test_a_scrolling_board_shows_one_line(tcp: Endpoint) -> None:
    options = dataclasses.replace(FAST, scroll=True, height_dots=16, colour="green")
    async with hall(tcp, options) as here:
        await here.display.show("请A012号\n到3号窗口，谢谢合作，欢迎光临")
        (area,) = here.state["areas"]
        assert (area["text"], area["scrolls"], area["wraps"]) == ("请A012号 到3号窗口，谢谢合作，欢迎光临", True, False)
        assert (area["h"], area["colour"]) == (16, "green")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"address": 65536}, "address"),
        ({"card": "6e"}, "5k or 6k"),
        ({"font_dots": 12}, "16, 24 or 32"),
        ({"colour": "pink"}, "red, green"),
        ({"width_dots": 8}, "width_dots"),
        ({"height_dots": 0x8000}, "height_dots"),
        ({"card": "5k", "width_dots": 100}, "multiple of 8"),
        ({"refresh_s": 0}, "refresh_s"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        BxOptions(**wrong)


# Many texts


async def test_the_newest_of_many_texts_wins_and_the_rest_is_not_sent(endpoint: Endpoint) -> None:
    async with hall(endpoint, dataclasses.replace(FAST, refresh_s=0.2)) as here:
        assert await here.display.show("A000") is Shown.CONFIRMED
        outcomes = await asyncio.gather(*(here.display.show(f"A{number:03}") for number in range(1, 21)))
        assert outcomes == [Shown.SUPERSEDED] * 19 + [Shown.CONFIRMED]
        assert here.seen == ["A000", "A020"]
        assert here.state["updates"] == 2


async def test_a_board_is_not_refreshed_faster_than_it_may_be(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, refresh_s=0.15)) as here:
        clock = asyncio.get_running_loop().time
        shown_at = []
        for number in range(3):
            await here.display.show(f"A{number:03}")
            shown_at.append(clock())
        assert all(later - earlier >= 0.15 for earlier, later in itertools.pairwise(shown_at))
        assert here.seen == ["A000", "A001", "A002"]


async def test_a_text_that_comes_while_one_is_on_its_way_follows_it(tcp: Endpoint) -> None:
    async with hall(tcp, reply_s=0.05) as here:
        first = here.display.show("A001")
        await until(lambda: here.text == "A001")
        assert not first.done()
        assert await here.display.show("A002") is Shown.CONFIRMED
        assert await first is Shown.CONFIRMED
        assert here.seen == ["A001", "A002"]


async def test_a_cancelled_call_does_not_take_its_text_back(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, refresh_s=0.1)) as here:
        await here.display.show("A001")
        call = here.display.show("A002")
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: here.text == "A002")
        assert await here.display.show("A003") is Shown.CONFIRMED


# Addresses


async def test_a_broadcast_is_sent_never_confirmed_and_repeated(endpoint: Endpoint) -> None:
    async with hall(endpoint, dataclasses.replace(FAST, address=0xFFFF)) as here:
        assert await here.display.show("A001") is Shown.SENT
        await until(lambda: here.text == "A001")
        assert here.conditions == [Condition(State.READY, (Reason.NEVER_ANSWERS,))]
        here.stage.command("restart")
        await until(lambda: here.text == "A001")
        assert here.errors == []


@pytest.mark.parametrize("address", [0xFFFE, 0x8000])
async def test_addresses_that_any_board_answers(endpoint: Endpoint, address: int) -> None:
    async with hall(endpoint, dataclasses.replace(FAST, address=address), address=7) as here:
        assert await here.display.show("A001") is Shown.CONFIRMED


async def test_a_board_at_another_address_does_not_answer(tcp: Endpoint) -> None:
    async with hall(tcp, dataclasses.replace(FAST, address=2), answers=False, address=1) as here:
        await until(lambda: bool(here.errors))
        assert here.errors[0].reason is Reason.NO_ANSWER
        assert here.conditions == []

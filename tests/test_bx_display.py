"""The BX driver against the simulated board, over a real pty and a real TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest

from drivers.device import Condition, DeviceError, Reason, State
from drivers.display.bx import BxDisplay, BxOptions
from drivers.display.bx_area_protocol import Area, Card
from drivers.display.bx_frame_protocol import HOST_ADDRESS, Packet, PacketDecoder, encode_packet
from drivers.display.bx_protocol import Ping, QueryStatus, Request, UpdateAreas, decode_request, encode_request
from drivers.display.bx_reply_protocol import Ack, Error, Nack, OtherReply, Reply, Status, encode_reply
from drivers.display.bx_text import decode_content
from drivers.display.capability import Shown
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from simulators.bx_display import BxDisplaySimulator
from simulators.device import Command, Simulator, Wire
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint

FAST = BxOptions(answer_s=0.15, refresh_s=0.02, monitor_s=0.2, busy_s=0.01)
DEADLINE_S = 10.0
READY = Condition(State.READY)


def nobody(condition: Condition) -> None:
    """For tests that do not look at conditions."""


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; a test that waits in vain fails by this deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.002)


async def open_link(url: str) -> DescriptorLink:
    link = parse_link(url)
    return await (open_serial if link.scheme == "serial" else open_tcp)(link)


class Hall:
    """A board on a line, its driver, and a supervisor that opens the line again and again."""

    def __init__(self, stage: Stage, options: BxOptions) -> None:
        self.stage = stage
        self.board = stage.simulator
        self.conditions: list[Condition] = []
        self.errors: list[DeviceError] = []
        self.seen: list[str] = []
        self.display = BxDisplay(options, self.conditions.append)
        self.board.changed = self._look

    def _look(self) -> None:
        if self.text is not None and self.seen[-1:] != [self.text]:
            self.seen.append(self.text)

    @property
    def text(self) -> str | None:
        """What the screen shows."""
        areas = self.state["areas"]
        assert len(areas) <= 1
        return areas[0]["text"] if areas else None

    @property
    def state(self) -> Any:
        return self.board.state()

    async def supervise(self) -> None:
        while True:
            try:
                link = await open_link(self.stage.endpoint.url)
                try:
                    await self.display.serve(link)
                finally:
                    link.close()
            except DeviceError as error:
                self.errors.append(error)
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def hall(
    endpoint: Endpoint, options: BxOptions = FAST, *, answers: bool = True, **board: Any
) -> AsyncIterator[Hall]:
    """A hall whose driver has reached the board, if it `answers`."""
    simulator = BxDisplaySimulator(**{"reply_s": 0.002, "boot_s": 0.05, **board})
    async with Stage(simulator, endpoint) as stage:
        here = Hall(stage, options)
        supervisor = asyncio.create_task(here.supervise())
        try:
            if answers:
                await until(lambda: bool(here.conditions))
            yield here
        finally:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor


@pytest.fixture(params=["pty", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Endpoint:
    return PtyEndpoint(tmp_path / "board") if request.param == "pty" else TcpEndpoint()


@pytest.fixture
def tcp() -> Endpoint:
    return TcpEndpoint()


# What is shown


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


# A bad line


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


# A board that comes and goes


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


# Cards that behave in ways the simulator does not

React = Callable[[bytes], list[bytes]]
Script = Callable[[Request], list[Reply]]


class OddCard:
    """The far side of the wire, doing what a test says: `react` gives the bytes it sends for those it gets."""

    KIND: ClassVar[str] = "display"
    DOES_NOT_IMITATE: ClassVar[str] = "a card"

    def __init__(self, react: React) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.commands: Mapping[str, Command] = {}
        self._react = react
        self._wire: Wire | None = None

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None

    def receive(self, data: bytes) -> None:
        for answer in self._react(data):
            if self._wire is not None:
                self._wire.send(answer)

    def close(self) -> None:
        self._wire = None

    def state(self) -> Mapping[str, Any]:
        return {}


def scripted(script: Script) -> OddCard:
    """A card that answers each request with the replies that `script` gives for it."""
    decoder = PacketDecoder()

    def react(data: bytes) -> list[bytes]:
        packets = [packet for packet in decoder.feed(data) if isinstance(packet, Packet)]
        return [
            encode_packet(Packet(packet.source, packet.destination, encode_reply(reply)))
            for packet in packets
            for reply in script(decode_request(packet.data)[0])
        ]

    return OddCard(react)


@contextlib.asynccontextmanager
async def driving(card: Simulator, options: BxOptions) -> AsyncIterator[tuple[BxDisplay, asyncio.Task[NoReturn]]]:
    """A driver that serves `card` over TCP, once."""
    async with Stage(card, TcpEndpoint()) as stage:
        link = await open_link(stage.endpoint.url)
        display = BxDisplay(options, nobody)
        serving = asyncio.create_task(display.serve(link))
        try:
            await asyncio.sleep(0)  # the driver has the link from its first step on
            yield display, serving
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeviceError):
                await serving
            link.close()


STATUS = Status(True, 15, bytes(8), 0, bytes(4), 0, 0, (0,))
UNWATCHED = dataclasses.replace(FAST, monitor_s=60)


async def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    late: list[Reply] = []
    texts: list[str] = []

    def script(request: Request) -> list[Reply]:
        """Answers to A001 come with those to the next request, until a status query clears the way."""
        before, late[:] = list(late), []
        if isinstance(request, QueryStatus):
            return [*before, STATUS]
        if isinstance(request, UpdateAreas):
            texts.append(decode_content(request.areas[0].content).text)
            if texts[-1] == "A002":
                return [*before, Nack(Error.FONT_NOT_FOUND)]
            if before or texts == ["A001"]:
                late.append(Ack())
                return before
        return [Ack()]

    async with driving(scripted(script), UNWATCHED) as (display, _):
        assert await display.show("A001") is Shown.CONFIRMED
        with pytest.raises(DeviceError) as refused:
            await display.show("A002")
        assert refused.value.reason is Reason.REJECTED
    assert texts == ["A001", "A001", "A002"]


async def test_an_answer_to_another_host_is_nobodys() -> None:
    answer = encode_packet(Packet(HOST_ADDRESS + 1, FAST.address, encode_reply(Ack())))
    async with driving(OddCard(lambda _: [answer]), FAST) as (_, serving):
        with pytest.raises(DeviceError) as failed:
            await serving
        assert failed.value.reason is Reason.WRONG_DEVICE


@pytest.mark.parametrize("answer", [OtherReply(0xA1, 0x02, b"\1\2\3"), Nack(Error.COMMAND_NOT_FOUND)])
async def test_a_card_that_cannot_say_what_it_shows_is_sent_it_again(answer: Reply) -> None:
    texts = []

    def script(request: Request) -> list[Reply]:
        if isinstance(request, UpdateAreas):
            texts.append(decode_content(request.areas[0].content).text)
        return [answer if isinstance(request, QueryStatus) else Ack()]

    async with driving(scripted(script), dataclasses.replace(FAST, monitor_s=0.03)) as (display, _):
        assert await display.show("A001") is Shown.CONFIRMED
        await until(lambda: len(texts) >= 3)
        assert set(texts) == {"A001"}


async def test_a_bx_5k_is_addressed_in_units_of_eight_dots() -> None:
    requests = []

    def script(request: Request) -> list[Reply]:
        requests.append(request)
        return [STATUS if isinstance(request, QueryStatus) else Ack()]

    async with driving(scripted(script), dataclasses.replace(FAST, card=Card.BX_5K)) as (display, _):
        await display.show("A001")
    (update,) = [request for request in requests if isinstance(request, UpdateAreas)]
    assert (update.areas[0].coarse, update.areas[0].width) == (True, 128)
    assert requests[0] == Ping()


async def test_damaged_answers_are_no_answers() -> None:
    damaged = encode_packet(Packet(HOST_ADDRESS, FAST.address, encode_reply(Ack())), spoil=1)
    async with driving(OddCard(lambda _: [damaged]), FAST) as (_, serving):
        with pytest.raises(DeviceError) as failed:
            await serving
        assert failed.value.reason is Reason.GARBLED


async def test_whoever_waits_when_the_driver_is_stopped_is_told() -> None:
    async with driving(OddCard(lambda _: []), FAST) as (display, serving):
        call = display.show("A001")
        await asyncio.sleep(0)
        serving.cancel()
        with pytest.raises(DeviceError) as failed:
            await call
        assert failed.value.reason is Reason.STOPPED
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_an_adapter_that_echoes_does_not_answer_for_the_board() -> None:
    async with driving(OddCard(lambda data: [data]), FAST) as (_, serving):
        with pytest.raises(DeviceError) as failed:
            await serving
        assert failed.value.reason is Reason.NO_ANSWER


async def test_a_line_that_never_falls_silent_leaves_the_event_loop_to_others() -> None:
    def flood(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            while True:
                connection.sendall(bytes(1 << 20))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        flooding = asyncio.create_task(asyncio.to_thread(flood, listener))
        link = await open_link(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        started = asyncio.get_running_loop().time()
        with pytest.raises(DeviceError) as failed:
            await BxDisplay(FAST, nobody).serve(link)
        assert asyncio.get_running_loop().time() - started < 3  # two times 0.2 s where time-outs get their turn
        link.close()
        await flooding
    assert failed.value.reason is Reason.NO_ANSWER

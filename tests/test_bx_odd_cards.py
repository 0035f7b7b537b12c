"""The BX driver and cards that behave in ways the simulator does not, over a real TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ClassVar, NoReturn

import pytest

from drivers.device import DeviceError, Reason
from drivers.display.bx import BxDisplay
from drivers.display.bx_area_protocol import Card
from drivers.display.bx_frame_protocol import HOST_ADDRESS, Packet, PacketDecoder, encode_packet
from drivers.display.bx_options import BxOptions
from drivers.display.bx_protocol import Ping, QueryStatus, Request, UpdateAreas, decode_request
from drivers.display.bx_reply_protocol import Ack, Error, Nack, OtherReply, Reply, Status, encode_reply
from drivers.display.bx_text import decode_content
from drivers.display.capability import Shown
from simulators.device import Command, Simulator, Wire
from simulators.stage import Stage, TcpEndpoint
from tests.bx_rig import FAST, nobody, open_link, until

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

"""The simulated BX board by itself: what it answers, what it forgets, and the faults a person may give it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.display.bx_area_protocol import Area
from drivers.display.bx_frame_protocol import (
    BROADCAST,
    BROADCAST_ANSWERED,
    Garbled,
    Packet,
    PacketDecoder,
    encode_packet,
)
from drivers.display.bx_protocol import (
    ClearScreen,
    OtherRequest,
    Ping,
    QueryStatus,
    Request,
    SetBrightness,
    SetClock,
    SetPower,
    Speak,
    UpdateAreas,
    encode_request,
)
from drivers.display.bx_reply_protocol import Ack, Error, Nack, Status, decode_reply
from simulators.bx_display import BxDisplaySimulator
from simulators.device import CommandError


class Host:
    """The wire's other end: everything the card sent."""

    def __init__(self, board: BxDisplaySimulator) -> None:
        self.board = board
        self.heard: list[Packet | Garbled] = []
        self.decoder = PacketDecoder()
        board.attach(self)

    def send(self, data: bytes) -> None:
        self.heard += self.decoder.feed(data)

    async def ask(self, request: Request, *, to: int = 1, answer: bool = True) -> list[Any]:
        return await self.ask_data(encode_request(request, answer=answer), to=to)

    async def ask_data(self, data: bytes, *, to: int = 1) -> list[Any]:
        """What the card answers. Its timer is due before this one, so however slow the machine, it comes first."""
        self.heard.clear()
        self.board.receive(encode_packet(Packet(to, 0x8000, data)))
        await asyncio.sleep(0.005)
        return [event if isinstance(event, Garbled) else decode_reply(event.data) for event in self.heard]


@pytest.fixture
async def board() -> BxDisplaySimulator:
    return BxDisplaySimulator(reply_s=0.0, boot_s=0.01)


@pytest.fixture
async def host(board: BxDisplaySimulator) -> Host:
    return Host(board)


def area(number: int = 0, text: bytes = b"1") -> Area:
    return Area(0, 0, 128, 32, text, number)


def command(board: BxDisplaySimulator, name: str, *words: str) -> None:
    board.commands[name].run(list(words))


async def test_it_does_what_it_is_told_and_says_so(board: BxDisplaySimulator, host: Host) -> None:
    assert await host.ask(Ping()) == [Ack()]
    assert await host.ask(SetPower(False)) == [Ack()]
    assert await host.ask(SetBrightness(3)) == [Ack()]
    assert await host.ask(SetClock(2026, 11, 22, 9, 15, 0, 7)) == [Ack()]
    assert await host.ask(UpdateAreas((area(0), area(3)))) == [Ack()]
    assert await host.ask(QueryStatus()) == [
        Status(False, 3, bytes.fromhex("2026112207091500"), 0, bytes(4), 0, 0, (0, 3))
    ]
    assert (board.state()["on"], board.state()["brightness"]) == (False, 3)


async def test_areas_are_set_changed_deleted_and_cleared(board: BxDisplaySimulator, host: Host) -> None:
    async def left(request: Request) -> dict[int, str]:
        assert await host.ask(request) == [Ack()]
        return {seen["id"]: seen["text"] for seen in board.state()["areas"]}

    assert await left(UpdateAreas((area(0, b"a"), area(1, b"b")))) == {0: "a", 1: "b"}
    assert await left(UpdateAreas((area(1, b"c"),))) == {0: "a", 1: "c"}
    assert await left(UpdateAreas((area(2, b"d"),), delete=(0,))) == {1: "c", 2: "d"}
    assert await left(UpdateAreas((area(0, b"e"),), initialise=True)) == {0: "e"}
    assert await left(UpdateAreas((area(4, b"f"),), delete=None)) == {4: "f"}
    assert await left(ClearScreen()) == {}


@pytest.mark.parametrize(("card", "areas", "data_bytes"), [("5k", 8, 512), ("6k", 5, 1024)])
async def test_a_card_holds_so_much_and_no_more(card: str, areas: int, data_bytes: int) -> None:
    board = BxDisplaySimulator(card=card, reply_s=0.0)
    host = Host(board)
    assert await host.ask(UpdateAreas(tuple(area(number) for number in range(areas + 1)))) == [
        Nack(Error.OUT_OF_MEMORY)
    ]
    assert board.state()["areas"] == []
    assert await host.ask(UpdateAreas(tuple(area(number) for number in range(areas)))) == [Ack()]
    assert await host.ask(UpdateAreas((area(99),))) == [Nack(Error.OUT_OF_MEMORY)]
    overhead = len(encode_request(UpdateAreas((area(0, b""),))))
    assert await host.ask(UpdateAreas((area(0, bytes(data_bytes - overhead)),))) == [Ack()]
    assert await host.ask(UpdateAreas((area(0, bytes(data_bytes - overhead + 1)),))) == [Nack(Error.OUT_OF_MEMORY)]


async def test_it_answers_to_its_own_address_and_to_the_broadcasts(board: BxDisplaySimulator, host: Host) -> None:
    assert await host.ask(SetPower(False), to=2) == []
    assert board.state()["on"]
    assert await host.ask(SetPower(False), to=BROADCAST) == []
    assert not board.state()["on"]
    assert await host.ask(SetPower(True), to=BROADCAST_ANSWERED) == [Ack()]
    assert [packet.source for packet in host.heard if isinstance(packet, Packet)] == [BROADCAST_ANSWERED]
    assert await host.ask(Ping(), to=0x8000) == [Ack()]
    assert await host.ask(Ping(), answer=False) == []
    assert (board.state()["frames"], board.state()["ignored"]) == (4, 1)


async def test_it_refuses_what_it_does_not_know(host: Host) -> None:
    assert await host.ask(OtherRequest(0xA2, 0x77)) == [Nack(Error.COMMAND_NOT_FOUND)]
    assert await host.ask(OtherRequest(0xB0, 0x00)) == [Nack(Error.COMMAND_GROUP)]
    assert await host.ask(Speak(b"1")) == [Nack(Error.COMMAND_NOT_FOUND)]
    assert await host.ask_data(bytes.fromhex("a306010000")) == [Nack(Error.COMMAND_NOT_FOUND)]


async def test_a_damaged_request_is_refused_once_it_seems_its_own(board: BxDisplaySimulator, host: Host) -> None:
    for destination, answers in ((1, 1), (2, 0), (BROADCAST, 0)):
        host.heard.clear()
        board.receive(encode_packet(Packet(destination, 0x8000, encode_request(Ping())), spoil=1))
        await asyncio.sleep(0.005)
        assert len(host.heard) == answers
    assert board.state()["bad_crc"] == 3
    board.receive(b"\xa5\xa6\x5a")
    assert board.state()["garbled"] == 1


async def test_a_restart_loses_the_areas_and_takes_a_while(board: BxDisplaySimulator, host: Host) -> None:
    await host.ask(UpdateAreas((area(),)))
    command(board, "off")
    command(board, "restart")
    assert board.state()["booting"]
    assert await host.ask(Ping()) == []
    await asyncio.sleep(0.02)
    assert await host.ask(Ping()) == [Ack()]
    state = board.state()
    assert (state["areas"], state["restarts"], state["on"]) == ([], 1, True)


async def test_the_cable_may_go_without_the_areas(board: BxDisplaySimulator, host: Host) -> None:
    await host.ask(UpdateAreas((area(),)))
    board.detach()
    assert await host.ask(Ping()) == []
    board.attach(host)
    assert await host.ask(Ping()) == [Ack()]
    assert len(board.state()["areas"]) == 1


async def test_refusals_on_demand(board: BxDisplaySimulator, host: Host) -> None:
    command(board, "busy", "2")
    assert [await host.ask(Ping()) for _ in range(3)] == [[Nack(Error.BUSY)], [Nack(Error.BUSY)], [Ack()]]
    command(board, "nack", "12")
    assert [await host.ask(Ping()) for _ in range(2)] == [[Nack(Error.FONT_NOT_FOUND)], [Ack()]]


async def test_wrong_answers_on_demand(board: BxDisplaySimulator, host: Host) -> None:
    command(board, "bad-crc")
    (garbled,) = await host.ask(Ping())
    assert isinstance(garbled, Garbled)
    assert await host.ask(Ping()) == [Ack()]
    command(board, "wrong-address")
    await host.ask(Ping())
    assert [packet.source for packet in host.heard if isinstance(packet, Packet)] == [2]
    command(board, "wrong-address", "off")
    await host.ask(Ping())
    assert [packet.source for packet in host.heard if isinstance(packet, Packet)] == [1]


@pytest.mark.parametrize(
    "line", ["busy x", "busy 0", "nack", "nack 0", "nack 256", "restart now", "off on", "wrong-address maybe"]
)
async def test_a_command_that_makes_no_sense_changes_nothing(board: BxDisplaySimulator, line: str) -> None:
    name, *words = line.split()
    before = dict(board.state())
    with pytest.raises(CommandError, match="expected"):
        command(board, name, *words)
    assert board.state() == before


async def test_an_answer_takes_its_time_on_a_slow_line() -> None:
    board = BxDisplaySimulator(reply_s=0.0, baud=9600)
    host = Host(board)
    asked = asyncio.get_running_loop().time()
    board.receive(encode_packet(Packet(1, 0x8000, encode_request(Ping()))))
    while not host.heard:
        await asyncio.sleep(0.001)
    assert asyncio.get_running_loop().time() - asked >= 31 / 960


async def test_a_closed_simulator_says_nothing_more(board: BxDisplaySimulator, host: Host) -> None:
    board.receive(encode_packet(Packet(1, 0x8000, encode_request(Ping()))))
    board.close()
    await asyncio.sleep(0.005)
    assert host.heard == []

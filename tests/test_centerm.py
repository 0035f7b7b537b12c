"""The Centerm panel: protocol against its vectors, and driver against simulator over a real pty and TCP."""

from __future__ import annotations

import asyncio
import random
import re
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import DRIVERS
from drivers.device import Condition, DeviceError, LinkLost, Reason, State
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.panel.capability import Press
from drivers.panel.centerm import GARBLED_BYTES, CentermOptions, CentermPanel
from drivers.panel.centerm_protocol import (
    KEYS,
    Rating,
    RatingDecoder,
    Request,
    RequestDecoder,
    encode_rating,
    encode_request,
)
from simulators.centerm_panel import CentermPanelSimulator
from simulators.device import CommandError
from simulators.line import FaultyLine
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint

DEADLINE_S = 5.0
NOISE = 5
READY = Condition(State.READY, (Reason.NEVER_ANSWERS,))

VECTORS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "vectors/centerm.toml").read_text())["vector"]


def _named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


# Protocol


def _message(vector: dict[str, Any]) -> Rating | Request:
    return Request[vector["request"]] if vector["direction"] == "to-device" else Rating(vector["key"])


def _decoder(vector: dict[str, Any]) -> RatingDecoder | RequestDecoder:
    return RequestDecoder() if vector["direction"] == "to-device" else RatingDecoder()


@pytest.mark.parametrize("vector", VECTORS, ids=_named)
def test_encodes_the_vector(vector: dict[str, Any]) -> None:
    message = _message(vector)
    encoded = encode_request(message) if isinstance(message, Request) else encode_rating(message)
    assert encoded == bytes.fromhex(vector["bytes"])


@pytest.mark.parametrize("vector", VECTORS, ids=_named)
def test_decodes_the_vector_whole_byte_by_byte_and_with_more_behind_it(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes"])
    whole, pieces, more = _decoder(vector), _decoder(vector), _decoder(vector)
    assert whole.feed(data) == [_message(vector)]
    assert [message for byte in data for message in pieces.feed(bytes([byte]))] == [_message(vector)]
    assert more.feed(data + b"\0\xff" + data[:2]) == [_message(vector)]
    assert more.feed(data[2:]) == [_message(vector)]
    assert (whole.skipped_bytes, pieces.skipped_bytes, more.skipped_bytes) == (0, 0, 2)


def test_every_message_has_a_vector() -> None:
    messages = {_message(vector) for vector in VECTORS}
    assert messages == {*Request, *map(Rating, KEYS)}


@given(st.lists(st.sampled_from(KEYS), max_size=20), st.integers(1, 7))
def test_ratings_survive_however_they_are_cut(keys: list[int], piece: int) -> None:
    data = b"".join(encode_rating(Rating(key)) for key in keys)
    decoder = RatingDecoder()
    found = [rating.key for start in range(0, len(data), piece) for rating in decoder.feed(data[start : start + piece])]
    assert found == keys
    assert decoder.skipped_bytes == 0


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"B", b"B1", b"1F", b"B2F", b"F", b"BB3F"]), max_size=30))
def test_no_press_but_the_literal_one_and_every_byte_is_accounted_for(pieces: list[bytes]) -> None:
    decoder = RatingDecoder()
    found = [rating.key for piece in pieces for rating in decoder.feed(piece)]
    data = b"".join(pieces)
    assert found == [int(match[1]) for match in re.finditer(rb"B([123])F", data)]
    assert 0 <= len(data) - 3 * len(found) - decoder.skipped_bytes <= 2  # at most a beginning is kept


def test_a_rating_behind_100_kb_of_noise_is_read() -> None:
    noise = random.Random(4).randbytes(100_000).replace(b"F", b"f") + b"B1" + b"BB" + b"B2"
    decoder = RatingDecoder()
    assert decoder.feed(noise) == []
    assert decoder.feed(b"B3F") == [Rating(3)]
    assert decoder.skipped_bytes == len(noise)


def test_there_are_three_keys() -> None:
    for key in (0, 4):
        with pytest.raises(ValueError, match="keys 1 to 3"):
            Rating(key)


# Driver against simulator


@dataclass
class Rig:
    """A served panel: what it reported and emitted, and the simulator at the far end."""

    stage: Stage
    simulator: CentermPanelSimulator
    panel: CentermPanel
    conditions: list[Condition]
    presses: list[Press]
    serving: asyncio.Task[None]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                if self.serving.done():
                    self.serving.result()
                await asyncio.sleep(0.001)

    async def asked(self, asked: bool = True) -> None:
        await self.until(lambda: self.simulator.state()["asking"] is asked)

    async def pressed(self, times: int = 1) -> None:
        await self.until(lambda: len(self.presses) == times)

    @property
    def levels(self) -> list[int]:
        return [press.level for press in self.presses]


async def open_link(url: str) -> DescriptorLink:
    link = parse_link(url)
    return await (open_serial(link) if link.scheme == "serial" else open_tcp(link))


@pytest.fixture
def options() -> CentermOptions:
    return CentermOptions()


@pytest.fixture(params=["pty", "tcp"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path, options: CentermOptions) -> AsyncIterator[Rig]:
    simulator = CentermPanelSimulator()
    conditions: list[Condition] = []
    presses: list[Press] = []
    panel = CentermPanel(options, conditions.append, presses.append)
    endpoint = PtyEndpoint(tmp_path / "panel") if request.param == "pty" else TcpEndpoint()
    stage = Stage(simulator, endpoint)
    stage.line = FaultyLine(simulator.receive, random.Random(NOISE))
    async with stage:
        link = await open_link(endpoint.url)
        serving = asyncio.create_task(panel.serve(link))
        made = Rig(stage, simulator, panel, conditions, presses, serving)
        await made.until(lambda: bool(conditions))
        yield made
        made.serving.cancel()
        await asyncio.gather(made.serving, return_exceptions=True)
        link.close()


async def test_an_open_panel_is_ready_though_it_never_answers(rig: Rig) -> None:
    assert rig.conditions == [READY]
    assert rig.presses == []


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "level" in vector], ids=_named)
async def test_a_key_is_a_press_of_its_level(rig: Rig, vector: dict[str, Any]) -> None:
    before_s = asyncio.get_running_loop().time()
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command(f"press {vector['key']}")
    await rig.pressed()
    assert rig.levels == [vector["level"]]
    assert before_s <= rig.presses[0].monotonic_s <= asyncio.get_running_loop().time()
    assert rig.conditions == [READY]
    assert rig.simulator.state()["asking"] is False


@pytest.mark.parametrize("options", [CentermOptions(levels=(5, 3, 1))])
async def test_the_levels_are_configurable(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("press 2")
    await rig.pressed()
    assert rig.levels == [3]


@pytest.mark.parametrize("levels", [(5, 4), (5, 4, 2, 1), (6, 4, 2), (5, 4, 0)])
def test_wrong_levels_are_refused(levels: Any) -> None:
    with pytest.raises(ValueError, match="expected 3 levels from 1 to 5"):
        CentermOptions(levels=levels)


async def test_dismissing_stops_the_asking(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.asked()
    await rig.panel.dismiss()
    await rig.asked(False)
    rig.stage.command("press 1")
    assert rig.simulator.state()["ignored_presses"] == 1
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("press 3")
    await rig.pressed()
    assert rig.levels == [2]


async def test_bounce_is_passed_on_as_it_came(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("bounce 1 4")
    await rig.until(lambda: len(rig.presses) == 4)
    assert rig.levels == [5, 5, 5, 5]


async def test_a_stuck_key_answers_every_question(rig: Rig) -> None:
    rig.stage.command("stuck 3")
    for asked in range(1, 4):
        await rig.panel.invite()
        await rig.pressed(asked)
    rig.stage.command("stuck off")
    await rig.panel.invite()
    await rig.asked()
    assert rig.levels == [2, 2, 2]


async def test_half_a_rating_is_no_press_and_the_next_one_counts(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("half")
    rig.stage.command("press 1")
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("press 2")
    await rig.pressed()
    assert rig.levels == [4]
    assert rig.conditions == [READY]


async def test_noise_is_reported_and_gone_with_the_next_rating(rig: Rig) -> None:
    assert b"F" not in random.Random(NOISE).randbytes(GARBLED_BYTES)
    rig.stage.command(f"noise {GARBLED_BYTES}")
    await rig.until(lambda: len(rig.conditions) == 2)
    assert (rig.conditions[1].state, rig.conditions[1].reasons) == (State.DEGRADED, (Reason.GARBLED,))
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("press 1")
    await rig.until(lambda: len(rig.conditions) == 3)
    assert rig.conditions[2] == READY
    assert rig.levels == [5]


async def test_a_line_that_goes_ends_serving_and_a_panel_that_returns_is_asked_again(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("cut")
    with pytest.raises(LinkLost):
        await rig.serving
    with pytest.raises(DeviceError) as caught:
        await rig.panel.dismiss()
    assert caught.value.reason is Reason.NOT_PRESENT
    with pytest.raises(DeviceError):
        await rig.panel.invite()

    rig.stage.command("restart")  # a panel that lost its power forgets
    rig.stage.command("restore")
    link = await open_link(rig.stage.endpoint.url)
    rig.serving = asyncio.create_task(rig.panel.serve(link))
    await rig.asked()
    rig.stage.command("press 1")
    await rig.pressed()
    assert rig.conditions == [READY, READY]
    link.close()


@pytest.mark.parametrize("ending", ["thank", "dismiss", "press"])
async def test_a_panel_is_not_asked_again_once_the_invitation_is_over(
    rig: Rig, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.panel.invite()
    await rig.asked()
    rig.stage.command("press 1")
    await rig.pressed()
    if ending != "press":
        await getattr(rig.panel, ending)()
    rig.stage.command("cut")
    with pytest.raises(LinkLost):
        await rig.serving
    rig.stage.command("restore")
    heard = bytearray()
    monkeypatch.setattr(rig.stage.line, "receive", heard.extend)
    link = await open_link(rig.stage.endpoint.url)
    rig.serving = asyncio.create_task(rig.panel.serve(link))
    await rig.until(lambda: len(rig.conditions) == 2)
    await rig.panel.dismiss()
    await rig.until(lambda: len(heard) >= len(encode_request(Request.CANCEL)))
    assert heard == encode_request(Request.CANCEL)
    link.close()


async def test_a_panel_that_cannot_be_told_is_degraded_and_still_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.link.serial.STALL_S", 0.05)
    conditions: list[Condition] = []
    presses: list[Press] = []
    panel = CentermPanel(CentermOptions(), conditions.append, presses.append)
    endpoint = PtyEndpoint(tmp_path / "panel")
    async with Stage(CentermPanelSimulator(), endpoint) as stage:
        link = await open_serial(parse_link(f"{endpoint.url}?flow=xonxoff"))
        serving = asyncio.create_task(panel.serve(link))
        stage.line.send(b"B2F\x13B1F")
        rig = Rig(stage, CentermPanelSimulator(), panel, conditions, presses, serving)
        await rig.until(lambda: len(presses) == 2)
        with pytest.raises(LinkLost):
            await panel.invite()
        assert conditions[-1].reasons == (Reason.NOT_DRAINING,)
        stage.line.send(b"B3F\x11B1F")
        await rig.until(lambda: len(presses) == 4)
        await panel.invite()
        assert conditions[-1] == READY
        assert [press.level for press in presses] == [4, 5, 2, 5]
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        link.close()


async def test_cancelling_serve_passes_through(rig: Rig) -> None:
    rig.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.serving
    with pytest.raises(DeviceError):
        await rig.panel.invite()


# Simulator


class Ear:
    """What a host would hear."""

    def __init__(self) -> None:
        self.heard = b""

    def send(self, data: bytes) -> None:
        self.heard += data


@pytest.mark.parametrize("text", ["press", "press 4", "press 1 2", "bounce", "bounce 1 0", "bounce 1 101", "stuck on"])
def test_the_simulator_refuses_wrong_commands(text: str) -> None:
    words = text.split()
    with pytest.raises(CommandError, match="expected"):
        CentermPanelSimulator().commands[words[0]].run(words[1:])


def test_the_simulator_hears_requests_however_they_come() -> None:
    simulator, ear = CentermPanelSimulator(), Ear()
    changes: list[None] = []
    simulator.changed = lambda: changes.append(None)
    simulator.attach(ear)
    FaultyLine(simulator.receive).receive(random.Random(6).randbytes(100_000).replace(b"\x1b", b"") + b"\x1b[4")
    assert simulator.state()["asking"] is False
    simulator.receive(b"R")
    assert simulator.state()["asking"] is True
    assert changes
    simulator.commands["press"].run(["2"])
    assert ear.heard == b"B2F"
    assert simulator.state()["last_press"] == 2


def test_the_catalogue_makes_this_driver() -> None:
    entry = DRIVERS["centerm"]
    assert entry.options_class() is CentermOptions
    assert isinstance(entry.make(CentermOptions(), lambda _: None, lambda _: None), CentermPanel)

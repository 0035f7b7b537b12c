"""Noise on a modem's line, cables that are cut, modems that die: no ring is invented, and none lost."""

from __future__ import annotations

import asyncio

import pytest

from drivers.device import DeviceError, LinkLost, Reason, State
from drivers.phone.capability import Answer
from simulators.stage import Endpoint
from tests.modem_rig import REPORTED, bench, open_link, quick


@quick
async def test_a_ring_the_modem_did_not_report_is_not_invented(pty: Endpoint) -> None:
    """Two cycles of silence are more than the one and a half that end a call: what rings then is the next call."""
    async with bench(pty) as made:
        await made.ready()
        made.stage.command("ring 4")
        await made.until(lambda: made.rings() == [1, 2])
        made.stage.command("lost-ring")
        await made.ended(2)
        assert [(call.answer, call.rings) for call in made.calls()] == [(Answer.UNKNOWN, 2), (Answer.UNKNOWN, 1)]


@pytest.mark.parametrize("refused", ["no-voice", "no-cadence", "no-voice off"])
@quick
async def test_noise_between_the_bursts_changes_no_count(pty: Endpoint, refused: str) -> None:
    async with bench(pty, before=(refused,)) as made:
        await made.ready()
        made.stage.command("ring 4")
        for ring in range(1, 4):
            await made.until(lambda ring=ring: ring in made.rings())  # type: ignore[misc]
            made.stage.line.send(b"\x80\xff~RIN\x00G\r\nOR\xfe\x81{}\x9f")
        assert (await made.ended()).rings == 4


@quick
async def test_much_noise_is_said_and_forgotten_when_it_is_over(pty: Endpoint) -> None:
    async with bench(pty, before=("no-voice",)) as made:
        await made.ready()
        made.stage.command("noise 2000")
        await made.until(lambda: made.conditions[-1].reasons == (Reason.GARBLED,))
        assert made.conditions[-1].state is State.DEGRADED
        await made.until(lambda: made.conditions[-1].state is State.READY)
        made.stage.command("ring 2")
        assert (await made.ended()).rings == 2


@quick
async def test_a_cable_cut_in_a_call_ends_it_unknown_and_then_loses_the_link(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.ready()
        made.stage.command("ring 9")
        await made.until(lambda: made.rings() == [1, 2])
        made.stage.pull()
        with pytest.raises(LinkLost) as lost:
            await made.serving
        assert lost.value.reason is Reason.DISCONNECTED
        (ended,) = made.calls()
        assert (ended.answer, ended.rings) == (Answer.UNKNOWN, 2)
        assert ended.evidence == "the modem was no longer heard"


@quick
async def test_whoever_asks_a_modem_that_is_taken_away_is_answered_at_once(pty: Endpoint) -> None:
    async with bench(pty) as made:
        await made.ready()
        made.stage.command("silent")
        asking = asyncio.create_task(made.driver.check())
        await asyncio.sleep(0)
        made.serving.cancel()
        with pytest.raises(DeviceError) as told:
            await asking
        assert told.value.reason is Reason.STOPPED


@quick
async def test_stopping_the_driver_in_a_call_loses_none_of_its_rings(pty: Endpoint) -> None:
    async with bench(pty) as made:
        await made.ready()
        made.stage.command("ring 9")
        await made.until(lambda: made.rings() == [1, 2])
        made.serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await made.serving
        assert [(call.answer, call.rings) for call in made.calls()] == [(Answer.UNKNOWN, 2)]


@quick
async def test_serves_the_next_link_after_a_cut(endpoint: Endpoint) -> None:
    async with bench(endpoint) as made:
        await made.ready()
        made.stage.pull()
        with pytest.raises(LinkLost):
            await made.serving
        made.stage.restore()
        link = await open_link(endpoint)
        made.serve(link)
        await made.until(lambda: len(made.conditions) == 2)
        made.stage.command("ring 2")
        assert (await made.ended()).rings == 2


@pytest.mark.parametrize("fault", ["silent", "deaf"])
@quick
async def test_an_idle_modem_that_died_is_noticed(pty: Endpoint, fault: str) -> None:
    async with bench(pty) as made:
        await made.ready()
        made.stage.command(fault)
        with pytest.raises(DeviceError) as died:
            await made.serving
        assert died.value.reason is Reason.NO_ANSWER
        assert made.calls() == []


@quick
async def test_nothing_is_asked_while_it_rings(pty: Endpoint) -> None:
    async with bench(pty) as made:
        await made.ready()
        made.stage.command("ring 20")  # far longer than check_every_s
        await made.until(lambda: made.rings() == [1])
        heard: list[bytes] = []
        receive = made.stage.line.receive

        def overhear(data: bytes) -> None:
            heard.append(data)
            receive(data)

        made.stage.line.receive = overhear  # type: ignore[method-assign]
        await made.driver.check()  # nor is a check of readiness kept waiting for as long as somebody lets it ring
        assert len(made.rings()) < 5
        await made.until(lambda: len(made.rings()) == 20)
        assert heard == []
        await made.ended()
        await made.until(lambda: b"".join(heard).startswith(b"AT\r"))


@quick
async def test_only_garbage_in_answer_suggests_the_baud_rate(pty: Endpoint) -> None:
    async with bench(pty) as made:
        send = made.stage.line.send
        made.stage.line.send = lambda data: send(bytes(0x80 | byte for byte in data))  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="baud") as garbled:
            await made.serving
        assert garbled.value.reason is Reason.GARBLED
        assert made.conditions == []

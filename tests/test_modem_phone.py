"""Calls on a modem's line: rings counted, callers named, answered or missed, as the line shows it."""

from __future__ import annotations

import asyncio

import pytest

from drivers.device import Condition, State
from drivers.phone.capability import Answer, Caller, Ring
from drivers.phone.modem import ModemOptions
from simulators.stage import Endpoint
from tests.modem_rig import CYCLE_S, DEFAULT, REPORTED, bench, quick


@quick
async def test_counts_each_ring_and_names_the_caller_once(endpoint: Endpoint) -> None:
    async with bench(endpoint) as made:
        await made.ready()
        made.stage.command("ring 4 13912345678")
        ended = await made.ended()
        assert made.rings() == [1, 2, 3, 4]
        assert made.callers() == [Caller("13912345678")]
        assert isinstance(made.events[0], Ring)
        assert (ended.answer, ended.rings) == (Answer.UNKNOWN, 4)
        assert "need not report" in ended.evidence
        assert ended.ringing_s == pytest.approx(3 * CYCLE_S, abs=0.3)


@pytest.mark.parametrize("rings", [1, 2, 3, 5])
@quick
async def test_answered_during_the_given_ring(pty: Endpoint, rings: int) -> None:
    """The ring in which the receiver is lifted counts, though a measuring modem reports it only afterwards."""
    async with bench(pty, REPORTED) as made:
        await made.ready()
        made.stage.command("ring 9")
        await made.until(lambda: made.simulator.state()["rings"] == rings and made.simulator.state()["ringing"])
        made.stage.command("pick-up")
        ended = await made.ended()
        assert (ended.answer, ended.rings, ended.evidence) == (Answer.ANSWERED, rings, "DLE H")
        assert made.rings() == list(range(1, rings + 1))
        made.stage.command("hang-up")
        await asyncio.sleep(2 * DEFAULT.ringing_stopped_s)
        assert len(made.calls()) == 1


@quick
async def test_answered_in_the_silence_after_a_ring(pty: Endpoint) -> None:
    async with bench(pty) as made:  # evidence counts even where the modem was not declared to give any
        await made.ready()
        made.stage.command("ring 9")
        await made.until(lambda: made.rings() == [1, 2])
        made.stage.command("pick-up")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.ANSWERED, 2)
        assert ended.ringing_s == pytest.approx(CYCLE_S + 1.0, abs=0.3)  # from the first ring's start to this one's end


@pytest.mark.parametrize(
    ("hook", "code", "expected"),
    [
        ("unreported", b"\x10P", (Answer.ANSWERED, "DLE P")),
        ("reported", b"\x10P", (Answer.ANSWERED, "DLE P")),
        ("loop-current", b"\x10l", (Answer.ANSWERED, "DLE l")),
        ("reported", b"\x10l", (Answer.MISSED, "")),
        ("reported", b"\x10p", (Answer.UNKNOWN, "it stopped ringing; a receiver was reported put back while it rang")),
        ("reported", b"\x10b\x10d\x10s", (Answer.MISSED, "")),
    ],
)
@quick
async def test_what_proves_an_answer(pty: Endpoint, hook: str, code: bytes, expected: tuple[Answer, str]) -> None:
    async with bench(pty, ModemOptions(hook=hook)) as made:
        await made.ready()
        made.stage.command("ring 2")
        await made.until(lambda: made.rings() == [1])
        made.stage.line.send(code)
        ended = await made.ended()
        assert (ended.answer, ended.evidence) == expected


@quick
async def test_a_modem_found_ringing_cannot_have_reported_the_receiver(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.happened.wait()  # the modem has taken its first AT, and nothing else yet
        made.stage.command("ring 3")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.UNKNOWN, 3)
        assert made.simulator.settings.voice is False  # it was left alone while it rang
        await made.ready()
        assert made.conditions == [Condition(State.READY)]


@quick
async def test_missed_only_where_a_lifted_receiver_would_have_been_reported(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY)]
        made.stage.command("ring 3")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.MISSED, 3)


@pytest.mark.parametrize("voice", ["no-voice off", "no-voice"])
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("caller-id private", [Caller(None, withheld=True)]),
        ("caller-id unavailable", [Caller(None)]),
        ("caller-id off", []),
    ],
)
@quick
async def test_callers_without_a_number(pty: Endpoint, voice: str, setting: str, expected: list[Caller]) -> None:
    async with bench(pty, before=(voice, setting)) as made:
        await made.ready()
        made.stage.command("ring 2")
        await made.ended()
        assert made.callers() == expected


@pytest.mark.parametrize("refused", ["no-voice off", "no-cadence", "no-voice"])
@pytest.mark.parametrize("oddity", ["double-report", "short-cadence"])
@quick
async def test_one_ring_is_counted_once_however_it_is_reported(pty: Endpoint, refused: str, oddity: str) -> None:
    async with bench(pty, before=(refused, oddity)) as made:
        await made.ready()
        made.stage.command("ring 3")
        ended = await made.ended()
        assert ended.rings == 3
        assert made.rings() == [1, 2, 3]


@quick
async def test_two_calls_in_a_row_are_two_calls(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.ready()
        made.stage.command("ring 2 111")
        await made.ended()
        made.stage.command("ring 3 222")
        await made.until(lambda: len(made.rings()) == 4)
        made.stage.command("pick-up")
        await made.ended(2)
        assert [(call.answer, call.rings) for call in made.calls()] == [(Answer.MISSED, 2), (Answer.ANSWERED, 2)]
        assert made.callers() == [Caller("111"), Caller("222")]
        assert made.rings() == [1, 2, 1, 2]

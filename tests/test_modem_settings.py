"""What the driver tells a modem at the start, and what it says of a modem that cannot do all of it."""

from __future__ import annotations

import asyncio

import pytest

from drivers.device import Condition, LinkLost, Reason, State
from drivers.phone.capability import Answer, Caller
from drivers.phone.modem import ModemOptions
from simulators.stage import Endpoint
from tests.modem_rig import DEFAULT, REPORTED, bench, open_link, quick


@quick
async def test_settles_a_modem_and_says_what_it_cannot_tell(endpoint: Endpoint) -> None:
    async with bench(endpoint) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY, (), "cannot tell missed calls")]
        settings = made.simulator.settings
        assert (settings.echo, settings.auto_answer_rings, settings.caller_id) == (False, 0, True)
        assert (settings.voice, settings.measure, settings.ring_after_tenths) == (True, True, 1)


@quick
async def test_what_a_modem_was_told_on_the_last_link_says_nothing_of_this_one(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.ready()
        made.stage.pull()
        with pytest.raises(LinkLost):
            await made.serving
        made.stage.restore()
        made.stage.command("restart")
        made.happened.clear()
        link = await open_link(endpoint)
        made.serve(link)
        await made.happened.wait()
        made.stage.command("ring 2")
        assert (await made.ended()).answer is Answer.UNKNOWN


@quick
async def test_an_answer_that_comes_late_is_not_taken_for_another(pty: Endpoint) -> None:
    async with bench(pty, before=("no-voice",)) as made:
        send = made.stage.line.send
        late_s = DEFAULT.answer_timeout_s + 0.03
        loop = asyncio.get_running_loop()

        def send_the_first_late(data: bytes) -> None:
            if b"OK" in data:
                made.stage.line.send = send  # type: ignore[method-assign]
                loop.call_later(late_s, send, data)
            else:
                send(data)

        made.stage.line.send = send_the_first_late  # type: ignore[method-assign]
        await made.ready()
        assert made.conditions == [Condition(State.READY, (), "cannot tell missed calls")]


@quick
async def test_no_voice_mode_is_a_broken_promise_if_reports_were_promised(pty: Endpoint) -> None:
    async with bench(pty, REPORTED, before=("no-voice",)) as made:
        await made.ready()
        (condition,) = made.conditions
        assert (condition.state, condition.reasons) == (State.DEGRADED, (Reason.COMMAND_FAILED,))
        assert "AT+FCLASS=8" in condition.detail
        made.stage.command("ring 2")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.UNKNOWN, 2)


@quick
async def test_a_modem_that_can_only_say_ring(pty: Endpoint) -> None:
    async with bench(pty, before=("no-voice", "no-caller-id")) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY, (), "no caller identification; cannot tell missed calls")]
        made.stage.command("ring 3")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.UNKNOWN, 3)
        assert made.callers() == []


@quick
async def test_voice_mode_without_measured_rings(pty: Endpoint) -> None:
    async with bench(pty, REPORTED, before=("no-cadence",)) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY, (), "rings are not measured")]
        made.stage.command("ring 3")
        assert (await made.ended()).rings == 3


@quick
async def test_the_older_caller_identification_command(pty: Endpoint) -> None:
    async with bench(pty, before=("no-vcid",)) as made:
        await made.ready()
        made.stage.command("ring 2")
        await made.ended()
        assert made.callers() == [Caller("13800138000")]


@quick
async def test_a_modem_that_lost_its_power_gets_its_settings_back(pty: Endpoint) -> None:
    async with bench(pty, REPORTED) as made:
        await made.ready()
        made.stage.command("restart")
        assert not made.simulator.settings.voice
        await made.until(lambda: made.simulator.settings.ring_after_tenths == 1)
        made.stage.command("ring 2")
        assert (await made.ended()).answer is Answer.MISSED


@quick
async def test_the_init_command_comes_last_and_its_refusal_is_said(pty: Endpoint) -> None:
    async with bench(pty, ModemOptions(init="AT+VDR=0,0")) as made:
        await made.ready()
        assert made.simulator.settings.measure is False
    async with bench(pty, ModemOptions(init="AT+NOSUCH=1")) as made:
        await made.ready()
        (condition,) = made.conditions
        assert (condition.state, condition.reasons) == (State.DEGRADED, (Reason.COMMAND_FAILED,))
        assert "AT+NOSUCH=1" in condition.detail


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"hook": "always"}, "unreported, reported or loop-current"),
        ({"init": "ATZ\r+++"}, "printable ASCII"),
        ({"init": "hello"}, "begins with AT"),
        ({"same_ring_s": 8.0}, "same_ring_s"),
        ({"check_every_s": 0.0}, "check_every_s"),
    ],
)
def test_wrong_options_are_refused_with_what_was_expected(wrong: dict[str, object], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        ModemOptions(**wrong)  # type: ignore[arg-type]

"""The modem driver against the simulated modem, over real ptys and TCP, at the true cadence in quick motion."""

from __future__ import annotations

import asyncio
import functools
import os
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from drivers.device import Condition, DeviceError, LinkLost, Reason, State
from drivers.link.serial import open_serial
from drivers.link.stream import DescriptorLink
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.phone.capability import Answer, CallEnded, Caller, PhoneEvent, Ring
from drivers.phone.modem import ModemOptions, ModemPhone
from simulators.modem_phone import ModemPhoneSimulator
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint

Arguments = ParamSpec("Arguments")

CYCLE_S = 5.0
UNREAD_S = 0.5
CUT_S = 0.025
DEFAULT = ModemOptions()
REPORTED = ModemOptions(hook="reported")


class Underway:
    """How many bytes were written and not yet read: the kernel carries them when it has the time."""

    def __init__(self) -> None:
        self.bytes = 0
        self._write, self._read = os.write, os.read

    def write(self, descriptor: int, data: Any) -> int:
        written = self._write(descriptor, data)
        self.bytes += written
        return written

    def read(self, descriptor: int, most: int) -> bytes:
        data = self._read(descriptor, most)
        self.bytes -= len(data)
        return data


class QuickSelector(selectors.DefaultSelector):
    """Never sleeps until a timer: when no descriptor is ready, the clock is put forward instead.

    Bytes that are on their way are waited for; what nobody has read for `UNREAD_S` was not meant to be. The beginning
    and the end of a line cannot be counted: that is what the wait of `CUT_S` is for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(UNREAD_S if underway.bytes > 0 else CUT_S if timeout > UNREAD_S else CUT_S / 8)
        if not ready:
            underway.bytes = 0
            self.now_s += timeout
        return ready


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by its selector's clock."""

    def __init__(self) -> None:
        self.selector = QuickSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now_s


underway = Underway()


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what is on its way."""
    underway.bytes = 0
    monkeypatch.setattr(os, "write", underway.write)
    monkeypatch.setattr(os, "read", underway.read)


def quick(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run `test` in a loop of its own in which waiting takes no time."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with asyncio.Runner(loop_factory=QuickLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


@dataclass
class Bench:
    """A driver at work on a simulated modem, and all it said."""

    stage: Stage
    simulator: ModemPhoneSimulator
    options: ModemOptions
    events: list[PhoneEvent] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    links: list[DescriptorLink] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.driver = ModemPhone(self.options, self.report, self.emit)

    def emit(self, event: PhoneEvent) -> None:
        self.events.append(event)
        self.happened.set()

    def report(self, condition: Condition) -> None:
        self.conditions.append(condition)
        self.happened.set()

    def serve(self, link: DescriptorLink) -> None:
        self.links.append(link)
        self.serving = asyncio.create_task(self.driver.serve(link))
        self.serving.add_done_callback(lambda _: self.happened.set())

    async def until(self, condition: Callable[[], bool], seconds: float = 300) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.serving.done():
                    await self.serving
                self.happened.clear()
                await self.happened.wait()

    async def ready(self) -> None:
        await self.until(lambda: bool(self.conditions))

    async def ended(self, calls: int = 1) -> CallEnded:
        await self.until(lambda: len(self.calls()) == calls)
        return self.calls()[-1]

    def calls(self) -> list[CallEnded]:
        return [event for event in self.events if isinstance(event, CallEnded)]

    def rings(self) -> list[int]:
        return [event.count for event in self.events if isinstance(event, Ring)]

    def callers(self) -> list[Caller]:
        return [event for event in self.events if isinstance(event, Caller)]


async def open_link(endpoint: Endpoint) -> DescriptorLink:
    url = parse_link(endpoint.url)
    return await (open_serial(url) if url.scheme == "serial" else open_tcp(url))


@asynccontextmanager
async def bench(
    endpoint: Endpoint, options: ModemOptions = DEFAULT, *, before: tuple[str, ...] = ()
) -> AsyncIterator[Bench]:
    async with Stage(ModemPhoneSimulator(), endpoint) as stage:
        assert isinstance(stage.simulator, ModemPhoneSimulator)
        made = Bench(stage, stage.simulator, options)
        made.simulator.changed = made.happened.set
        for command in before:
            stage.command(command)
        link = await open_link(endpoint)
        made.serve(link)
        try:
            yield made
        finally:
            made.serving.cancel()
            await asyncio.gather(made.serving, return_exceptions=True)
            for opened in made.links:
                opened.close()


@pytest.fixture(params=["pty", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Endpoint:
    return PtyEndpoint(tmp_path / "modem") if request.param == "pty" else TcpEndpoint()


@pytest.fixture
def pty(tmp_path: Path) -> Endpoint:
    return PtyEndpoint(tmp_path / "modem")


@quick
async def test_settles_a_modem_and_says_what_it_cannot_tell(endpoint: Endpoint) -> None:
    async with bench(endpoint) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY, (), "cannot tell missed calls")]
        settings = made.simulator.settings
        assert (settings.echo, settings.auto_answer_rings, settings.caller_id) == (False, 0, True)
        assert (settings.voice, settings.measure, settings.ring_after_tenths) == (True, True, 1)


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
async def test_missed_only_where_a_lifted_receiver_would_have_been_reported(endpoint: Endpoint) -> None:
    async with bench(endpoint, REPORTED) as made:
        await made.ready()
        assert made.conditions == [Condition(State.READY)]
        made.stage.command("ring 3")
        ended = await made.ended()
        assert (ended.answer, ended.rings) == (Answer.MISSED, 3)


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
async def test_a_ring_the_modem_did_not_report_is_not_invented(pty: Endpoint) -> None:
    """Two cycles of silence are more than the one and a half that end a call: what rings then is the next call."""
    async with bench(pty) as made:
        await made.ready()
        made.stage.command("ring 4")
        await made.until(lambda: made.rings() == [1, 2])
        made.stage.command("lost-ring")
        await made.ended(2)
        assert [(call.answer, call.rings) for call in made.calls()] == [(Answer.UNKNOWN, 2), (Answer.UNKNOWN, 1)]


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
async def test_a_modem_that_lost_its_power_gets_its_settings_back(pty: Endpoint) -> None:
    async with bench(pty, REPORTED) as made:
        await made.ready()
        made.stage.command("restart")
        assert not made.simulator.settings.voice
        await made.until(lambda: made.simulator.settings.ring_after_tenths == 1)
        made.stage.command("ring 2")
        assert (await made.ended()).answer is Answer.MISSED


@quick
async def test_only_garbage_in_answer_suggests_the_baud_rate(pty: Endpoint) -> None:
    async with bench(pty) as made:
        send = made.stage.line.send
        made.stage.line.send = lambda data: send(bytes(0x80 | byte for byte in data))  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="baud") as garbled:
            await made.serving
        assert garbled.value.reason is Reason.GARBLED
        assert made.conditions == []


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

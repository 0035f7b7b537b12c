"""The printer's driver against a simulated printer on a real line: tickets, conditions, jobs, links that go."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from drivers.device import DeviceError, Reason, State
from drivers.link.tcp import open_tcp
from drivers.link.url import parse_link
from drivers.printer.capability import Evidence, Outcome, PrintResult
from drivers.printer.escpos import EscposOptions, EscposPrinter
from drivers.printer.page import Cut, Page, QrCode
from simulators.device import Command, Wire
from simulators.escpos_model import MODELS, EscposModel
from simulators.escpos_paper import Qr
from simulators.escpos_printer import EscposPrinterSimulator
from simulators.stage import Stage, TcpEndpoint
from tests.escpos_rig import FAST, HALL_TICKET, HALL_TICKET_LINES, TICKET, TICKET_LINES, Rig, rig, text, until

WIDE = dataclasses.replace(FAST, columns=48)
GS_R_ONLY = EscposModel(real_time=False, asb=False, process_id=False, info=False)
ASB_ONLY = EscposModel(real_time=False, gs_r=False, process_id=False, info=False)
PROCESS_ID_ONLY = EscposModel(real_time=False, asb=False, gs_r=False, info=False)

# --- a ticket, end to end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
async def test_a_chinese_ticket_is_read_back_character_for_character(tmp_path: Path, pty: bool) -> None:
    async with rig(tmp_path / "printer" if pty else None, options=WIDE) as it:
        await it.ready()
        moves: list[tuple[int, int]] = []
        result = await it.driver.print_page(HALL_TICKET, progress=lambda sent, total: moves.append((sent, total)))
        assert (result.outcome, result.evidence, result.paper) == (Outcome.PRINTED, Evidence.PROCESS_ID, True)
        assert result.sent == result.total == moves[-1][0]
        assert [sent for sent, _ in moves] == sorted({sent for sent, _ in moves})
        assert {total for _, total in moves} == {result.total}
        slip, hanging = it.printer.paper.slips
        assert slip.lines == HALL_TICKET_LINES
        assert it.printer.printed_text() == "\n".join(HALL_TICKET_LINES)
        assert [item.data for item in slip.items if isinstance(item, Qr)] == ["https://例.cn/?n=A012"]
        assert slip.cut == "partial"
        assert hanging.items == []
        assert list(it.printer.unknown_commands) == []


@pytest.mark.parametrize(
    ("model", "outcome", "evidence"),
    [
        (MODELS["full"], Outcome.PRINTED, Evidence.PROCESS_ID),
        (MODELS["gs-r"], Outcome.PRINTED, Evidence.GS_R),
        (MODELS["plain"], Outcome.UNCONFIRMED, None),
        (GS_R_ONLY, Outcome.UNCONFIRMED, None),
        (ASB_ONLY, Outcome.UNCONFIRMED, None),
        (PROCESS_ID_ONLY, Outcome.UNCONFIRMED, None),
    ],
    ids=["full", "gs-r", "plain", "gs-r alone", "asb alone", "process id alone"],
)
async def test_each_printer_confirms_by_the_best_means_it_has_if_it_tells_of_faults(
    model: EscposModel, outcome: Outcome, evidence: Evidence | None
) -> None:
    async with rig(model=model) as it:
        await it.ready()
        for _ in range(3):
            result = await it.driver.print_page(TICKET)
            assert (result.outcome, result.evidence, result.reason) == (outcome, evidence, None)
        await until(lambda: [slip.lines for slip in it.printer.paper.slips][:3] == [TICKET_LINES] * 3)
        assert len(it.printer.paper.slips) == 4
        assert it.errors == []


@pytest.mark.parametrize("encoding", ["gbk", "gb2312", "utf-8"])
async def test_a_printer_with_another_code_is_written_to_in_it(encoding: str) -> None:
    code = "gbk" if encoding == "gb2312" else encoding
    printer = EscposPrinterSimulator(code=code, columns=16, mm_per_s=None)
    async with rig(options=dataclasses.replace(FAST, encoding=encoding), printer=printer) as it:
        await it.ready()
        assert (await it.driver.print_page(TICKET)).outcome is Outcome.PRINTED
        assert it.printer.printed_text().splitlines() == TICKET_LINES


async def test_jobs_are_printed_in_the_order_of_the_calls() -> None:
    async with rig() as it:
        await it.ready()
        pages = [Page((text(f"A{number:03}"), Cut())) for number in range(12)]
        results = await asyncio.gather(*(it.driver.print_page(page) for page in pages))
        assert {result.outcome for result in results} == {Outcome.PRINTED}
        assert it.printer.printed_text().splitlines() == [f"A{number:03}" for number in range(12)]


async def test_a_job_taken_back_before_its_turn_is_not_printed() -> None:
    async with rig() as it:
        await it.ready()
        first, second, third = (asyncio.create_task(it.driver.print_page(Page((text(each), Cut())))) for each in "ABC")
        await asyncio.sleep(0)
        second.cancel()
        assert (await first).outcome is Outcome.PRINTED
        assert (await third).outcome is Outcome.PRINTED
        assert it.printer.printed_text().splitlines() == ["A", "C"]


@pytest.mark.parametrize(
    "wrong", ["A\x1b@", "A\x1d\x56\x00", "A\x1c.", "A\x10\x04\x01", "A\nB", "A\x00", "\x13", "A\x7f", "王\u202e𠮷"]
)
async def test_hostile_text_never_reaches_the_wire(wrong: str) -> None:
    async with rig(options=dataclasses.replace(FAST, poll_s=60)) as it:
        await it.ready()
        await until(lambda: it.printer.received > 0)
        for page in (Page((text("A012"), text(wrong), Cut())), Page((text("A012"), QrCode(wrong), Cut()))):
            if wrong.startswith("王") and isinstance(page.elements[1], QrCode):
                continue  # a QR code may hold any character
            before = it.printer.received
            result = await it.driver.print_page(page)
            assert (result.outcome, result.reason, result.paper) == (Outcome.FAILED, Reason.UNPRINTABLE, False)
            assert "U+" in result.detail
            assert (result.sent, it.printer.received) == (0, before)
        assert it.printer.printed_text() == ""


async def test_an_old_answer_does_not_confirm_a_later_job() -> None:
    printer = EscposPrinterSimulator(MODELS["gs-r"], columns=16, mm_per_s=15)
    async with rig(printer=printer) as it:
        await it.ready()
        slow = Page((*(text("A012") for _ in range(3)), Cut()))
        result = await it.driver.print_page(slow)
        # still printing when the driver's patience was at its end: its answer is yet to come
        assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.NO_ANSWER)
        later = await it.driver.print_page(TICKET)
        assert later.outcome is not Outcome.PRINTED or TICKET_LINES[-1] in printer.printed_text()
        printer.close()


# --- condition -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["full", "plain"])
@pytest.mark.parametrize(
    ("fault", "remedy", "state", "reason"),
    [
        ("paper-near-end", "refill", State.DEGRADED, Reason.PAPER_NEAR_END),
        ("paper-end", "refill", State.FAULTED, Reason.PAPER_END),
        ("cover-open", "cover-close", State.FAULTED, Reason.COVER_OPEN),
        ("cutter-error", "clear", State.FAULTED, Reason.CUTTER_ERROR),
        ("head-hot", "clear", State.FAULTED, Reason.HEAD_HOT),
        ("fatal-error", "power-off power-on", State.FAULTED, Reason.UNRECOVERABLE_ERROR),
        ("feed-button on", "feed-button off", State.FAULTED, Reason.FEED_BUTTON),
    ],
)
async def test_every_fault_is_reported_and_cleared(
    model: str, fault: str, remedy: str, state: State, reason: Reason
) -> None:
    async with rig(model=MODELS[model]) as it:
        await it.ready()
        it.stage.command(fault)
        await until(lambda: it.condition == (state, (reason,)))
        if state is State.FAULTED:
            result = await it.driver.print_page(TICKET)
            assert result == PrintResult(
                Outcome.FAILED, False, 0, 0, reason=reason, detail="the printer was not ready"
            )  # fmt: skip
            assert it.printer.printed_text() == ""
        for command in remedy.split() if "power" in remedy else [remedy]:
            it.stage.command(command)
        await it.ready()
        assert (await it.driver.print_page(TICKET)).outcome is not Outcome.FAILED
        await until(lambda: it.printer.printed_text().splitlines() == TICKET_LINES)


async def test_two_faults_are_both_named_and_cleared_one_by_one() -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command("paper-end")
        it.stage.command("cover-open")
        await it.faulted(Reason.COVER_OPEN, Reason.PAPER_END)
        it.stage.command("refill")
        await it.faulted(Reason.COVER_OPEN)
        it.stage.command("cover-close")
        await it.ready()


async def test_a_printer_met_while_offline_is_known_fully_once_it_is_back() -> None:
    printer = EscposPrinterSimulator(columns=16, mm_per_s=None)
    printer.sense(cover_open=True)
    async with rig(printer=printer) as it:
        await it.faulted(Reason.COVER_OPEN)
        it.stage.command("cover-close")
        await until(lambda: bool(it.reports) and it.reports[-1].detail == "SIMULATED-80")
        assert (await it.driver.print_page(TICKET)).evidence is Evidence.PROCESS_ID


async def test_silence_is_unknown_then_a_reason_to_open_the_line_anew() -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command("power-off")
        await until(lambda: it.condition == (State.UNKNOWN, (Reason.NO_ANSWER,)))
        await until(lambda: bool(it.errors))
        assert it.errors[0].reason is Reason.NO_ANSWER
        result = await it.driver.print_page(TICKET)
        assert (result.outcome, result.reason, result.paper) == (Outcome.FAILED, Reason.NO_ANSWER, False)
        it.stage.command("power-on")
        await it.ready()
        assert (await it.driver.print_page(TICKET)).outcome is Outcome.PRINTED


async def test_an_xon_does_not_make_a_silent_printer_ready() -> None:
    async with rig(options=dataclasses.replace(FAST, answer_s=0.3)) as it:
        await it.ready()
        it.stage.command("power-off")
        await until(lambda: it.condition == (State.UNKNOWN, (Reason.NO_ANSWER,)))
        it.stage.line.send(b"\x11")
        await until(lambda: bool(it.errors))
        assert it.condition == (State.UNKNOWN, (Reason.NO_ANSWER,))


async def test_a_printer_that_never_said_anything_is_never_reported() -> None:
    async with rig(model=MODELS["one-way"]) as it:
        await until(lambda: len(it.errors) >= 2)
        assert {error.reason for error in it.errors} == {Reason.NO_ANSWER}
        assert it.reports == []


async def test_one_that_is_known_never_to_answer_prints_unconfirmed() -> None:
    async with rig(model=MODELS["one-way"], options=dataclasses.replace(FAST, answers="never")) as it:
        await until(lambda: it.condition == (State.READY, (Reason.NEVER_ANSWERS,)))
        result = await it.driver.print_page(TICKET)
        assert (result.outcome, result.paper, result.sent) == (Outcome.UNCONFIRMED, True, result.total)
        await until(lambda: it.printer.printed_text().splitlines() == TICKET_LINES)
        assert it.errors == []


@pytest.mark.parametrize("half", [True, False], ids=["half an answer", "noise"])
async def test_a_spoilt_answer_does_no_lasting_harm(half: bool) -> None:
    async with rig(options=dataclasses.replace(FAST, answer_s=0.1)) as it:
        await it.ready()
        it.stage.command("half" if half else "noise 2000")
        await asyncio.sleep(0)
        await it.driver.print_page(TICKET)
        await until(lambda: it.condition == (State.READY, ()))
        assert (await it.driver.print_page(TICKET)).outcome is Outcome.PRINTED


class Stranger:
    """Something on the port that is no printer: it answers everything with the same words."""

    KIND: ClassVar[str] = "stranger"
    DOES_NOT_IMITATE: ClassVar[str] = "anything"
    commands: Mapping[str, Command] = {}

    def __init__(self, answer: bytes) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._answer = answer
        self._wire: Wire | None = None

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None

    def receive(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.send(self._answer)

    def close(self) -> None:
        pass

    def state(self) -> Mapping[str, object]:
        return {}


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HTTP, Reason.WRONG_DEVICE),
        (b"login: ", Reason.WRONG_DEVICE),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.WRONG_DEVICE),
        (bytes(range(0x80, 0x100)), Reason.GARBLED),
    ],
    ids=["http", "login", "ssh", "noise"],
)
async def test_a_port_that_is_no_printer_is_called_so(answer: bytes, reason: Reason) -> None:
    reports: list[object] = []
    async with Stage(Stranger(answer), TcpEndpoint()) as stage:
        link = await open_tcp(parse_link(stage.endpoint.url))
        with pytest.raises(DeviceError) as refused:
            await EscposPrinter(FAST, reports.append).serve(link)
        link.close()
    assert refused.value.reason is reason
    assert reports == []


@pytest.mark.parametrize("noise", [b"", b"\x00\xff"], ids=["wrong-device", "garbled"])
async def test_a_modem_on_a_printers_port_does_not_publish_who_calls(noise: bytes) -> None:
    answer = noise + b"\r\nRING\r\nDATE = 1121\r\nNMBR = 13912345678\r\n"
    async with Stage(Stranger(answer), TcpEndpoint()) as stage:
        link = await open_tcp(parse_link(stage.endpoint.url))
        with pytest.raises(DeviceError) as refused:
            await EscposPrinter(FAST, lambda _: None).serve(link)
        link.close()
    said = refused.value.detail
    assert "NMBR = #####" in said or b"NMBR = #####".hex(" ") in said
    assert "39123" not in said
    assert b"39123".hex(" ") not in said


# --- links that go -------------------------------------------------------------------------------------------------


async def test_without_a_link_a_job_fails_at_once() -> None:
    result = await EscposPrinter(FAST, lambda _: None).print_page(TICKET)
    assert (result.outcome, result.reason, result.paper) == (Outcome.FAILED, Reason.NOT_PRESENT, False)


@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
async def test_a_link_that_vanishes_and_returns(tmp_path: Path, pty: bool) -> None:
    async with rig(tmp_path / "printer" if pty else None) as it:
        for _ in range(3):
            it.reports.clear()
            await it.ready()
            assert (await it.driver.print_page(TICKET)).outcome is Outcome.PRINTED
            it.stage.command("cut")
            await until(lambda: len(it.errors) == it.served)
            result = await it.driver.print_page(TICKET)
            assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.NOT_PRESENT)
            it.stage.command("restore")
        await it.ready()
        assert [slip.lines for slip in it.printer.paper.slips if slip.items] == [TICKET_LINES] * 3


async def test_every_waiting_job_gets_its_result_when_the_link_goes() -> None:
    async with rig() as it:
        await it.ready()
        it.stage.command("cut after 60")
        results = await asyncio.gather(*(it.driver.print_page(TICKET) for _ in range(5)))
        assert {result.outcome for result in results} == {Outcome.FAILED}
        assert [result.paper for result in results[1:]] == [False] * 4


async def test_a_stopped_driver_gives_its_job_a_result_and_lets_the_cancellation_through(tmp_path: Path) -> None:
    printer = EscposPrinterSimulator(columns=16, mm_per_s=20)
    it = Rig(printer, TcpEndpoint(), FAST)
    async with it.stage:
        link = await it.open()
        serving = asyncio.create_task(it.driver.serve(link))
        await it.ready()
        printing = asyncio.create_task(it.driver.print_page(TICKET))
        await until(lambda: printer.state()["printing"])
        serving.cancel()
        result = await printing
        with pytest.raises(asyncio.CancelledError):
            await serving
        link.close()
    assert (result.outcome, result.reason, result.paper) == (Outcome.FAILED, Reason.STOPPED, True)


@pytest.mark.parametrize(
    "changes",
    [{"answers": "maybe"}, {"encoding": "latin-1"}, {"cut": "saw"}, {"columns": 0}, {"answer_s": 0}, {"poll_s": -1}],
)
def test_wrong_options_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        EscposOptions(**changes)  # type: ignore[arg-type]

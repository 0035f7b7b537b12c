"""Is what the driver says of a slip true of the paper? Faults at sampled bytes of a ticket, on several printers."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drivers.device import Reason, State
from drivers.printer.capability import Outcome, PrintResult
from drivers.printer.page import Cut, Page, QrCode
from simulators.escpos_model import MODELS
from simulators.escpos_paper import Qr, Slip
from simulators.escpos_printer import EscposPrinterSimulator
from tests.escpos_rig import FAST, TICKET, TICKET_LINES, Rig, rig, text, until

STEP = 7
NEXT = Page((text("A013"), Cut()))
PATIENT = dataclasses.replace(FAST, answer_s=0.3, poll_s=0.1, stall_s=0.6, confirm_s=0.6)
"""Many printers at once, on a busy machine."""

AT_ONCE = 16

REMEDIES = {
    "power-off": "power-on",
    "paper-end": "refill",
    "cover-open": "cover-close",
    "cutter-error": "clear",
}


def is_whole(slip: Slip) -> bool:
    """Whether `slip` is the whole ticket, in one piece, cut off and not marked void."""
    return slip.lines == TICKET_LINES and slip.cut is not None


def check_truth(result: PrintResult, printer: EscposPrinterSimulator) -> None:
    """What the driver claims, held against the paper."""
    slips = printer.paper.slips
    whole = sum(is_whole(slip) for slip in slips)
    if result.outcome is Outcome.PRINTED:
        assert whole == 1
        assert (result.paper, result.reason) == (True, None)
    elif result.outcome is Outcome.FAILED:
        assert whole == 0
        assert result.reason is not None
    else:
        assert result.paper
        assert whole <= 1
    if not result.paper:
        assert not any(line in TICKET_LINES for slip in slips for line in slip.lines)
    assert 0 <= result.sent <= result.total


async def print_through(it: Rig, fault: str) -> PrintResult:
    """Print the ticket with `fault` planned, and hold the result against the paper."""
    await it.ready()
    it.stage.command(fault)
    async with asyncio.timeout(5):
        result = await it.driver.print_page(TICKET)
    check_truth(result, it.printer)
    return result


async def recover(it: Rig, result: PrintResult) -> None:
    """Print the next slip: what the fault left behind spoils neither it nor what was said of the one before."""
    while (after := await it.driver.print_page(NEXT)).outcome is Outcome.FAILED:
        await asyncio.sleep(0.01)  # not ready yet: the printer is being met again
    await until(lambda: any(slip.cut and "A013" in slip.lines for slip in it.printer.paper.slips))
    check_truth(result, it.printer)
    *before, new = (slip for slip in it.printer.paper.slips if slip.lines)
    assert new.lines == ["A013"], (result, after)
    assert not any("A013" in slip.lines for slip in before)
    if result.outcome is Outcome.FAILED and result.paper:
        # half a slip does not pass for a whole one: it fell off with its roll, or it ends with the mark
        half = [slip for slip in before if slip.lines[:1] == TICKET_LINES[:1]]
        assert all(slip.torn or "VOID" in slip.lines[-1] for slip in half), (result, half)


async def at_every_step(
    model: str, scenario: Callable[[int], Awaitable[PrintResult]], *, last_bytes: int = 1
) -> Counter[Outcome]:
    """Run `scenario` for every 7th byte that a printer of `model` gets during the ticket, and each of the last ones.

    How often it ended how.
    """
    async with rig(model=MODELS[model], options=dataclasses.replace(PATIENT, poll_s=60)) as it:
        await it.ready()
        before = it.printer.received
        await it.driver.print_page(TICKET)
        total = it.printer.received - before
    few = asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> PrintResult:
        async with few:
            return await scenario(at)

    steps = {*range(1, total, STEP), *range(total - last_bytes + 1, total + 1)}
    results = await asyncio.gather(*(one(at) for at in sorted(steps)))
    return Counter(result.outcome for result in results)


@pytest.mark.parametrize("model", ["full", "gs-r", "plain"])
@pytest.mark.parametrize("fault", REMEDIES)
async def test_a_fault_at_any_byte_is_told_as_it_was(model: str, fault: str) -> None:
    async def scenario(at: int) -> PrintResult:
        async with rig(model=MODELS[model], options=PATIENT) as it:
            result = await print_through(it, f"{fault} at {at}")
            # a poll between the plan and the job uses up bytes: the last positions may not be reached by the job
            await until(lambda: it.printer.fault_struck)
            it.stage.command(REMEDIES[fault])
            await recover(it, result)
            return result

    outcomes = await at_every_step(model, scenario)
    assert outcomes[Outcome.FAILED] > 3
    assert outcomes[Outcome.FAILED] < outcomes.total()


@pytest.mark.parametrize("model", ["full", "gs-r", "plain"])
@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
async def test_a_line_cut_at_any_byte_is_told_as_it_was(model: str, pty: bool, tmp_path: Path) -> None:
    async def scenario(at: int) -> PrintResult:
        where = tmp_path / f"printer-{at}" if pty else None
        async with rig(where, model=MODELS[model], options=PATIENT) as it:
            result = await print_through(it, f"cut after {at}")
            await until(lambda: it.stage.cut)
            it.stage.command("restore")
            await recover(it, result)
            return result

    # a question cut off half way must not take the next session's bytes for its length
    outcomes = await at_every_step(model, scenario, last_bytes=24 if model == "full" else 1)
    assert outcomes[Outcome.FAILED] > 3
    assert outcomes[Outcome.FAILED] < outcomes.total()


@pytest.mark.parametrize("model", ["full", "gs-r"])
@pytest.mark.parametrize(("fault", "reason"), [("paper-end", Reason.PAPER_END), ("cover-open", Reason.COVER_OPEN)])
async def test_what_was_not_printed_at_a_fault_never_comes_out_later(model: str, fault: str, reason: Reason) -> None:
    printer = EscposPrinterSimulator(MODELS[model], columns=16, mm_per_s=100)
    async with rig(options=PATIENT, printer=printer) as it:
        await it.ready()
        printing = asyncio.create_task(it.driver.print_page(TICKET))
        await until(lambda: "A012" in printer.printed_text())
        it.stage.command(fault)
        result = await printing
        assert (result.outcome, result.paper, result.reason) == (Outcome.FAILED, True, reason)
        assert "dropped the rest" in result.detail
        assert printer.state()["buffered_bytes"] == 0
        it.stage.command(REMEDIES[fault])
        await until(lambda: "VOID" in printer.printed_text())
        assert TICKET_LINES[-1] not in printer.printed_text()


@pytest.mark.parametrize("clears", [True, False], ids=["clears", "cannot clear"])
@pytest.mark.parametrize("fault", ["cover-open", "power-off"])
async def test_a_command_cut_off_half_way_swallows_nothing_of_what_follows(clears: bool, fault: str) -> None:
    page = Page((text(TICKET_LINES[0]), QrCode("1" * 600), Cut()))
    model = dataclasses.replace(MODELS["full"], clears=clears)
    async with rig(model=model, options=PATIENT) as it:
        await it.ready()
        it.stage.command(f"{fault} at 200")  # sent in chunks of 32 bytes, nothing is asked between those of one command
        result = await it.driver.print_page(page)
        assert (result.outcome, result.paper) == (Outcome.FAILED, True)
        assert result.sent < result.total
        await until(lambda: it.condition != (State.READY, ()) or bool(it.errors))
        it.reports.clear()
        it.stage.command(REMEDIES[fault])
        while (after := await it.driver.print_page(NEXT)).outcome is Outcome.FAILED:
            assert not after.paper
            await asyncio.sleep(0.01)  # not ready yet: the printer is being met again
        assert after.outcome is Outcome.PRINTED
        assert not any(isinstance(item, Qr) for slip in it.printer.paper.slips for item in slip.items)
        assert it.printer.printed_text().splitlines() == [TICKET_LINES[0], "作废 VOID", "A013"]


async def test_the_cut_is_sent_only_after_the_printer_said_that_the_rest_is_on_paper() -> None:
    printer = EscposPrinterSimulator(columns=16, mm_per_s=200)
    async with rig(options=PATIENT, printer=printer) as it:
        await it.ready()
        printing = asyncio.create_task(it.driver.print_page(TICKET))
        await until(lambda: len(printer.paper.slips) > 1)
        assert printer.paper.slips[0].lines == TICKET_LINES
        assert (await printing).outcome is Outcome.PRINTED
        it.stage.command("process-id off")
        result = await it.driver.print_page(TICKET)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.NO_ANSWER)
        assert len([slip for slip in printer.paper.slips if is_whole(slip)]) == 1

"""When a slip is printed again, marked as such, withdrawn, forgotten: the rules around what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from daemon.refused import Refused
from daemon.slips.book import SlipBook
from daemon.tickets import Ticket
from drivers.printer.escpos import EscposOptions
from simulators.escpos_printer import EscposPrinterSimulator
from tests import virtual_time
from tests.print_department import Department, LoopClock, book
from tests.print_paper import Found, look_at
from tests.store_rig import Ledger

OPTIONS = EscposOptions(columns=16)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "kioskd.db", LoopClock())
    yield opened
    opened.database.close()


@pytest.fixture
def templates(tmp_path: Path) -> SlipBook:
    return book(tmp_path)


def test_a_slip_that_failed_is_not_printed_again_for_somebody_who_left(ledger: Ledger, templates: SlipBook) -> None:
    async def too_late() -> None:
        printer = EscposPrinterSimulator(columns=16)
        async with Department(ledger, templates, printer, OPTIONS) as department:
            await department.until(lambda: department.process.supervisor.condition.state == "ready", "a printer")
            department.stage.command("paper-end at 50")
            ticket = department.take(patience_s=30)
            await department.settled()
            assert department.outcomes_of(ticket) == [(1, "failed"), (2, "expired")]
            assert department.state_of(ticket) == "withdrawn"
            assert [(reply.status, reply.reason) for reply in department.replies] == [("expired", "paper-end")]
            department.stage.command("refill")
            after = department.take()
            await department.settled()
            assert department.outcomes_of(after) == [(1, "printed")]
            assert look_at(printer.paper.slips, ticket.number) == Found(torn=1)

    virtual_time.run(too_late())


def test_a_printer_that_spoils_every_slip_gets_one_more_of_each_ticket(ledger: Ledger, templates: SlipBook) -> None:
    async def spoilt_twice() -> None:
        printer = EscposPrinterSimulator(columns=16, mm_per_s=5)
        async with Department(ledger, templates, printer, OPTIONS) as department:
            await department.until(lambda: department.process.supervisor.condition.state == "ready", "a printer")
            ticket = department.take()
            for nth, sign in enumerate(("综合业务", "补打")):
                await department.until(partial(_stands_on, printer, sign), sign)
                department.stage.command("cover-open")
                await department.until(partial(_has_failed, department, ticket, nth + 1), "it to fail")
                department.stage.command("cover-close")
            await department.settled()
            assert department.outcomes_of(ticket) == [(1, "failed"), (2, "failed")]
            assert department.state_of(ticket) == "withdrawn"
            (reply,) = department.replies
            assert (reply.status, reply.reason, reply.data["copy_number"]) == ("failed", "cover-open", 2)

    virtual_time.run(spoilt_twice())


def _stands_on(printer: EscposPrinterSimulator, words: str) -> bool:
    return words in printer.printed_text()


def _has_failed(department: Department, ticket: Ticket, times: int) -> bool:
    return len(department.outcomes_of(ticket)) == times


def test_a_lost_ticket_is_printed_again_and_marked(ledger: Ledger, templates: SlipBook) -> None:
    async def lost() -> None:
        printer = EscposPrinterSimulator(columns=16)
        async with Department(ledger, templates, printer, OPTIONS) as department:
            ticket = department.take()
            with pytest.raises(Refused, match="on its way") as refused:
                department.reprint(ticket, "too-early")
            assert refused.value.reason == "in-print"
            await department.settled()
            for copy_number in (2, 3):
                assert department.reprint(ticket, f"lost {copy_number}") == copy_number
                await department.settled()
            assert department.outcomes_of(ticket) == [(1, "printed"), (2, "printed"), (3, "printed")]
            assert look_at(printer.paper.slips, ticket.number) == Found(valid=1, valid_marked=2)
            department.stage.command("paper-end at 60")
            department.reprint(ticket, "third time")
            await department.settled()
            # a slip that staff asked for is not tried again by itself, and the number stays valid
            assert department.outcomes_of(ticket)[-1] == (4, "failed")
            assert department.state_of(ticket) == "waiting"
            assert department.events_of(ticket, "ticket.waiting", "ticket.withdrawn") == ["ticket.waiting"]

    virtual_time.run(lost())


def test_what_a_killed_process_left_is_remembered_until_the_printer_is_rid_of_it(
    ledger: Ledger, templates: SlipBook
) -> None:
    async def killed_again_and_again() -> None:
        printer = EscposPrinterSimulator(columns=16)
        async with Department(ledger, templates, printer, OPTIONS, "withdraw") as department:
            await department.until(lambda: department.process.supervisor.condition.state == "ready", "a printer")
            printer.plan(department.process.kill, 60)
            ticket = department.take()
            await department.until(lambda: "综合业务" in printer.printed_text(), "half a slip")
            department.stage.command("cover-open")
            for _ in range(3):  # nothing can be cleared away while the cover is open
                await department.restart()
                await department.settled()
                assert department.state_of(ticket) == "withdrawn"
                await department.until(lambda: department.process.supervisor.condition.state == "faulted", "a fault")
                department.process.kill()
            department.stage.command("cover-close")
            await department.restart()
            await department.until(lambda: "VOID" in printer.printed_text(), "the mark")
            await department.until(lambda: not ledger.rows("SELECT * FROM leftover"), "it to be forgotten")
            department.process.kill()
            await department.restart()
            after = department.take()
            await department.settled()
            assert department.outcomes_of(after) == [(1, "printed")]
            lines = [[line.strip() for line in slip.lines] for slip in printer.paper.slips]
            assert lines == [["综合业务", ticket.number, "作废 VOID"], ["综合业务", after.number], []]

    virtual_time.run(killed_again_and_again())


def test_a_slip_that_takes_long_is_told_of_on_its_way(ledger: Ledger, templates: SlipBook) -> None:
    async def slow() -> None:
        printer = EscposPrinterSimulator(columns=16, mm_per_s=2)
        async with Department(ledger, templates, printer, OPTIONS) as department:
            ticket = department.take()
            await department.settled()
            told = ("print.progressed", "print.sent", "print.printed", "ticket.waiting")
            assert department.events_of(ticket, *told) == list(told)
            (progress,), (sent,) = ledger.events.data("print.progressed"), ledger.events.data("print.sent")
            assert 0 < progress["sent"] < progress["total"] == sent["bytes"]

    virtual_time.run(slow())

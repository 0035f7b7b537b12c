"""One printer at work, over a real store: every outcome in its reply, its event, its number and its row alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from daemon import tickets
from daemon.commands import Reply, Status
from daemon.printing import jobs as printing
from daemon.printing import runner as print_runner
from daemon.printing.runner import PrintRunner
from daemon.printing.subject import Subject
from daemon.settings import Service
from daemon.settings.hall import OnFailure
from daemon.slips.book import SlipBook
from daemon.store import database_file
from daemon.store.database import Transaction
from daemon.store.journal import find_command, take_command
from daemon.tickets import TicketState
from drivers.device import Condition, Reason, State
from drivers.printer.capability import Closing, Evidence, Leftover, Outcome, PrintResult, Progress
from drivers.printer.page import Line, Page
from tests.store_rig import OpenStore, locked, open_store, ticket_order, until

SERVICE = Service(name="综合业务", printer="printer-1", prefix="A")
READY = Condition(State.READY)
PAPER_END = Condition(State.FAULTED, (Reason.PAPER_END,))

PRINTED = PrintResult(Outcome.PRINTED, paper=True, sent=9, total=9, evidence=Evidence.PROCESS_ID)
SILENT = PrintResult(Outcome.UNCONFIRMED, paper=True, sent=9, total=9, reason=Reason.NO_ANSWER)
TORN = PrintResult(Outcome.FAILED, paper=True, sent=5, total=9, reason=Reason.PAPER_END, detail="after 5 of 9 bytes")
NOT_BEGUN = PrintResult(Outcome.FAILED, paper=False, sent=0, total=9, reason=Reason.DISCONNECTED)
UNPRINTABLE = PrintResult(Outcome.FAILED, paper=False, sent=0, total=0, reason=Reason.UNPRINTABLE, detail="U+20BB7")


class FakePrinter:
    """A printer that gives the results it is told to, one after the other, and notes what was printed."""

    columns = 32

    def __init__(self) -> None:
        self.results: deque[PrintResult] = deque()
        self.slips: list[str] = []
        self.taken_over: list[Leftover | None] = []
        self.cleared: Callable[[], None] = lambda: None
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def print_page(
        self, page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        words = [span.text for element in page.elements if isinstance(element, Line) for span in element.spans]
        self.slips.append(next(word for word in words if word.startswith("A0")))
        self.began.set()
        await self.may_end.wait()
        result = self.results.popleft() if self.results else PRINTED
        if closing is not None and result.sent == result.total > 0:
            await closing()
        if progress is not None and result.sent == result.total > 0:
            progress(result.sent, result.total)
        return result

    def take_over(self, leftover: Leftover | None, cleared: Callable[[], None]) -> None:
        self.taken_over.append(leftover)
        self.cleared = cleared


class Shop:
    """A printer with its runner, which can be killed and started again."""

    def __init__(self, rig: OpenStore) -> None:
        self.rig = rig
        self.printer = FakePrinter()
        self.condition = READY
        self.replies: list[Reply] = []
        self.on_failure: OnFailure = "withdraw"
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        store, clock, reply = self.rig.store, self.rig.clock, self.replies.append
        self.runner = PrintRunner(
            "printer-1", self.printer, lambda: self.condition, SlipBook(), store, clock, reply, self.on_failure
        )
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self.runner.resume()
        await self.runner.run()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def take(self, deadline_s: float = 60.0) -> str:
        """Take a number; the id of its ticket, and of its command."""
        clock = self.rig.clock

        def change(transaction: Transaction) -> str:
            ticket, _ = tickets.take(transaction, "a", SERVICE)
            take_command(transaction, ticket.id, "f", clock.now())
            deadline = clock.now().timestamp() + deadline_s
            printing.enqueue(
                transaction, "printer-1", Subject(ticket.id), ticket_order(ticket.number), deadline, ticket.id
            )
            return ticket.id

        ticket = await self.rig.store.transact(change)
        self.runner.wake()
        return ticket

    async def answer(self, ticket: str) -> Reply:
        found = await until(lambda: [reply for reply in self.replies if reply.id == ticket], f"an answer for {ticket}")
        assert len(found) == 1
        return found[0]

    async def ticket_state(self, ticket: str) -> TicketState:
        sql = "SELECT state FROM ticket WHERE id = ?"
        return TicketState((await self.rig.store.transact(lambda change: change.rows(sql, ticket)))[0][0])

    @property
    def outcomes(self) -> list[str]:
        return [name for name in self.rig.events.names if name.startswith("print.") and name != "print.sent"]


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    monkeypatch.setattr(print_runner, "LOOK_AGAIN_S", 0.01)
    async with open_store(tmp_path / "kioskd.db") as rig:
        made = Shop(rig)
        made.start()
        yield made
        await made.stop()


OUTCOMES = [
    (PRINTED, Status.DONE, None, "print.printed", {"evidence": "process-id"}, TicketState.WAITING),
    (SILENT, Status.UNCONFIRMED, "no-answer", "print.unconfirmed", {"reason": "no-answer"}, TicketState.WAITING),
    (TORN, Status.FAILED, "paper-end", "print.failed", {"reason": "paper-end", "paper": True}, TicketState.WITHDRAWN),
    (UNPRINTABLE, Status.FAILED, "unprintable", "print.failed", {"detail": "U+20BB7"}, TicketState.WITHDRAWN),
]


@pytest.mark.parametrize(("result", "status", "reason", "event", "data", "state"), OUTCOMES)
async def test_reply_event_number_and_row_agree(
    shop: Shop,
    result: PrintResult,
    status: Status,
    reason: str | None,
    event: str,
    data: dict[str, object],
    state: TicketState,
) -> None:
    shop.printer.results.append(result)
    ticket = await shop.take()
    reply = await shop.answer(ticket)
    assert (reply.status, reply.reason) == (status, reason)
    assert reply.data["number"] == "A001"
    assert shop.outcomes == [event]
    told = shop.rig.events.data(event)[0]
    assert told | data == told
    assert told["ticket"] == ticket
    assert await shop.ticket_state(ticket) is state
    seen = await shop.rig.store.transact(lambda change: find_command(change, ticket))
    assert seen is not None
    assert seen.reply == reply
    rows = await shop.rig.store.transact(lambda change: change.rows("SELECT state, reason FROM print_job"))
    assert rows == [(str(result.outcome), reason)]
    assert shop.printer.slips == ["A001"], "printed, or tried, once"


async def test_it_is_tried_again_only_when_no_paper_can_have_come_out(shop: Shop) -> None:
    shop.printer.results.extend([NOT_BEGUN, NOT_BEGUN, PRINTED])
    reply = await shop.answer(await shop.take())
    assert reply.status is Status.DONE
    assert shop.printer.slips == ["A001"] * 3
    assert shop.outcomes == ["print.printed"]


async def test_jobs_come_out_in_the_order_of_their_numbers(shop: Shop) -> None:
    taken = [await shop.take() for _ in range(5)]
    for ticket in taken:
        assert (await shop.answer(ticket)).status is Status.DONE
    assert shop.printer.slips == ["A001", "A002", "A003", "A004", "A005"]


async def test_a_job_that_nobody_waits_for_any_more_expires_behind_one_that_waits(shop: Shop) -> None:
    shop.condition = PAPER_END
    patient, hasty = await shop.take(600), await shop.take(5)
    shop.rig.clock.advance(6)
    expired = await shop.answer(hasty)
    assert (expired.status, expired.reason) == (Status.EXPIRED, "paper-end")
    assert await shop.ticket_state(hasty) is TicketState.WITHDRAWN
    assert await shop.ticket_state(patient) is TicketState.ISSUED
    assert shop.printer.slips == []
    shop.condition = READY
    shop.runner.wake()
    assert (await shop.answer(patient)).status is Status.DONE
    assert shop.printer.slips == ["A001"]


async def test_a_printer_that_could_print_is_not_named_as_the_reason(shop: Shop) -> None:
    shop.condition = Condition(State.DEGRADED, (Reason.PAPER_NEAR_END,))
    shop.printer.may_end.clear()
    await shop.take(600)
    await shop.printer.began.wait()
    late = await shop.take(5)
    shop.rig.clock.advance(6)
    shop.printer.may_end.set()
    expired = await shop.answer(late)
    assert (expired.status, expired.reason) == (Status.EXPIRED, "deadline")


async def test_what_was_not_begun_by_its_deadline_fails_and_is_not_tried_for_ever(shop: Shop) -> None:
    shop.printer.results.append(NOT_BEGUN)
    shop.printer.may_end.clear()
    ticket = await shop.take(5)
    await shop.printer.began.wait()
    shop.rig.clock.advance(6)
    shop.printer.may_end.set()
    assert (await shop.answer(ticket)).reason == "disconnected"
    assert await shop.ticket_state(ticket) is TicketState.WITHDRAWN
    assert shop.printer.slips == ["A001"]


async def test_a_job_cut_off_before_its_end_is_said_to_be_torn_and_not_printed_again(shop: Shop) -> None:
    shop.printer.may_end.clear()
    ticket = await shop.take()
    await shop.printer.began.wait()
    await shop.stop()
    shop.printer.may_end.set()
    shop.start()
    reply = await shop.answer(ticket)
    assert (reply.status, reply.reason) == (Status.FAILED, "interrupted")
    assert shop.printer.taken_over == [None, Leftover.HALF]
    assert await shop.ticket_state(ticket) is TicketState.WITHDRAWN
    await shop.answer(await shop.take())
    assert shop.printer.slips == ["A001", "A002"]


async def test_a_job_cut_off_when_it_may_have_been_whole_is_unconfirmed_and_not_printed_again(shop: Shop) -> None:
    hold = asyncio.Event()
    closing_done = asyncio.Event()

    async def print_page(
        page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        assert closing is not None
        await closing()
        closing_done.set()
        await hold.wait()
        return PRINTED

    shop.printer.print_page = print_page  # type: ignore[method-assign]
    ticket = await shop.take()
    await closing_done.wait()
    await shop.stop()
    shop.start()
    reply = await shop.answer(ticket)
    assert (reply.status, reply.reason) == (Status.UNCONFIRMED, "interrupted")
    assert shop.printer.taken_over == [None, Leftover.WHOLE]
    assert await shop.ticket_state(ticket) is TicketState.WAITING
    assert shop.outcomes == ["print.unconfirmed"]


async def test_nothing_is_printed_or_answered_while_nothing_can_be_stored(shop: Shop) -> None:
    shop.condition = PAPER_END
    ticket = await shop.take()
    with locked(shop.rig.path):
        shop.condition = READY
        shop.runner.wake()
        await until(lambda: shop.rig.store.failing, "the failure")
        assert (shop.printer.slips, shop.replies) == ([], [])
    assert (await shop.answer(ticket)).status is Status.DONE


async def test_a_second_attempt_is_not_taken_for_whole_because_the_first_was_nearly(shop: Shop) -> None:
    began_again = asyncio.Event()

    async def print_page(
        page: Page, *, progress: Progress | None = None, closing: Closing | None = None
    ) -> PrintResult:
        if closing is not None and not shop.printer.slips:
            shop.printer.slips.append("A001")
            await closing()
            return NOT_BEGUN
        began_again.set()
        return await asyncio.Future()

    shop.printer.print_page = print_page  # type: ignore[method-assign]
    ticket = await shop.take()
    await began_again.wait()
    await shop.stop()
    shop.start()
    assert (await shop.answer(ticket)).status is Status.FAILED
    assert shop.printer.taken_over == [None, Leftover.HALF]

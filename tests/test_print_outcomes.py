"""What kioskd says of a ticket, held against the paper (row 2 of the service rules): every fault at every byte of it.

On every printer. Each case is a row of ``print-outcomes.csv``, counted in ``print-outcomes.txt``: in the folder that
the variable ARTIFACTS names, or the test's own.
"""

from __future__ import annotations

import csv
import dataclasses
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.settings.hall import OnFailure
from daemon.slips.book import SlipBook
from daemon.tickets import Ticket
from drivers.printer.escpos import EscposOptions
from simulators.escpos_model import MODELS
from simulators.escpos_printer import EscposPrinterSimulator
from tests import virtual_time
from tests.print_department import Department, LoopClock, book
from tests.print_paper import Found, look_at, untold
from tests.store_rig import Ledger

REMEDY_S = 3.0
"""How long a fault lasts: somebody comes running."""

OPTIONS = EscposOptions(columns=16)
REMEDIES: Mapping[str, str] = {
    "power-off": "power-on",
    "line-cut": "restore",
    "paper-end": "refill",
    "cover-open": "cover-close",
    "kill": "",
}
MODEL_NAMES = tuple(MODELS)
CONFIRMING = frozenset(("full", "gs-r", "no-asb"))
"""The models that can say that they printed."""
TELLING = CONFIRMING | {"plain"}
"""The models that tell of their faults at all: what hangs from them is cut off, or marked, before the next ticket."""
NOTICED_BY_ALL = frozenset(("line-cut", "kill"))
"""The faults that kioskd learns of even where the printer says nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case: what was done at which byte, what was said, what lay there."""

    model: str
    fault: str
    byte: int
    policy: str
    said: str
    ticket: str
    valid: int
    valid_marked: int
    void: int
    torn: int
    doubtful: int
    loose_halves: int


class Trial:
    """One printer, one ticket, one fault at one byte."""

    def __init__(self, ledger: Ledger, templates: SlipBook, model: str, policy: OnFailure = "reprint") -> None:
        options = dataclasses.replace(OPTIONS, answers="never" if model == "one-way" else "auto")
        self.model = model
        self.printer = EscposPrinterSimulator(MODELS[model], columns=16)
        self.department = Department(ledger, templates, self.printer, options, policy)

    async def run(self, fault: str, byte: int) -> Row:
        async with self.department as department:
            await self._ready()
            self._plan(fault, byte)
            ticket = department.take("the-ticket")
            await department.until(lambda: self._struck(fault), f"{fault} at {byte}")
            await self._remedy(fault)
            await department.settled()
            self._check_told(ticket)
            await self._check_next()
            found = self._check_paper(ticket, fault, byte)
            said = " ".join(f"{copy}:{outcome}" for copy, outcome in department.outcomes_of(ticket))
            kept = dataclasses.astuple(found)
            return Row(self.model, fault, byte, department.on_failure, said, department.state_of(ticket), *kept)

    async def bytes_of_a_ticket(self) -> int:
        """How many bytes the printer gets from the command on until the ticket is settled."""
        async with self.department as department:
            await self._ready()
            before = self.printer.received
            department.take()
            await department.settled()
            return self.printer.received - before

    async def _ready(self) -> None:
        supervisor = self.department.process.supervisor
        await self.department.until(lambda: supervisor.condition.state == "ready", "a ready printer")

    def _plan(self, fault: str, byte: int) -> None:
        if fault == "kill":
            self._killed = False
            self.printer.plan(self._kill, byte)
        elif fault == "line-cut":
            self.department.stage.command(f"cut after {byte}" if byte else "cut")
        else:
            self.department.stage.command(f"{fault} at {byte}")

    def _kill(self) -> None:
        self.department.process.kill()
        self._killed = True

    def _struck(self, fault: str) -> bool:
        if fault == "kill":
            return self._killed
        return self.department.stage.cut if fault == "line-cut" else self.printer.fault_struck

    async def _remedy(self, fault: str) -> None:
        end_s = LoopClock().monotonic_s() + REMEDY_S
        await self.department.until(lambda: LoopClock().monotonic_s() >= end_s, "somebody to come")
        if fault == "kill":
            await self.department.restart()
        else:
            self.department.stage.command(REMEDIES[fault])

    def _check_told(self, ticket: Ticket) -> None:
        """Whoever asked, and the queue, were told what became of the number: once."""
        department = self.department
        outcomes = {outcome for _, outcome in department.outcomes_of(ticket)}
        state = department.state_of(ticket)
        assert state == ("waiting" if {"printed", "unconfirmed"} & outcomes else "withdrawn")
        assert department.events_of(ticket, "ticket.waiting", "ticket.withdrawn") == [f"ticket.{state}"]
        (reply,) = department.replies
        assert (reply.id, reply.data["ticket"]) == ("the-ticket", ticket.id)

    def _check_paper(self, ticket: Ticket, fault: str, byte: int) -> Found:
        """What was said of every slip of the ticket agrees with the paper."""
        found = look_at(self.printer.paper.slips, ticket.number)
        outcomes = dict(self.department.outcomes_of(ticket))
        case = (self.model, fault, byte, outcomes, found, [slip.lines for slip in self.printer.paper.slips])
        for copy, valid in ((1, found.valid), (2, found.valid_marked)):
            allowed = {"printed": (1,), "unconfirmed": (0, 1)}.get(outcomes.get(copy, ""), (0,))
            assert valid in allowed, case
        assert found.valid + found.valid_marked <= 1, case
        if self.model in CONFIRMING:
            assert found.loose_halves == 0, case
        elif self.model in TELLING or fault in NOTICED_BY_ALL:
            assert untold(self.printer.paper.slips, ticket.number) == 0, case
        return found

    async def _check_next(self) -> None:
        """The next ticket is not spoilt by what the fault left behind."""
        after = self.department.take("the-next")
        await self.department.settled()
        if self.model in CONFIRMING:
            assert self.department.outcomes_of(after) == [(1, "printed")]
        await self.department.until(lambda: self._is_out(after), "the next ticket on paper")
        assert self.department.ledger.rows("SELECT * FROM leftover") == []

    def _is_out(self, ticket: Ticket) -> bool:
        slips = [[line.strip() for line in slip.lines] for slip in self.printer.paper.slips if slip.cut]
        if self.model in TELLING:
            return ["综合业务", ticket.number] in slips
        return any(lines[-2:] == ["综合业务", ticket.number] for lines in slips)


def artifacts(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("ARTIFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in dataclasses.fields(Row))
        writer.writerows(dataclasses.astuple(row) for row in rows)


def summary(rows: Iterable[Row]) -> str:
    """How often each case ended how."""
    counts = Counter((row.model, row.fault, row.policy, row.said, row.ticket) for row in rows)
    return "".join(
        f"{model:10} {fault:10} {policy:8} {said:27} {ticket:9} {count:4}\n"
        for (model, fault, policy, said, ticket), count in counts.items()
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "kioskd.db", LoopClock())
    yield opened
    opened.database.close()


@pytest.fixture
def templates(tmp_path: Path) -> SlipBook:
    return book(tmp_path)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Of every case so far."""
    return []


CASES = [
    *((model, fault, "reprint") for model in MODEL_NAMES for fault in REMEDIES),
    *(("full", fault, "withdraw") for fault in REMEDIES),
]


@pytest.mark.parametrize(("model", "fault", "policy"), CASES)
def test_what_is_said_of_a_ticket_is_true_of_the_paper(
    model: str, fault: str, policy: OnFailure, ledger: Ledger, templates: SlipBook, tmp_path: Path, rows: list[Row]
) -> None:
    async def every_byte() -> list[Row]:
        total = await Trial(ledger, templates, model).bytes_of_a_ticket()
        return [await Trial(ledger, templates, model, policy).run(fault, byte) for byte in range(total + 1)]

    found = virtual_time.run(every_byte())
    rows += found
    write(rows, artifacts(tmp_path) / "print-outcomes.csv")
    (artifacts(tmp_path) / "print-outcomes.txt").write_text(summary(rows), encoding="utf-8")
    print(summary(found))
    said = {row.said for row in found}
    failed = "1:failed 2:printed" if policy == "reprint" else "1:failed"
    assert said >= ({failed, "1:unconfirmed"} if model in CONFIRMING else {"1:unconfirmed"})

"""Print jobs in the store: what is to be printed, what is being printed, and what became of it.

A job is put back only when no paper can have come out. Where part of a slip may have, the number is withdrawn, or by
policy printed once more: that slip is marked 补打, and the printer marks the first one void before it prints it. A slip
that may be whole is never printed again of itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from daemon.commands import Refusal, Reply, Status
from daemon.events import PrintExpired, PrintFailed, PrintPrinted, PrintUnconfirmed
from daemon.printing.subject import Subject
from daemon.refused import Refused
from daemon.settings.hall import PATIENCE_MAX_S, OnFailure
from daemon.slips.order import SlipOrder
from daemon.store.database import Transaction
from daemon.store.journal import settle_command
from daemon.tickets import let_wait, withdraw
from drivers.device import Reason
from drivers.printer.capability import Leftover, Outcome, PrintResult

INTERRUPTED = "interrupted"
"""The reason of a job that was on its way to paper when kioskd ended: nobody saw what became of it."""


class Step(Enum):
    """What to do with a job."""

    PRINT = auto()
    WAIT = auto()  # until its printer can print
    EXPIRE = auto()


@dataclass(frozen=True, slots=True)
class Job:
    """One slip on its way to one printer. `deadline` is a unix time; `command` waits for the outcome.

    `copy_number` counts the slips of its subject: from 2 on they are marked as reprints.
    """

    id: int
    printer: str
    of: Subject
    command: str | None
    slip: SlipOrder
    deadline: float
    copy_number: int

    @property
    def subject(self) -> dict[str, Any]:
        """What every event about the job says of it."""
        about = {"job": str(self.id), **self.of._asdict(), "template": self.slip.template}
        return {**about, "printer": self.printer, "copy_number": self.copy_number}


_COLUMNS = "id, printer, ticket, slip_id, command, slip, deadline, copy_number"


def enqueue(
    transaction: Transaction,
    printer: str,
    of: Subject,
    slip: SlipOrder,
    deadline: float,
    command: str | None,
    copy_number: int = 1,
) -> None:
    """Queue a slip: the first of its subject, or a further one, which is marked so."""
    slip = slip if copy_number == 1 else slip.as_reprint()
    transaction.insert(
        "INSERT INTO print_job (printer, ticket, slip_id, command, slip, deadline, copy_number, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'queued')",
        *(printer, of.ticket, of.slip, command, slip.model_dump_json(), deadline, copy_number),
    )


def next_copy(transaction: Transaction, of: Subject) -> int:
    """Which slip of its subject one more would be.

    Raises Refused while one is on its way: nobody knows yet what becomes of it.
    """
    jobs, which = _jobs_of(of)
    if transaction.row(f"SELECT 1 {jobs} AND state IN ('queued', 'printing')", which):
        raise Refused(Refusal.IN_PRINT, f"{of} is on its way: wait for what becomes of it")
    # the rows of a valid ticket may have had to make room; its first slip was printed all the same
    found = transaction.row(f"SELECT coalesce(max(copy_number), 1) {jobs}", which)
    return int(found[0]) + 1 if found else 2


def latest_job(transaction: Transaction, of: Subject) -> Job | None:
    """The latest job of this subject that is still known."""
    jobs, which = _jobs_of(of)
    found = transaction.row(f"SELECT {_COLUMNS} {jobs} ORDER BY id DESC LIMIT 1", which)
    return _job(found) if found else None


def _jobs_of(of: Subject) -> tuple[str, str | None]:
    """The jobs of this subject, as a clause and its value."""
    if of.slip is not None:
        return "FROM print_job WHERE slip_id = ?", of.slip
    return "FROM print_job WHERE ticket = ? AND slip_id IS NULL", of.ticket


def waiting_jobs(transaction: Transaction, printer: str) -> int:
    """How many slips wait for `printer`, or are being printed by it."""
    sql = "SELECT count(*) FROM print_job WHERE printer = ? AND state IN ('queued', 'printing')"
    return int(transaction.rows(sql, printer)[0][0])


def next_job(transaction: Transaction, printer: str) -> Job | None:
    """The job to look at next: one that nobody waits for any more, else the oldest that waits for `printer`."""
    found = transaction.row(
        f"SELECT {_COLUMNS} FROM print_job"  # noqa: S608
        " WHERE printer = ? AND state = 'queued' ORDER BY deadline > ?, id LIMIT 1",
        *(printer, transaction.now.timestamp()),
    )
    return _job(found) if found else None


def next_step(transaction: Transaction, printer: str, *, can_print: bool) -> tuple[Job, Step] | None:
    """The job to look at next, and what to do with it.

    One that is to be printed is begun by this: its first byte may leave, and part of it may be on paper.
    """
    job = next_job(transaction, printer)
    if job is None:
        return None
    if transaction.now.timestamp() >= job.deadline:
        return job, Step.EXPIRE
    if not can_print:
        return job, Step.WAIT
    transaction.write("UPDATE print_job SET state = 'printing', reason = NULL, closing = 0 WHERE id = ?", job.id)
    return job, Step.PRINT


def close(transaction: Transaction, job: Job) -> None:
    """The bytes that make the slip whole may leave after this: from here on, it may be a valid one."""
    transaction.write("UPDATE print_job SET closing = 1 WHERE id = ?", job.id)


def put_back(transaction: Transaction, job: Job, reason: Reason | None) -> bool:
    """Nothing came out: the slip waits for its printer again, if it is still wanted; whether it is."""
    wanted = transaction.now.timestamp() < _deadline(transaction, job)
    if wanted:
        _move(transaction, job.id, "queued", reason)
    return wanted


def _deadline(transaction: Transaction, job: Job) -> float:
    """By the present clock, which may have been set since `job` was read."""
    found = transaction.row("SELECT deadline FROM print_job WHERE id = ?", job.id)
    return float(found[0]) if found else job.deadline


# --- what became of it ---------------------------------------------------------------------------------------------


def settle(transaction: Transaction, job: Job, result: PrintResult, on_failure: OnFailure) -> Reply | None:
    """Write down what became of the job, and of a ticket's number with it; the final reply, if one is waited for."""
    _note_leftover(transaction, job.printer, result.leftover)
    reason = str(result.reason or Reason.NO_ANSWER)
    match result.outcome:
        case Outcome.PRINTED:
            return _printed(transaction, job, str(result.evidence))
        case Outcome.UNCONFIRMED:
            return _unconfirmed(transaction, job, reason)
        case Outcome.FAILED:
            return _failed(transaction, job, reason, result.paper, result.detail, on_failure)


def _printed(transaction: Transaction, job: Job, evidence: str) -> Reply | None:
    _move(transaction, job.id, Outcome.PRINTED)
    transaction.emit(PrintPrinted(**job.subject, evidence=evidence))
    _is_out(transaction, job)
    return _answer(transaction, job, Status.DONE)


def _unconfirmed(transaction: Transaction, job: Job, reason: str) -> Reply | None:
    _move(transaction, job.id, Outcome.UNCONFIRMED, reason)
    transaction.emit(PrintUnconfirmed(**job.subject, reason=reason))
    _is_out(transaction, job)
    return _answer(transaction, job, Status.UNCONFIRMED, reason)


def _failed(
    transaction: Transaction, job: Job, reason: str, paper: bool, detail: str, on_failure: OnFailure
) -> Reply | None:
    deadline = _deadline(transaction, job)
    wanted = transaction.now.timestamp() < deadline
    # once only: a printer that spoils every slip must not use up its roll
    again = on_failure == "reprint" and paper and wanted and job.copy_number == 1
    _move(transaction, job.id, Outcome.FAILED, reason)
    transaction.emit(PrintFailed(**job.subject, reason=reason, paper=paper, again=again, detail=detail))
    if again:
        enqueue(transaction, job.printer, job.of, job.slip, deadline, job.command, job.copy_number + 1)
        return None
    _is_not_out(transaction, job, reason)
    return _answer(transaction, job, Status.FAILED, reason)


def _is_out(transaction: Transaction, job: Job) -> None:
    """The slip is out, or may be: a ticket's number can be called."""
    if job.of.own_ticket is not None:
        let_wait(transaction, job.of.own_ticket)


def _is_not_out(transaction: Transaction, job: Job, reason: str) -> None:
    """No valid slip came out: a ticket's number is taken back."""
    if job.of.own_ticket is not None:
        withdraw(transaction, job.of.own_ticket, reason)


def expire(transaction: Transaction, job: Job, reason: str) -> Reply | None:
    """Nobody waits for the slip any more: it is not printed, and a ticket's number is taken back."""
    _move(transaction, job.id, "expired", reason)
    transaction.emit(PrintExpired(**job.subject, reason=reason))
    _is_not_out(transaction, job, reason)
    return _answer(transaction, job, Status.EXPIRED, reason)


# --- after a restart -----------------------------------------------------------------------------------------------


def settle_interrupted(transaction: Transaction, printer: str, on_failure: OnFailure) -> list[Reply]:
    """After a restart: what was being printed then is settled by how far it had come."""
    replies: list[Reply] = []
    sql = f"SELECT {_COLUMNS}, closing FROM print_job WHERE printer = ? AND state = 'printing'"  # noqa: S608
    for *row, closing in transaction.rows(sql, printer):
        job = _job(row)
        if closing:
            _note_leftover(transaction, printer, Leftover.WHOLE)
            reply = _unconfirmed(transaction, job, INTERRUPTED)
        else:
            _note_leftover(transaction, printer, Leftover.HALF)
            reply = _failed(transaction, job, INTERRUPTED, True, "kioskd ended while it printed", on_failure)
        replies += [reply] if reply is not None else []
    return replies


def leftover(transaction: Transaction, printer: str) -> Leftover | None:
    """What the printer is to be rid of, by all that is known: an interrupted job counts before it is settled, too."""
    found = transaction.row(
        "SELECT CASE closing WHEN 1 THEN 'whole' ELSE 'half' END FROM print_job"
        " WHERE printer = ? AND state = 'printing'"
        " UNION ALL SELECT slip FROM leftover WHERE printer = ?",
        *(printer, printer),
    )
    return Leftover(found[0]) if found else None


def forget_leftover(transaction: Transaction, printer: str) -> None:
    """The printer is rid of it."""
    transaction.write("DELETE FROM leftover WHERE printer = ?", printer)


def _note_leftover(transaction: Transaction, printer: str, left: Leftover | None) -> None:
    if left is not None:
        sql = "INSERT INTO leftover VALUES (?, ?) ON CONFLICT (printer) DO UPDATE SET slip = excluded.slip"
        transaction.write(sql, printer, left)


def abandon(transaction: Transaction, printers: Collection[str]) -> list[Reply]:
    """End the jobs of all but `printers`: of a printer that is not configured any more, none will come out."""
    rows = transaction.rows("SELECT DISTINCT printer FROM print_job WHERE state IN ('queued', 'printing')")
    replies: list[Reply] = []
    for printer in (row[0] for row in rows if row[0] not in printers):
        replies += settle_interrupted(transaction, printer, "withdraw")
        while (job := next_job(transaction, printer)) is not None:
            reply = expire(transaction, job, Reason.NOT_PRESENT)
            replies += [reply] if reply is not None else []
    return replies


def follow_clock(transaction: Transaction, since: float, until: float, by_s: float) -> None:
    """The clock was set by `by_s`: a slip that was wanted for so long from a moment between `since` and `until` is
    wanted for as long as before, though never for longer than the command said that asked for it.
    """
    said = "(SELECT deadline FROM command WHERE id = print_job.command)"
    transaction.write(
        f"UPDATE print_job SET deadline = min(deadline + ?, coalesce({said}, deadline + ?))"  # noqa: S608
        " WHERE deadline BETWEEN ? AND ?",
        *(by_s, by_s, since, until + PATIENCE_MAX_S),
    )


def _job(row: Any) -> Job:
    job, printer, ticket, slip_id, command, slip, deadline, copy_number = row
    return Job(
        job, printer, Subject(ticket, slip_id), command, SlipOrder.model_validate_json(slip), deadline, copy_number
    )


def _move(transaction: Transaction, job: int, state: str, reason: str | None = None) -> None:
    transaction.write("UPDATE print_job SET state = ?, reason = ? WHERE id = ?", str(state), reason, job)


def _answer(transaction: Transaction, job: Job, status: Status, reason: str | None = None) -> Reply | None:
    if job.command is None:
        return None
    data = {**job.of.named(), "copy_number": job.copy_number}
    reply = Reply(id=job.command, status=status, reason=reason, data=data)
    settle_command(transaction, reply)
    return reply

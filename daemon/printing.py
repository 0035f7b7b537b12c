"""Print jobs in the store: what is to be printed, what is being printed, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.commands import Reply, Status
from daemon.database import Transaction
from daemon.events import PrintExpired, PrintFailed, PrintPrinted, PrintUnconfirmed
from daemon.journal import settle_command
from daemon.slips import TicketSlip
from daemon.tickets import let_wait, withdraw
from drivers.device import Reason
from drivers.printer.capability import Evidence, Outcome, PrintResult

INTERRUPTED = "interrupted"
"""The reason of a job that was on its way to paper when kioskd ended: it may be out, and nobody saw."""


@dataclass(frozen=True, slots=True)
class Job:
    """One slip on its way to one printer. `deadline` is a unix time; `command` waits for the outcome."""

    id: int
    ticket: str
    command: str | None
    slip: TicketSlip
    deadline: float


def enqueue(
    transaction: Transaction, printer: str, ticket: str, slip: TicketSlip, deadline: float, command: str | None
) -> int:
    """Queue a slip; the id of its job."""
    return transaction.insert(
        "INSERT INTO print_job (printer, ticket, command, slip, deadline, state) VALUES (?, ?, ?, ?, ?, 'queued')",
        *(printer, ticket, command, slip.model_dump_json(), deadline),
    )


def next_job(transaction: Transaction, printer: str) -> Job | None:
    """The job to look at next: one that nobody waits for any more, else the oldest that waits for `printer`."""
    found = transaction.row(
        "SELECT id, ticket, command, slip, deadline FROM print_job"
        " WHERE printer = ? AND state = 'queued' ORDER BY deadline > ?, id LIMIT 1",
        *(printer, transaction.now.timestamp()),
    )
    if found is None:
        return None
    job, ticket, command, slip, deadline = found
    return Job(job, ticket, command, TicketSlip.model_validate_json(slip), deadline)


def start(transaction: Transaction, job: Job) -> None:
    """The first byte may leave after this: from here on, a job that is cut off may be on paper."""
    _move(transaction, job.id, "printing")


def put_back(transaction: Transaction, job: Job, reason: Reason | None) -> None:
    """Nothing came out, and the slip is still wanted: it waits for its printer again."""
    _move(transaction, job.id, "queued", reason)


def settle(transaction: Transaction, printer: str, job: Job, result: PrintResult) -> Reply | None:
    """Write down what became of the job, and what follows for its number; the final reply, if one is waited for."""
    reason = str(result.reason or Reason.NO_ANSWER)
    common = {"job": str(job.id), "ticket": job.ticket, "printer": printer}
    _move(transaction, job.id, result.outcome, result.reason)
    match result.outcome:
        case Outcome.PRINTED:
            transaction.emit(PrintPrinted(**common, evidence=str(result.evidence or Evidence.STATUS)))
            let_wait(transaction, job.ticket)
            return _answer(transaction, job, Status.DONE)
        case Outcome.UNCONFIRMED:
            transaction.emit(PrintUnconfirmed(**common, reason=reason))
            let_wait(transaction, job.ticket)
            return _answer(transaction, job, Status.UNCONFIRMED, reason)
        case Outcome.FAILED:
            event = PrintFailed(**common, reason=reason, paper=result.paper, detail=result.detail)
            transaction.emit(event)
            withdraw(transaction, job.ticket, reason)
            return _answer(transaction, job, Status.FAILED, reason)


def expire(transaction: Transaction, printer: str, job: Job, reason: str) -> Reply | None:
    """Nobody waits for the slip any more: it is not printed, and its number is taken back."""
    _move(transaction, job.id, "expired", reason)
    transaction.emit(PrintExpired(job=str(job.id), ticket=job.ticket, printer=printer, reason=reason))
    withdraw(transaction, job.ticket, reason)
    return _answer(transaction, job, Status.EXPIRED, reason)


def settle_interrupted(transaction: Transaction, printer: str) -> list[Reply]:
    """After a restart: what was being printed then may be out. It is said so, and not printed again."""
    sql = "SELECT id, ticket, command FROM print_job WHERE printer = ? AND state = 'printing'"
    replies = []
    for job, ticket, command in transaction.rows(sql, printer):
        _move(transaction, job, "unconfirmed", INTERRUPTED)
        transaction.emit(PrintUnconfirmed(job=str(job), ticket=ticket, printer=printer, reason=INTERRUPTED))
        let_wait(transaction, ticket)
        if command is not None:
            replies.append(_reply(transaction, command, ticket, Status.UNCONFIRMED, INTERRUPTED))
    return replies


def _move(transaction: Transaction, job: int, state: str, reason: str | None = None) -> None:
    transaction.write("UPDATE print_job SET state = ?, reason = ? WHERE id = ?", str(state), reason, job)


def _answer(transaction: Transaction, job: Job, status: Status, reason: str | None = None) -> Reply | None:
    return _reply(transaction, job.command, job.ticket, status, reason) if job.command is not None else None


def _reply(transaction: Transaction, command: str, ticket: str, status: Status, reason: str | None) -> Reply:
    number = ticket.partition("-")[2]
    reply = Reply(id=command, status=status, reason=reason, data={"ticket": ticket, "number": number})
    settle_command(transaction, reply)
    return reply

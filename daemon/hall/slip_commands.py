"""The commands of slips other than tickets: printed from structured data, and printed again."""

from __future__ import annotations

from daemon import tickets
from daemon.commands import Refusal, Request, SlipPrint, SlipReprint
from daemon.hall.effects import Effect, Handlers
from daemon.hall.premises import Premises
from daemon.printing.jobs import enqueue, latest_job, next_copy, waiting_jobs
from daemon.printing.subject import Subject
from daemon.refused import Refused
from daemon.slips.order import SlipOrder, order_slip
from daemon.store.database import Transaction

WAITING_MAX = 50
"""Slips that wait for one printer: whoever stands behind so many waits for longer than any deadline."""


class SlipCommands:
    """What is asked of the printers."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {SlipPrint: self._print, SlipReprint: self._reprint}

    def _print(self, transaction: Transaction, command: SlipPrint, request: Request) -> Effect:
        if command.ticket is not None:
            tickets.known(transaction, command.ticket)
        slip = order_slip(self._premises.settings, command.template, command.language, command.data)
        return self._queue(transaction, command.printer, Subject(command.ticket, request.id), slip, request, 1)

    def _reprint(self, transaction: Transaction, command: SlipReprint, request: Request) -> Effect:
        job = latest_job(transaction, Subject(slip=command.slip))
        if job is None:
            raise Refused(Refusal.UNKNOWN_SLIP, f"no slip {command.slip} was printed, or it was too long ago")
        copy_number = next_copy(transaction, job.of)
        return self._queue(transaction, command.printer or job.printer, job.of, job.slip, request, copy_number)

    def _queue(
        self, transaction: Transaction, printer: str, of: Subject, slip: SlipOrder, request: Request, copy_number: int
    ) -> Effect:
        queue = self._premises.printer(printer)
        if waiting_jobs(transaction, printer) >= WAITING_MAX:
            raise Refused(Refusal.BUSY, f"{WAITING_MAX} slips wait for {printer} already")
        deadline = self._premises.slip_deadline(transaction, request)
        enqueue(transaction, printer, of, slip, deadline, request.id, copy_number)
        return Effect({**of.named(), "copy_number": copy_number}, final=False, after=queue.wake)

"""What a printer's status means for those who want to print."""

from __future__ import annotations

from drivers.device import Condition, Reason, State
from drivers.printer.escpos_status_protocol import PrinterStatus


def faults(status: PrinterStatus | None) -> tuple[Reason, ...]:
    """Why the printer cannot print now, most important first; empty when it can, or has never said."""
    if status is None:
        return ()
    seen = (
        (Reason.UNRECOVERABLE_ERROR, status.unrecoverable_error),
        (Reason.CUTTER_ERROR, status.cutter_error),
        (Reason.RECOVERABLE_ERROR, status.recoverable_error),
        (Reason.COVER_OPEN, status.cover_open),
        (Reason.PAPER_END, status.paper_end or status.stopped_for_paper),
        (Reason.HEAD_HOT, status.auto_recoverable_error),
        (Reason.FEED_BUTTON, status.feeding),
    )
    reasons = tuple(reason for reason, present in seen if present)
    return reasons or ((Reason.OFFLINE,) if status.offline or status.error else ())


def needs_recovery(status: PrinterStatus | None) -> bool:
    """Whether the printer waits to be told, by DLE ENQ, that the cause of its error is gone."""
    return status is not None and (status.cutter_error or status.recoverable_error)


def condition(status: PrinterStatus | None, model: str) -> Condition:
    """The condition to publish for a printer that answers."""
    if reasons := faults(status):
        return Condition(State.FAULTED, reasons, model)
    if status is not None and status.paper_near_end:
        return Condition(State.DEGRADED, (Reason.PAPER_NEAR_END,), model)
    return Condition(State.READY, (), model)

"""What sets one model of ESC/POS printer apart from another, as far as its host can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from drivers.printer.escpos_status_protocol import PrinterStatus

INFO_TEXTS: Mapping[int, bytes] = {
    0x41: b"1.00 sim",
    0x42: b"kioskd",
    0x43: b"SIMULATED-80",
    0x44: b"SIM000001",
    0x45: b"CHINA GB18030",
}
"""GS I 65 to 69: firmware, maker, model, serial number, language."""

INFO_BYTES: Mapping[int, int] = {1: 0x20, 2: 0x02, 3: 0x01}
"""GS I 1 to 3: model, type (has a cutter), ROM version."""


RECOVERABLE = ("cutter_error", "recoverable_error")
"""What DLE ENQ helps out of."""


@dataclass(frozen=True, slots=True)
class EscposModel:
    """What a printer of this model answers. `one_way`: its interface board sends nothing at all back."""

    real_time: bool = True
    asb: bool = True
    gs_r: bool = True
    process_id: bool = True
    info: bool = True
    clears: bool = True
    one_way: bool = False


MODELS: Mapping[str, EscposModel] = {
    "full": EscposModel(),
    "gs-r": EscposModel(process_id=False, info=False),
    "no-asb": EscposModel(asb=False),
    "process-id": EscposModel(real_time=False, asb=False, gs_r=False, info=False),
    "plain": EscposModel(asb=False, gs_r=False, process_id=False, info=False, clears=False),
    "one-way": EscposModel(one_way=True),
}


def with_consequences(sensed: PrinterStatus) -> PrinterStatus:
    """What the printer makes of its sensors: whether it is in error, stopped, offline."""
    error = sensed.recoverable_error or sensed.cutter_error or sensed.unrecoverable_error
    error = error or sensed.auto_recoverable_error
    offline = error or sensed.paper_end or sensed.cover_open or sensed.feeding
    return replace(sensed, error=error, stopped_for_paper=sensed.paper_end, offline=offline)


def selected(status: PrinterStatus, items: int) -> tuple[object, ...]:
    """What of `status` a host is told of when it selected `items` by GS a."""
    groups: tuple[tuple[int, tuple[bool, ...]], ...] = (
        (0x01, (status.drawer_high,)),
        (0x02, (status.offline, status.cover_open, status.feeding, status.waiting_to_recover)),
        (0x04, (status.recoverable_error, status.cutter_error, status.unrecoverable_error)),
        (0x04, (status.auto_recoverable_error,)),
        (0x08, (status.paper_near_end, status.paper_end)),
        (0x40, (status.feed_button,)),
    )
    return tuple(values for mask, values in groups if items & mask)

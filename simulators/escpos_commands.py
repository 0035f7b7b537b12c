"""What a person may do to a simulated printer at run time: paper, cover, jams, power, other models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from simulators.device import Command, CommandError
from simulators.escpos_model import MODELS
from simulators.line import on_or_off, whole_number

if TYPE_CHECKING:
    from simulators.escpos_printer import EscposPrinterSimulator

MAX_BYTES_AHEAD = 1 << 30

SPEED_MM_PER_S = 150
MAX_SPEED_MM_PER_S = 1000
BUFFER_BYTES = 4096
MIN_BUFFER_BYTES = 32
MAX_BUFFER_BYTES = 1 << 20

_ABILITIES: Mapping[str, tuple[str, str]] = {
    "real-time": ("real_time", "answers DLE EOT, or does not"),
    "asb": ("asb", "tells its status of its own accord, or does not"),
    "gs-r": ("gs_r", "answers GS r, or does not"),
    "process-id": ("process_id", "answers GS ( H, or does not"),
    "one-way": ("one_way", "its interface board sends nothing back, or does"),
}


def commands_of(printer: EscposPrinterSimulator) -> Mapping[str, Command]:
    """Every run-time command of `printer`, by name."""
    return {**_faults(printer), **_remedies(printer), **_settings(printer)}


def _faults(printer: EscposPrinterSimulator) -> dict[str, Command]:
    def fault(strike: Callable[[], None], help_: str) -> Command:
        return Command(lambda words: _now_or_later(printer, strike, words), help_, "[at BYTE of those still to come]")

    return {
        "paper-near-end": fault(lambda: printer.sense(paper_near_end=True), "the roll is nearly used up"),
        "paper-end": fault(printer.end_paper, "the roll is used up; printing stops"),
        "cover-open": fault(lambda: printer.sense(cover_open=True), "open the cover; printing stops"),
        "cutter-error": fault(lambda: printer.block("cutter_error"), "the cutter jams; DLE ENQ helps only after clear"),
        "recoverable-error": fault(lambda: printer.block("recoverable_error"), "a mechanical error, a jam; so too"),
        "head-hot": fault(lambda: printer.sense(auto_recoverable_error=True), "the head is too hot to print"),
        "fatal-error": fault(lambda: printer.sense(unrecoverable_error=True), "only a power cycle helps"),
        "power-off": fault(printer.power_off, "cut the power; the line stays up, silent"),
    }


def _remedies(printer: EscposPrinterSimulator) -> dict[str, Command]:
    def remedy(act: Callable[[], None], help_: str) -> Command:
        return Command(lambda words: _without_arguments(act, words), help_)

    return {
        "refill": remedy(printer.refill, "put in a new roll"),
        "cover-close": remedy(lambda: printer.sense(cover_open=False), "close the cover"),
        "clear": remedy(printer.clear, "take out what jams, let the head cool"),
        "power-on": remedy(printer.power_on, "switch on"),
        "take-slips": remedy(printer.paper.take, "take every finished slip away"),
    }


def _settings(printer: EscposPrinterSimulator) -> dict[str, Command]:
    def hold_button(words: list[str]) -> None:
        held = on_or_off(words)
        printer.sense(feed_button=held, feeding=held)

    def switch_code(words: list[str]) -> None:
        printer.set_code("gb18030" if on_or_off(words) else "gbk")

    def choose_model(words: list[str]) -> None:
        if len(words) != 1 or words[0] not in MODELS:
            raise CommandError(f"expected one of {', '.join(MODELS)}, not {' '.join(words)!r}")
        printer.model = MODELS[words[0]]

    def ability(field: str, help_: str) -> Command:
        def switch(words: list[str]) -> None:
            printer.model = replace(printer.model, **{field: on_or_off(words)})

        return Command(switch, help_, "[off]")

    def set_speed(words: list[str]) -> None:
        printer.set_speed(None if words == ["none"] else whole_number(words, SPEED_MM_PER_S, 1, MAX_SPEED_MM_PER_S))

    def set_buffer(words: list[str]) -> None:
        printer.set_buffer(whole_number(words, BUFFER_BYTES, MIN_BUFFER_BYTES, MAX_BUFFER_BYTES))

    return {
        "speed": Command(set_speed, "how fast paper moves; none: at once", "[MM_PER_S|none]"),
        "buffer": Command(set_buffer, "the size of the receive buffer", "[BYTES]"),
        "feed-button": Command(hold_button, "hold the feed button, or let it go", "[off]"),
        "gb18030": Command(switch_code, "the DIP switch: GB18030, or GBK when off", "[off]"),
        "model": Command(choose_model, "answer as another model", "|".join(MODELS)),
        **{name: ability(field, help_) for name, (field, help_) in _ABILITIES.items()},
    }


def _now_or_later(printer: EscposPrinterSimulator, strike: Callable[[], None], words: list[str]) -> None:
    if not words:
        strike()
        return
    if len(words) != 2 or words[0] != "at" or not words[1].isdecimal() or int(words[1]) > MAX_BYTES_AHEAD:
        raise CommandError(f"expected nothing, or at BYTE, not {' '.join(words)!r}")
    printer.plan(strike, int(words[1]))


def _without_arguments(act: Callable[[], None], words: list[str]) -> None:
    if words:
        raise CommandError(f"takes no arguments, not {' '.join(words)!r}")
    act()

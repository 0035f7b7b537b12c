"""The daemon's log: to the journal with priorities, to a terminal with times, and never a flood."""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

REPEAT_S = 60.0
"""The same message again within this time is counted instead of written."""

REMEMBERED = 200
"""Messages remembered for that; the oldest is forgotten first."""

OURS = ("daemon", "drivers", "simulators")

# What came over a wire or MQTT may be in a message: it must not steer a terminal or forge a line.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def configure_log(level: int, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Send the log to `stream` (standard error): kioskd's own records from `level` up, libraries' from WARNING."""
    out = stream or sys.stderr
    handler = QuietHandler(out)
    handler.setFormatter(JournalFormatter() if is_journal(out, environment) else PlainFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether `stream` leads to the journal: systemd.exec(5) says to compare, as children inherit the variable."""
    try:
        file = os.fstat(stream.fileno())
    except io.UnsupportedOperation:
        return False
    return environment.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


class PlainFormatter(logging.Formatter):
    """``2026-11-21 08:45:12.031 WARNING drivers.link.serial: text``, with the kiosk's own time."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        held = getattr(record, "held", 0)
        record.message = record.message.replace("\n", "\\n") + (f" ({held} more like this)" if held else "")
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).translate(_VISIBLE)


class JournalFormatter(PlainFormatter):
    """sd-daemon(3): each line begins with ``<priority>``; the journal adds the time itself."""

    _PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def __init__(self) -> None:
        super().__init__()
        self._style = logging.PercentStyle("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in self._PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).split("\n"))


class QuietHandler(logging.StreamHandler[TextIO]):
    """Writes the same message at most once in REPEAT_S, and then says how often it was held back.

    DEBUG is written always: who asks for it wants to see every one.
    """

    def __init__(self, stream: TextIO, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._monotonic_s = monotonic_s
        self._written: dict[tuple[str, int, str], tuple[float, int]] = {}  # when, and how many held back since

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        key = (record.name, record.levelno, f"{record.msg} {record.args}")
        now_s = self._monotonic_s()
        written_s, held = self._written.pop(key, (now_s - REPEAT_S, 0))
        if now_s - written_s < REPEAT_S:
            self._written[key] = (written_s, held + 1)
            return
        self._written[key] = (now_s, 0)
        if len(self._written) > REMEMBERED:
            del self._written[next(iter(self._written))]
        record.held = held
        super().emit(record)

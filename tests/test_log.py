"""The log as a person and as the journal read it."""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daemon.log import REMEMBERED, REPEAT_S, JournalFormatter, PlainFormatter, QuietHandler, is_journal

ROOT = Path(__file__).parent.parent


class Log:
    """A logger of its own with a stream to read and a clock that is moved by hand."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.now_s = 0.0
        self.stream = io.StringIO()
        handler = QuietHandler(self.stream, lambda: self.now_s)
        handler.setFormatter(formatter)
        self.logger = logging.Logger("drivers.printer", logging.DEBUG)  # noqa: LOG001 (one for each test)
        self.logger.addHandler(handler)

    def lines(self) -> list[str]:
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return text.splitlines()


@pytest.fixture
def plain() -> Log:
    return Log(PlainFormatter())


@pytest.fixture
def journal() -> Log:
    return Log(JournalFormatter())


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)
def test_the_journal_reads_the_priority(journal: Log, level: int, priority: int) -> None:
    journal.logger.log(level, "paper is %s", "low")
    assert journal.lines() == [f"<{priority}>drivers.printer: paper is low"]


def test_every_line_of_a_traceback_keeps_the_priority(journal: Log) -> None:
    journal.logger.error("failed", exc_info=ValueError("one\ntwo \x1b[31m"))
    lines = journal.lines()
    assert len(lines) == 3
    assert all(line.startswith("<3>") for line in lines)
    assert lines[-1] == "<3>two \\x1b[31m"


def test_a_person_reads_time_level_and_place(plain: Log) -> None:
    plain.logger.warning("打印机缺纸")
    (line,) = plain.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING drivers\.printer: 打印机缺纸", line)


def test_a_text_from_outside_can_neither_forge_a_line_nor_steer_the_terminal(journal: Log) -> None:
    journal.logger.info("text %s refused", "A\n<0>panic\x1b[2J\x9b")
    assert journal.lines() == ["<6>drivers.printer: text A\\n<0>panic\\x1b[2J\\x9b refused"]


def test_the_same_message_is_counted_instead_of_repeated(journal: Log) -> None:
    for _ in range(5):
        journal.logger.warning("no answer")
    journal.logger.warning("no paper")
    assert journal.lines() == ["<4>drivers.printer: no answer", "<4>drivers.printer: no paper"]
    journal.now_s += REPEAT_S
    journal.logger.warning("no answer")
    assert journal.lines() == ["<4>drivers.printer: no answer (4 more like this)"]


def test_debug_is_never_held_back(journal: Log) -> None:
    for _ in range(3):
        journal.logger.debug("poll")
    assert journal.lines() == ["<7>drivers.printer: poll"] * 3


def test_the_memory_of_messages_is_bounded(journal: Log) -> None:
    for number in range(REMEMBERED + 1):
        journal.logger.warning("fault %d", number)
    journal.lines()
    journal.logger.warning("fault %d", REMEMBERED)
    journal.logger.warning("fault 0")
    assert journal.lines() == ["<4>drivers.printer: fault 0"]


def test_only_the_journal_s_own_stream_is_taken_for_it() -> None:
    with tempfile.TemporaryFile("w") as stream:
        file = os.fstat(stream.fileno())
        assert is_journal(stream, {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino + 1}"})
        assert not is_journal(stream, {})
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


@pytest.fixture
def written(tmp_path: Path) -> list[str]:
    """What a process of its own writes to its standard error, as the journal would get it."""
    program = (
        "import logging, os, warnings\n"
        "from daemon.log import configure_log\n"
        "file = os.fstat(2)\n"
        "configure_log(logging.INFO, environment={'JOURNAL_STREAM': f'{file.st_dev}:{file.st_ino}'})\n"
        "logging.getLogger('drivers.link').info('ours')\n"
        "logging.getLogger('drivers.link').debug('too fine')\n"
        "logging.getLogger('transitions.core').info('a chatty library')\n"
        "logging.getLogger('transitions.core').warning('a worried library')\n"
        "warnings.warn('an old call', stacklevel=1)\n"
    )
    with (tmp_path / "stderr").open("w") as stderr:
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=stderr, check=True, timeout=30)
    return (tmp_path / "stderr").read_text().splitlines()


def test_a_process_s_log_holds_what_concerns_its_reader(written: list[str]) -> None:
    assert written[:2] == ["<6>drivers.link: ours", "<4>transitions.core: a worried library"]
    assert "an old call" in written[2]
    assert written[2].startswith("<4>py.warnings:")

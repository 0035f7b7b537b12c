"""`kioskd events` beside a store that is in use."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from daemon import events_reading
from daemon.events import (
    Alert,
    AlertRaised,
    DeviceChanged,
    Event,
    PrintPrinted,
    RatingUnsolicited,
    TicketCalled,
    TicketIssued,
)
from daemon.events.alert_figures import QueueLength
from daemon.events_command import add_arguments, run
from daemon.store.database import Transaction
from tests.harness import PROJECT
from tests.store_rig import OpenStore, open_store, other_connection

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the sub-command as the dispatcher does; its exit code and what it printed."""

    def command(*words: object, language: str = "en") -> tuple[int, str]:
        parser = ArgumentParser()
        parser.set_defaults(language=language)
        add_arguments(parser)
        code = run(parser.parse_args(["--store", str(tmp_path / "kioskd.db"), *map(str, words)]))
        return code, capsys.readouterr().out

    return command


def emit(event: Event, change: Transaction) -> None:
    change.emit(event)


EVENTS: tuple[Event, ...] = (
    TicketIssued(ticket="20261121-A001", number="A001", service="a", ahead=0),
    PrintPrinted(job="1", ticket="20261121-A001", printer="printer-1", copy_number=1, evidence="gs-r"),
    TicketCalled(ticket="20261121-A001", number="A001", service="a", counter="1", times=1, waited_s=60.0),
    RatingUnsolicited(panel="panel-2", counter="2", level=1),
    DeviceChanged(device="led-1", kind="display", state="absent", reasons=("no-answer",), detail="a\tb\x1b[2J"),
)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[OpenStore]:
    """The store of a daemon that runs: five events, a minute apart from 08:30 on, the first two sent."""
    async with open_store(tmp_path / "kioskd.db") as opened:
        for event in EVENTS:
            await opened.store.transact(partial(emit, event))
            opened.clock.advance(60)
        await opened.store.transact(lambda change: change.note_sent([1, 2]))
        await opened.store.transact(lambda change: change.note_refused(4, "not authorised"))
        yield opened


def sequences(printed: str) -> list[int]:
    return [int(json.loads(line)["sequence"]) for line in printed.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("--type", "ticket"), [1, 3]),
        (("--type", "ticket.called", "--type", "rating"), [3, 4]),
        (("--ticket", "20261121-A001"), [1, 2, 3]),
        (("--counter", "2"), [4]),
        (("--device", "printer-1"), [2]),
        (("--device", "led-1"), [5]),
        (("--since", "2026-11-21T08:32:00+08:00"), [3, 4, 5]),
        (("--until", "2026-11-21T00:32:00+00:00"), [1, 2]),
        (("--from-sequence", 2, "--to-sequence", 4), [2, 3, 4]),
        (("--unsent",), [3, 4, 5]),
        (("--last", 2), [4, 5]),
        (("--type", "ticket", "--last", 1), [3]),
        (("--type", "phone"), []),
    ],
)
async def test_filters(rig: OpenStore, command: Command, words: tuple[object, ...], expected: list[int]) -> None:
    code, printed = command("--json", *words)
    assert (code, sequences(printed)) == (0, expected)


async def test_batches_are_seamless(rig: OpenStore, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_reading, "BATCH", 2)
    assert sequences(command("--json")[1]) == [1, 2, 3, 4, 5]
    assert sequences(command("--json", "--type", "device")[1]) == [5]


async def test_json_lines_are_the_events_to_the_byte(rig: OpenStore, command: Command) -> None:
    assert command("--json")[1].encode() == b"".join(event.payload + b"\n" for event in rig.events.stored)


async def test_csv_holds_everything(rig: OpenStore, command: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(command("--csv")[1])))
    assert [row["type"] for row in rows] == [
        "ticket.issued",
        "print.printed",
        "ticket.called",
        "rating.unsolicited",
        "device.changed",
    ]
    assert [bool(row["sent_at"]) for row in rows] == [True, True, False, False, False]
    assert rows[3]["refused"] == "not authorised"
    assert json.loads(rows[4]["data"])["detail"] == "a\tb\x1b[2J"


async def test_a_line_for_a_terminal_has_six_columns_and_moves_no_cursor(rig: OpenStore, command: Command) -> None:
    head, *lines = command()[1].splitlines()
    assert head == "SEQUENCE\tTIME\tTYPE\tSUBJECT\tSENT\tDATA"
    cells = [line.split("\t") for line in lines]
    assert [row[4] for row in cells] == ["sent", "sent", "unsent", "refused", "unsent"]
    assert cells[0][:4] == ["1", "2026-11-21T08:30:00+08:00", "ticket.issued", "20261121-A001"]
    assert {len(row) for row in cells} == {6}
    assert "\x1b" not in "".join(lines)


async def test_why_an_alert_was_raised_is_told_in_the_language_asked_for(rig: OpenStore, command: Command) -> None:
    figures = QueueLength(waiting=11, waiting_max=10)
    raised = AlertRaised(alert=Alert.QUEUE_TOO_LONG, about="a", detail="11 wait, 10 may", figures=figures)
    await rig.store.transact(partial(emit, raised))
    for language, said in (("zh-CN", "11 人在等，最多 10 人"), ("en", "11 wait, 10 may")):
        line = command("--type", "alert", language=language)[1].splitlines()[-1]
        assert line.split("\t")[-1] == f"alert=queue-too-long about=a detail={said}"
    assert '"figures":{"waiting":11,"waiting_max":10}' in command("--type", "alert", "--json")[1]


async def test_the_same_in_chinese(rig: OpenStore, command: Command) -> None:
    head, first, *_ = command(language="zh-CN")[1].splitlines()
    assert (head.split("\t")[0], first.split("\t")[4]) == ("序号", "已送达")


async def test_a_long_look_does_not_keep_the_log_from_being_emptied(
    rig: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_reading, "BATCH", 2)
    found = events_reading.find(rig.path, events_reading.Filter())
    next(found)  # somebody looks at the first page, and leaves it open
    await rig.store.transact(partial(emit, EVENTS[0]))
    with other_connection(rig.path) as connection:
        busy, pages, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, pages, moved) == (0, 0, 0), "a reader keeps the log"
    assert [one.sequence for one in found] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "words",
    [
        ("--type", "tickets"),
        ("--since", "yesterday"),
        ("--last", "0"),
        ("--json", "--csv"),
        ("--last", "x"),
        ("--last", "九"),
        ("--from-sequence", "0"),
        ("--to-sequence", "9" * 20),  # more than SQLite can hold
    ],
)
def test_wrong_usage(command: Command, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        command(*words)
    assert ended.value.code == 2


def test_no_store_is_no_empty_list(command: Command, tmp_path: Path) -> None:
    assert command() == (1, "")


@pytest.mark.parametrize(("language", "word"), [("en", "exit code: 0"), ("zh-CN", "退出码：0")])
def test_help_teaches_in_both_languages(language: str, word: str) -> None:
    words = [sys.executable, "-m", "daemon", "--language", language, "events", "--help"]
    found = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert word in found.stdout
    assert "kioskd events --ticket 20261121-A012" in found.stdout

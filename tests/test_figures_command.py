"""`kioskd figures` beside a store that is in use, and the retained topics."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from daemon.events import DeviceChanged, PhoneAnswered, PrintPrinted, RatingSubmitted, TicketCalled, TicketIssued
from daemon.figures import board as figures_board
from daemon.figures.board import FiguresBoard
from daemon.figures.command import add_arguments, run
from daemon.figures.counting import count
from daemon.figures.day import Figures
from daemon.model import Model
from daemon.store.store import Store
from tests.store_rig import HeldClock, OpenStore, open_store, until

Command = Callable[..., int]


@pytest.fixture
def command() -> Command:
    """Run the sub-command as the dispatcher does."""

    def command(*words: object, language: str = "en") -> int:
        parser = ArgumentParser()
        parser.set_defaults(language=language)
        add_arguments(parser)
        return run(parser.parse_args([str(word) for word in words]))

    return command


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[OpenStore]:
    async with open_store(tmp_path / "kioskd.db", reactions=[count]) as opened:
        yield opened


async def a_visit(store: Store) -> None:
    events = (
        TicketIssued(ticket="t", number="A1", service="a", ahead=0),
        TicketCalled(ticket="t", number="A1", service="a", counter="1", times=1, waited_s=120.0),
        PrintPrinted(job="1", ticket="t", printer="printer-1", copy_number=1, evidence="gs-r"),
        RatingSubmitted(session="1", counter="1", ticket="t", level=4, after_s=2.0),
        PhoneAnswered(call="1", phone="p", counter="1", rings=2, in_time=True, ringing_s=5.0, caller=None),
        DeviceChanged(device="printer-1", kind="printer", state="ready", reasons=()),
    )
    for event in events:
        await store.transact(lambda change, event=event: change.emit(event))  # type: ignore[misc]


async def two_days(rig: OpenStore) -> None:
    await a_visit(rig.store)
    rig.clock.set("2026-11-22T09:00:00+08:00")
    await a_visit(rig.store)
    await a_visit(rig.store)


async def test_a_table_while_the_store_is_in_use(
    rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    await two_days(rig)
    assert command("--store", rig.path) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    titles = (
        "DAY ISSUED FINISHED SKIPPED WITHDRAWN WAIT P50 P95 SERVICE P50 P95 RATED TOOK PART SATISFIED CALLS IN TIME"
    )
    assert " ".join(head.split()) == f"{titles} PRINTED UNCONFIRMED NOT PRINTED"
    expected = "2026-11-21 1 0 0 0 2:00 2:02 2:02 – – – 1 100.0% 100.0% 1 100.0% 1 0 0"
    assert " ".join(first.split()) == expected
    assert second.split()[:2] == ["2026-11-22", "2"]


async def test_a_range_and_the_default_of_seven_days(
    rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in range(10, 20):
        rig.clock.set(f"2026-12-{day}T09:00:00+08:00")
        await a_visit(rig.store)
    assert command("--store", rig.path) == 0
    assert [line[:10] for line in capsys.readouterr().out.splitlines()[1:]] == [
        f"2026-12-{day}" for day in range(13, 20)
    ]
    assert command("--store", rig.path, "--from", "2026-12-11", "--to", "2026-12-12") == 0
    assert [line[:10] for line in capsys.readouterr().out.splitlines()[1:]] == ["2026-12-11", "2026-12-12"]


async def test_csv_has_every_figure(rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    await two_days(rig)
    assert command("--store", rig.path, "--csv") == 0
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["day"], second["day"]) == ("2026-11-21", "2026-11-22")
    assert second["tickets.issued"] == second["ratings.levels.4"] == second["phones.answered_in_time"] == "2"
    assert (first["tickets.waited.mean_s"], first["tickets.served.mean_s"]) == ("120.0", "")


@pytest.mark.parametrize(("by", "name"), [("service", "a"), ("device", "printer-1")])
async def test_a_line_for_each_service_or_device(
    rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str], by: str, name: str
) -> None:
    await two_days(rig)
    assert command("--store", rig.path, "--by", by, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["day"], row[by]) for row in rows] == [("2026-11-21", name), ("2026-11-22", name)]
    assert command("--store", rig.path, "--by", by, language="zh-CN") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("日期")
    assert [line.split()[:2] for line in lines] == [["2026-11-21", name], ["2026-11-22", name]]


async def test_json_is_what_the_topics_say(
    rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    await two_days(rig)
    assert command("--store", rig.path, "--json") == 0
    first, second = (Figures.model_validate(day) for day in json.loads(capsys.readouterr().out))
    assert rig.events.data("figures.closed") == [first.model_dump(mode="json")]
    assert second.tickets.issued == 2


async def test_the_store_of_the_configuration(
    rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await a_visit(rig.store)
    path = tmp_path / "kioskd.toml"
    path.write_text(f'hall = "h"\nkiosk = "k"\n[store]\npath = "{rig.path}"\n')
    assert command("--config", path) == 0
    assert "2026-11-21" in capsys.readouterr().out


def test_what_cannot_be_read_is_said(command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command("--store", tmp_path / "none.db") == 1
    assert "none.db: unable to open" in capsys.readouterr().err
    (tmp_path / "text.db").write_text("no database, but a text that is long enough to look like one" * 20)
    assert command("--store", tmp_path / "text.db") == 1
    assert "not a database" in capsys.readouterr().err
    assert command("--config", tmp_path / "none.toml") == 1
    assert "none.toml: there is no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command("--from", "yesterday")


async def test_a_new_store_has_no_days(rig: OpenStore, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    await rig.store.transact(lambda _: None)
    for form in ((), ("--csv",), ("--json",)):
        assert command("--store", rig.path, *form) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["[]"]


# the retained topics


class Shown:
    """The retained topics as they stand, and how often each was set."""

    def __init__(self) -> None:
        self.topics: dict[str, Model] = {}

    def set(self, topic: str, status: Model) -> None:
        self.topics[topic] = status

    @property
    def today(self) -> Figures:
        found = self.topics.get("figures")
        assert isinstance(found, Figures)
        return found


@contextlib.asynccontextmanager
async def board(rig: OpenStore, clock: HeldClock) -> AsyncIterator[tuple[FiguresBoard, Shown]]:
    shown = Shown()
    found = FiguresBoard(dict, rig.store, clock, shown.set)
    task = asyncio.create_task(found.run())
    try:
        await until(lambda: "figures" in shown.topics, "the first figures")
        yield found, shown
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_events_change_the_topic(rig: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_board, "GATHER_S", 0.01)
    async with board(rig, rig.clock) as (figures, shown):
        assert shown.today.tickets.issued == 0
        await a_visit(rig.store)
        figures.committed(rig.events.stored)
        await until(lambda: shown.today.tickets.issued == 1, "the ticket")
        assert "figures/previous" not in shown.topics


async def test_midnight_closes_the_day_though_nothing_happens(rig: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_board, "GATHER_S", 0.01)
    rig.clock.set("2026-11-21T23:59:59.900+08:00")
    async with board(rig, rig.clock) as (_, shown):
        rig.clock.advance(0.1)
        await until(lambda: "figures/previous" in shown.topics, "yesterday")
        assert str(shown.today.day) == "2026-11-22"
        assert rig.events.data("figures.closed")[0]["day"] == "2026-11-21"

"""The check of readiness by itself and by command, on a real store: once a day, told, alerted and kept (rule 16)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon import tickets
from daemon.commands import ReadinessCheck, Reply, Request
from daemon.hall.effects import Effect
from daemon.readiness.desk import REPORT, ReadinessDesk
from daemon.readiness.report import CheckedItem, ReadinessReport
from daemon.readiness.slip import KINDS, order_report
from daemon.refused import Refused
from daemon.settings import Service, Settings
from daemon.slips.book import SlipBook
from daemon.store.database import Transaction
from daemon.store.journal import take_command
from daemon.texts import SlipLanguage
from daemon.turns import WAITING_MAX
from drivers.printer.page_text import as_text
from tests import store_rig
from tests.store_rig import HeldClock, OpenStore, locked, open_store

BEFORE = "2026-11-23T08:50:00+08:00"
HOURS = '[hours]\nmon = ["09:00-12:00"]\ntue = ["09:00-12:00"]\n'


def item(name: str, *, ok: bool | None = True, reason: str = "") -> CheckedItem:
    state = {True: "ready", False: "faulted", None: "unknown"}[ok]
    return CheckedItem.model_validate(
        {"item": name, "kind": "printer", "ok": ok, "state": state, "reasons": (reason,) if reason else ()}
    )


async def until(happened: Callable[[], object]) -> None:
    await store_rig.until(happened, "the check")


class PlannedTrials:
    """What the trials find is planned; which boards may show a pattern is noted."""

    def __init__(self) -> None:
        self.items: tuple[CheckedItem, ...] = (item("printer-1"),)
        self.patterns: list[frozenset[str]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def run(self, patterns: Collection[str]) -> tuple[CheckedItem, ...]:
        self.patterns.append(frozenset(patterns))
        await self.may_end.wait()
        return self.items


class Rig:
    def __init__(self, opened: OpenStore, settings: Settings) -> None:
        self.opened = opened
        self.settings = settings
        self.trials = PlannedTrials()
        self.shown: list[ReadinessReport] = []
        self.replies: list[Reply] = []
        self.woken: list[str] = []
        self.desk = ReadinessDesk(
            lambda: self.settings,
            opened.store,
            opened.clock,
            self.trials,
            self.shown.append,
            self.replies.append,
            self.woken.append,
            look_s=0.001,
        )

    async def ask(self, command: str = "c1", **data: object) -> None:
        """As the intake does."""
        clock, handle = self.opened.clock, self.desk.handlers()[ReadinessCheck]
        request = Request(id=command, deadline=clock.now() + timedelta(seconds=30))

        def prepare(change: Transaction) -> Effect:
            take_command(change, command, "f", request.deadline)
            return handle(change, ReadinessCheck.model_validate(data), request)

        effect = await self.opened.store.transact(prepare)
        effect.after()

    async def slips(self) -> list[dict[str, Any]]:
        """The print jobs, in order."""
        rows = await self.opened.store.transact(lambda change: change.rows("SELECT slip_id, slip FROM print_job"))
        return [{"slip_id": slip_id, "slip": json.loads(slip)} for slip_id, slip in rows]

    async def looks(self, count: int = 5) -> None:
        """Let it look at the clock some times more."""
        for _ in range(count):
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def rig(path: Path, clock: HeldClock, **tables: object) -> AsyncIterator[Rig]:
    calendar = path / "calendar.toml"
    calendar.write_text(HOURS)
    settings = Settings({"hall": "h", "kiosk": "k", "calendar": str(calendar)} | tables)
    async with open_store(path / "kioskd.db", clock) as opened:
        made = Rig(opened, settings)
        task = asyncio.create_task(made.desk.run())
        yield made
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_once_before_opening_and_not_again_after_a_restart(tmp_path: Path) -> None:
    clock = HeldClock("2026-11-23T08:44:00+08:00")
    async with rig(tmp_path, clock) as kiosk:
        await kiosk.looks()
        assert not kiosk.shown
        clock.advance(60)
        await until(lambda: kiosk.opened.events.data("readiness.checked"))
        (event,) = kiosk.opened.events.data("readiness.checked")
        assert (event["result"], event["cause"]) == ("ready", "opening")
        assert event["opens_at"] == "2026-11-23T09:00:00+08:00"
        clock.advance(60)
        await kiosk.looks()
        assert len(kiosk.shown) == 1
    async with rig(tmp_path, clock) as kiosk:
        await until(lambda: kiosk.shown)
        await kiosk.looks()
        assert not kiosk.trials.patterns, "checked again"
        assert kiosk.shown[0].checked_at.isoformat() == "2026-11-23T08:45:00+08:00"
        clock.set("2026-11-24T08:50:00+08:00")
        await until(lambda: len(kiosk.shown) == 2)


async def test_a_kiosk_that_comes_up_late_is_checked_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, HeldClock("2026-11-23T08:59:00+08:00")) as kiosk:
        await until(lambda: kiosk.shown)
    async with rig(tmp_path, HeldClock("2026-11-24T09:01:00+08:00")) as kiosk:
        await until(lambda: kiosk.shown)
        await kiosk.looks()
        assert not kiosk.trials.patterns, "visitors are there"


async def test_the_alert_stays_until_a_check_passes(tmp_path: Path) -> None:
    async with rig(tmp_path, HeldClock(BEFORE)) as kiosk:
        kiosk.trials.items = (item("printer-1", ok=False, reason="paper-end"), item("disk"))
        events = kiosk.opened.events
        await until(lambda: events.data("alert.raised"))
        (raised,) = events.data("alert.raised")
        figures = {"items": [{"item": "printer-1", "reasons": ["paper-end"]}]}
        assert raised == {"alert": "not-ready", "about": "kiosk", "detail": "printer-1: paper-end", "figures": figures}
        kiosk.trials.items = (item("printer-1", ok=None, reason="no-answer"),)
        await kiosk.ask("c1")
        await until(lambda: kiosk.replies)
        assert (len(events.data("alert.raised")), events.data("alert.cleared")) == (1, [])
        kiosk.trials.items = (item("printer-1"),)
        await kiosk.ask("c2")
        await until(lambda: len(kiosk.replies) == 2)
        assert events.data("alert.cleared") == [{"alert": "not-ready", "about": "kiosk"}]


async def test_silence_is_never_ready_and_no_alert_where_nothing_could_break_it(tmp_path: Path) -> None:
    async with rig(tmp_path, HeldClock(BEFORE)) as kiosk:
        kiosk.trials.items = (item("panel-1", ok=None, reason="never-answers"), item("disk"))
        await until(lambda: kiosk.shown)
        assert kiosk.shown[0].result == "unconfirmed"
        await kiosk.looks()
        assert not kiosk.opened.events.data("alert.raised")


async def test_a_command_is_answered_with_what_is_wrong(tmp_path: Path) -> None:
    async with rig(tmp_path, HeldClock("2026-11-23T10:00:00+08:00")) as kiosk:
        kiosk.trials.items = (
            item("disk"),
            item("led-1", ok=None, reason="no-answer"),
            item("printer-1", ok=False, reason="cover-open"),
        )
        await kiosk.ask()
        await until(lambda: kiosk.replies)
        (event,) = kiosk.opened.events.data("readiness.checked")
    (reply,) = kiosk.replies
    assert reply.status == "done"
    assert reply.data == {"result": "not-ready", "not_ok": ["printer-1"], "unknown": ["led-1"]}
    assert (event["cause"], event["opens_at"]) == ("command", None)


async def test_too_many_at_once_and_too_late(tmp_path: Path) -> None:
    clock = HeldClock("2026-11-23T10:00:00+08:00")
    async with rig(tmp_path, clock) as kiosk:
        kiosk.trials.may_end.clear()
        await kiosk.ask("at-work")
        await until(lambda: kiosk.trials.patterns)
        for number in range(WAITING_MAX + 1):
            await kiosk.ask(f"c{number}")
        await until(lambda: kiosk.replies)
        (refused,) = kiosk.replies
        assert (refused.id, refused.status, refused.reason) == (f"c{WAITING_MAX}", "rejected", "busy")
        clock.advance(60)
        kiosk.trials.may_end.set()
        await until(lambda: len(kiosk.replies) == WAITING_MAX + 2)
        answers = {reply.id: (reply.status, reply.reason) for reply in kiosk.replies}
        assert (answers.pop("at-work"), answers.pop(refused.id)) == (("done", None), ("rejected", "busy"))
        assert set(answers.values()) == {("expired", "expired")}
        assert len(kiosk.trials.patterns) == 1


HALL = {
    "services": {"a": {"name": "a", "prefix": "A", "printer": "p"}},
    "counters": {
        "1": {"name": "1", "services": ["a"], "display": "led-1"},
        "2": {"name": "2", "services": ["a"], "display": "led-2"},
    },
    "devices": {
        "p": {"driver": "escpos", "link": "tcp://127.0.0.1:1"},
        "led-1": {"driver": "bx", "link": "tcp://127.0.0.1:2"},
        "led-2": {"driver": "bx", "link": "tcp://127.0.0.1:3"},
    },
}


def call_a_number(service: Service, change: Transaction) -> None:
    ticket, _ = tickets.take(change, "a", service)
    tickets.let_wait(change, ticket.id)
    tickets.call_next(change, "1", ["a"])


async def test_boards_show_a_pattern_only_when_nobody_is_served_there_and_the_hall_is_closed(tmp_path: Path) -> None:
    clock, settings = HeldClock(BEFORE), Settings({"hall": "h", "kiosk": "k"} | HALL)
    async with rig(tmp_path, clock, **HALL) as kiosk:
        await until(lambda: kiosk.trials.patterns)
        clock.set("2026-11-23T10:00:00+08:00")
        await kiosk.ask("c1")
        await until(lambda: len(kiosk.trials.patterns) == 2)
        clock.set("2026-11-23T12:30:00+08:00")
        await kiosk.opened.store.transact(partial(call_a_number, settings.services["a"]))
        await kiosk.ask("c2")
        await until(lambda: len(kiosk.trials.patterns) == 3)
    assert kiosk.trials.patterns == [{"led-1", "led-2"}, set(), {"led-2"}]


async def test_a_full_disk_keeps_nobody_from_seeing_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.store.database_file.BUSY_S", 0.01)
    monkeypatch.setattr("daemon.store.store.KEEP_RETRY_S", 0.01)
    clock = HeldClock("2026-11-23T08:44:00+08:00")
    async with rig(tmp_path, clock) as kiosk:
        await kiosk.opened.store.transact(lambda _: None)  # the database is open
        with locked(kiosk.opened.path):
            kiosk.trials.items = (item("disk", ok=False, reason="cannot-store"),)
            clock.advance(120)
            await until(lambda: kiosk.shown)
            assert not kiosk.opened.events.stored
        await until(lambda: kiosk.opened.events.data("readiness.checked"))
    assert kiosk.shown[0].result == "not-ready"


async def test_a_store_that_fails_holds_up_no_later_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.store.database_file.BUSY_S", 0.01)
    monkeypatch.setattr("daemon.store.store.KEEP_RETRY_S", 0.01)
    clock = HeldClock("2026-11-23T08:44:00+08:00")
    async with rig(tmp_path, clock, **HALL, readiness={"print_on": "p"}) as kiosk:
        events = kiosk.opened.events
        await kiosk.opened.store.transact(lambda _: None)  # the database is open
        kiosk.trials.may_end.clear()
        await kiosk.ask("c1")
        await until(lambda: kiosk.trials.patterns)  # it is under way when the disk fails
        with locked(kiosk.opened.path):
            kiosk.trials.items = (item("disk", ok=False, reason="cannot-store"),)
            kiosk.trials.may_end.set()
            await until(lambda: len(kiosk.shown) == 1)
            clock.set("2026-11-23T08:50:00+08:00")
            await until(lambda: len(kiosk.shown) == 2)
            clock.set("2026-11-24T08:50:00+08:00")
            await until(lambda: len(kiosk.shown) == 3)
            assert (kiosk.replies, events.stored) == ([], [])
            clock.advance(3600)
        await until(lambda: len(events.data("readiness.checked")) == 3)
        deadlines = "SELECT slip_id, deadline < ? FROM print_job ORDER BY id"
        now = clock.now().timestamp()
        jobs = await kiosk.opened.store.transact(lambda change: change.rows(deadlines, now))
    assert [event["cause"] for event in events.data("readiness.checked")] == ["command", "opening", "opening"]
    assert [reply.id for reply in kiosk.replies] == ["c1"]
    assert jobs == [("readiness-2026-11-23", 1), ("readiness-2026-11-24", 1)], "printed though nobody reads it any more"


async def test_a_disk_that_hangs_holds_up_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.readiness.desk.STORE_S", 0.01)
    hung = threading.Event()
    async with open_store(tmp_path / "kioskd.db", HeldClock(BEFORE)) as opened:
        opened.store.post(lambda _: hung.wait())
        try:
            calendar = tmp_path / "calendar.toml"
            calendar.write_text(HOURS)
            kiosk = Rig(opened, Settings({"hall": "h", "kiosk": "k", "calendar": str(calendar)}))
            task = asyncio.create_task(kiosk.desk.run())
            await until(lambda: kiosk.shown)
            task.cancel()
        finally:
            hung.set()


async def test_a_printer_that_a_reload_took_away_is_given_no_report(tmp_path: Path) -> None:
    async with rig(tmp_path, HeldClock("2026-11-23T10:00:00+08:00"), **HALL) as kiosk:
        kiosk.trials.may_end.clear()
        await kiosk.ask(printer="p")
        await until(lambda: kiosk.trials.patterns)
        kiosk.settings = Settings({"hall": "h", "kiosk": "k"})
        kiosk.trials.may_end.set()
        await until(lambda: kiosk.replies)
        assert (kiosk.replies[0].status, await kiosk.slips()) == ("done", [])


async def test_the_report_is_printed_where_the_command_or_the_setting_says(tmp_path: Path) -> None:
    clock = HeldClock("2026-11-23T10:00:00+08:00")
    async with rig(tmp_path, clock, **HALL, readiness={"print_on": "p"}) as kiosk:
        with pytest.raises(Refused) as refused:
            await kiosk.ask("c1", printer="led-1")
        assert (refused.value.reason, refused.value.detail) == ("unknown-printer", "no printer 'led-1'; there are: p")
        await kiosk.ask("c2")
        await until(lambda: kiosk.replies)
        assert await kiosk.slips() == []
        kiosk.trials.items = (item("p"), item("panel-1", ok=None, reason="never-answers"))
        await kiosk.ask("c3", printer="p")
        await until(lambda: len(kiosk.replies) == 2)
        clock.set("2026-11-24T08:50:00+08:00")
        await until(lambda: len(kiosk.woken) == 2)
        by_command, by_itself = await kiosk.slips()
    assert [row["slip_id"] for row in (by_command, by_itself)] == ["c3", "readiness-2026-11-24"]
    data = by_command["slip"]["data"]
    assert [(line["name"], line["state"], line["reason"]) for line in data["devices"]] == [
        ("p", "ready", ""),
        ("panel-1", "unknown", "never-answers"),
    ]
    assert (data["opens_at"], by_itself["slip"]["data"]["opens_at"]) == ("", "09:00")


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_word_on_the_slip(language: SlipLanguage, kind: str) -> None:
    checked = CheckedItem.model_validate({"item": "x", "kind": kind, "ok": True, "state": "ready", "reasons": ()})
    moment = HeldClock(BEFORE).now()
    report = ReadinessReport(result="ready", cause="command", checked_at=moment, opens_at=None, items=(checked,))
    settings = Settings({"hall": "h", "kiosk": "k", "ticket": {"language": language}})
    page = order_report(settings, report).lay_out(SlipBook(), 48)
    assert KINDS[kind][language] in as_text(page)


async def test_a_report_of_another_version_is_no_reason_to_end(tmp_path: Path) -> None:
    clock = HeldClock("2026-11-23T10:00:00+08:00")
    async with open_store(tmp_path / "kioskd.db", clock) as opened:
        await opened.store.transact(lambda change: change.set_meta(REPORT, '{"result": "splendid"}'))
    async with rig(tmp_path, clock) as kiosk:
        await kiosk.ask()
        await until(lambda: kiosk.replies)
        assert len(kiosk.shown) == 1


async def test_it_is_checked_though_the_store_never_worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.store.store.KEEP_RETRY_S", 0.01)
    (tmp_path / "kioskd.db").mkdir()
    async with rig(tmp_path, HeldClock(BEFORE)) as kiosk:
        kiosk.trials.items = (item("disk", ok=False, reason="cannot-store"),)
        await until(lambda: kiosk.shown)
    assert kiosk.shown[0].result == "not-ready"

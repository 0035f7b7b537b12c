"""The check of readiness: by itself once a day before opening, and by command."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NoReturn, Protocol

from pydantic import ValidationError

from daemon import tickets
from daemon.alerts.alerts import clear_alert, raise_alert
from daemon.clock import Clock
from daemon.commands import ReadinessCheck, Refusal, Reply, Request, Status
from daemon.events import Alert, ReadinessChecked
from daemon.events.alert_figures import Shortfall, Shortfalls
from daemon.hall.effects import Effect, Handlers
from daemon.readiness.hours import Check, check_due, is_open
from daemon.readiness.report import CheckedItem, ReadinessReport, judge
from daemon.readiness.slip import queue_report
from daemon.refused import expect_one_of
from daemon.settings import Device, Settings
from daemon.store.database import Transaction
from daemon.store.journal import settle_command
from daemon.store.store import Store, StoreError
from daemon.turns import Turns
from drivers.catalog import Kind

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often it is looked whether a check is due."""

STORE_S = 5.0
"""How long a check waits for what the store knows: a disk that hangs holds it up no longer."""

ABOUT = "kiosk"
"""What the alert is about: one alert, whatever is wrong; its figures and the report name it."""

DONE_DAY = "readiness-day"
REPORT = "readiness"
"""Keys among the store's own values: the day of the last check before an opening, and the last report."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A check that a command asked for."""

    command: str
    deadline: datetime
    printer: str | None


@dataclass(frozen=True, slots=True)
class _Made:
    """A check that was made: what it changes in the store, who prints it, and the reply to whoever asked."""

    change: Callable[[Transaction], None]
    printer: str | None
    reply: Reply | None = None


class Tries(Protocol):
    """Who tries everything: `daemon.readiness.trials.Trials`."""

    async def run(self, patterns: Collection[str]) -> tuple[CheckedItem, ...]:
        """What came of it; the boards `patterns` may show one for a moment."""
        ...


class ReadinessDesk:
    """Makes the checks, one at a time.

    `show` publishes the report, `settled` passes a command's last reply on, `wake` tells a printer of a slip.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        clock: Clock,
        trials: Tries,
        show: Callable[[ReadinessReport], None],
        settled: Callable[[Reply], None],
        wake: Callable[[str], None],
        *,
        look_s: float = LOOK_S,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._trials = trials
        self._show = show
        self._settled = settled
        self._wake = wake
        self._look_s = look_s
        self._turns: Turns[_Asked] = Turns(store, clock, settled)
        self._made: asyncio.Queue[_Made] = asyncio.Queue()  # while the store fails, it takes no commands: one a day

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {ReadinessCheck: self._check}

    def _check(self, _: Transaction, command: ReadinessCheck, request: Request) -> Effect:
        if command.printer is not None:
            expect_one_of(_printers(self._settings()), "printer", command.printer, Refusal.UNKNOWN_PRINTER)
        asked = _Asked(request.id, request.deadline, command.printer)
        return Effect(final=False, after=lambda: self._turns.take(asked))

    async def run(self) -> None:
        """Check whenever it is time, and whenever somebody asks; only a bug or a cancellation gets out.

        What a check came to is kept beside that: a store that fails holds up no later check.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            await self._check_for_ever()

    async def _check_for_ever(self) -> NoReturn:
        done = await self._resume()
        while True:
            asked = await self._next()
            if asked is not None:
                await self._by_command(asked)
            check = check_due(self._settings(), self._clock.now(), done)
            if check is not None:
                done = check.due_at.date()
                await self._before_opening(check)

    async def _next(self) -> _Asked | None:
        """The command whose turn it is; None when it is time to look at the clock."""
        try:
            async with asyncio.timeout(self._look_s):
                return await self._turns.next()
        except TimeoutError:
            return None

    async def _resume(self) -> date | None:
        """Show the last report again; the day of the last check before an opening, if the store can say."""
        try:
            async with asyncio.timeout(STORE_S):
                report, day = await self._store.transact(lambda change: (change.meta(REPORT), change.meta(DONE_DAY)))
        except (StoreError, TimeoutError) as error:
            log.warning("the last check of readiness is not known: %s", error)
            return None
        if report is not None:
            self._show_again(report)
        return date.fromisoformat(day) if day is not None else None

    def _show_again(self, report: str) -> None:
        try:
            self._show(ReadinessReport.model_validate_json(report))
        except ValidationError:
            log.info("the last report of readiness is of another version of kioskd")

    async def _before_opening(self, check: Check) -> None:
        report = await self._try("opening", check.opens_at)
        day, printer = check.due_at.date().isoformat(), self._settings().readiness.print_on

        def change(transaction: Transaction) -> None:
            transaction.set_meta(DONE_DAY, day)
            self._record(transaction, report, printer, f"readiness-{day}")

        self._made.put_nowait(_Made(change, printer))

    async def _by_command(self, asked: _Asked) -> None:
        report = await self._try("command", None)
        reply = Reply(id=asked.command, status=Status.DONE, data=_in_short(report))

        def change(transaction: Transaction) -> None:
            self._record(transaction, report, asked.printer, asked.command)
            settle_command(transaction, reply)

        self._made.put_nowait(_Made(change, asked.printer, reply))

    async def _keep(self) -> NoReturn:
        """Store what was made, in order, and tell whoever waits for that."""
        while True:
            made = await self._made.get()
            await self._store.keep(made.change)
            if made.printer is not None:
                self._wake(made.printer)
            if made.reply is not None:
                self._settled(made.reply)

    async def _try(self, cause: Literal["opening", "command"], opens_at: datetime | None) -> ReadinessReport:
        """Try everything, and show what came of it: also where nothing can be stored."""
        checked_at = self._clock.now()
        items = await self._trials.run(await self._boards_at_rest(checked_at))
        report = ReadinessReport(
            result=judge(items), cause=cause, checked_at=checked_at, opens_at=opens_at, items=items
        )
        level = logging.WARNING if report.troubles else logging.INFO
        names = ", ".join(item.item for item in report.troubles)
        log.log(level, "readiness: %s%s", report.result, f": {names}" if names else "")
        self._show(report)
        return report

    async def _boards_at_rest(self, now: datetime) -> frozenset[str]:
        """The boards that may show something else for a moment: the hall is closed, and nobody is called there."""
        settings = self._settings()
        boards = {name for name, device in settings.devices.items() if device.kind is Kind.DISPLAY}
        calendar = None if settings.calendar is None else settings.calendar.calendar
        if is_open(calendar, now):
            return frozenset()
        try:
            async with asyncio.timeout(STORE_S):
                return frozenset(boards - await self._store.transact(lambda change: _boards_in_use(change, settings)))
        except (StoreError, TimeoutError):
            return frozenset()  # nobody knows who is being served

    def _record(self, transaction: Transaction, report: ReadinessReport, printer: str | None, slip: str) -> None:
        """Keep the report, tell of it, have it printed, and have somebody act when something is wrong."""
        transaction.set_meta(REPORT, report.model_dump_json())
        transaction.emit(ReadinessChecked(**dict(report)), at=report.checked_at)
        if printer is not None and printer in _printers(self._settings()):  # unless a reload took it away meanwhile
            queue_report(transaction, self._settings(), printer, slip, report)
        if report.result == "not-ready":
            short = tuple(Shortfall(item=item.item, reasons=item.reasons) for item in report.troubles)
            raise_alert(transaction, Alert.NOT_READY, ABOUT, Shortfalls(items=short))
        else:
            clear_alert(transaction, Alert.NOT_READY, ABOUT)


def _printers(settings: Settings) -> Mapping[str, Device]:
    return {name: device for name, device in settings.devices.items() if device.kind is Kind.PRINTER}


def _boards_in_use(transaction: Transaction, settings: Settings) -> set[str]:
    return {
        counter.display
        for name, counter in settings.counters.items()
        if counter.display is not None and tickets.present(transaction, name) is not None
    }


def _in_short(report: ReadinessReport) -> dict[str, object]:
    return {
        "result": report.result,
        "not_ok": [item.item for item in report.items if item.ok is False],
        "unknown": [item.item for item in report.items if item.ok is None],
    }

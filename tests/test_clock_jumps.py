"""The clock is set, by hours or by decades: while kioskd runs, while it is down, while the machine is off.

What can be known is noted before anything else is done; nobody is sent home, no number is held twice, and nothing is
forgotten that could come again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon import clock as clock_module
from daemon import followups, ratings, tickets
from daemon.clock_jumps import REMEMBER_S, ClockJumps
from daemon.commands import Refusal, Reply, Status
from daemon.printing import jobs as printing
from daemon.printing.subject import Subject
from daemon.refused import Refused
from daemon.settings import Service
from daemon.store import database_file, retention
from daemon.store.database import Transaction
from daemon.store.journal import find_command, settle_command, take_command
from daemon.store.retention import forget_old
from daemon.store.store import StoreError
from drivers.device import Reason
from drivers.printer.capability import Outcome, PrintResult
from tests.queue_rig import TABLES, Queue
from tests.store_rig import (
    HeldClock,
    Ledger,
    files_at_most,
    locked,
    note,
    open_ledger,
    open_store,
    ticket_order,
    until,
)

SERVICE = Service(name="综合业务", printer="printer-1", prefix="A")
UNSET = "1970-01-01T08:00:00+08:00"
MORNING = "2026-11-21T08:30:00+08:00"
DAY_S = 86_400.0
UNIT = Path(__file__).parent.parent / "systemd" / "kioskd.service"
YEAR_S = 365 * DAY_S


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db", first=ClockJumps("start 1")) as ledger:
        yield ledger


def come(ledger: Ledger) -> str:
    """Somebody takes a number and waits; the number."""

    def change(transaction: Transaction) -> str:
        ticket, _ = tickets.take(transaction, "a", SERVICE)
        tickets.let_wait(transaction, ticket.id)
        return ticket.number

    return ledger.do(change)


def machine_starts(ledger: Ledger, now: str, start: str = "start 2") -> None:
    """The machine was off, and comes up with this time."""
    ledger.clock.set(now)
    ledger.clock._steady_s = 3.0
    ledger.restart(ClockJumps(start))


def jumps(ledger: Ledger) -> list[tuple[float, bool]]:
    """By how much the clock was set, as it was told, and whether that is known for certain."""
    return [(data["by_s"], data["exact"]) for data in ledger.events.data("clock.jumped")]


def waits(ledger: Ledger) -> tuple[int, float | None]:
    figures = ledger.do(lambda change: tickets.figures(change, "a"))
    return figures.waiting, figures.longest_wait_s


def ends_the_day(ledger: Ledger) -> list[str]:
    """The numbers that are taken back because their day is over."""
    before = len(ledger.events.data("ticket.withdrawn"))
    ledger.do(tickets.withdraw_left_over)
    return [data["number"] for data in ledger.events.data("ticket.withdrawn")[before:]]


# while kioskd runs


@pytest.mark.parametrize("to", [MORNING, "2028-02-29T08:00:00+08:00", UNSET, "2026-11-21T09:30:00+08:00"])
def test_the_first_thing_that_is_done_after_the_clock_was_set_is_done_by_a_clock_that_is_accounted_for(
    ledger: Ledger, to: str
) -> None:
    ledger.clock.set("2026-03-01T10:00:00+08:00")
    come(ledger)
    ledger.clock.advance(600)
    ledger.clock.set(to)
    assert ledger.do(lambda change: tickets.call_next(change, "1", ("a",))).number == "A001"
    assert ledger.events.names[-2:] == ["clock.jumped", "ticket.called"]
    assert ledger.events.data("ticket.called")[0]["waited_s"] == 600.0
    assert len(jumps(ledger)) == 1


def test_a_clock_that_is_set_and_set_back_jumped_twice(ledger: Ledger) -> None:
    for now in (MORNING, "2026-11-21T12:30:00+08:00", MORNING, "2026-11-21T12:30:00+08:00"):
        ledger.clock.set(now)
        for _ in range(2):
            ledger.do(lambda _: None)
    assert jumps(ledger)[-3:] == [(14400.0, True), (-14400.0, True), (14400.0, True)]


def test_a_clock_that_drifts_did_not_jump(ledger: Ledger) -> None:
    come(ledger)
    for _ in range(10):
        ledger.clock.advance(REMEMBER_S)
        ledger.clock._steady_s += 1.9
        come(ledger)
    assert jumps(ledger) == []


def test_a_number_that_was_taken_by_the_wrong_clock_is_held_by_nobody_else(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    assert [come(ledger), come(ledger)] == ["A001", "A002"]
    for now in (MORNING, UNSET, "2026-11-21T08:40:00+08:00", "2027-11-21T08:40:00+08:00"):
        ledger.clock.set(now)
        come(ledger)
    numbers = [data["number"] for data in ledger.events.data("ticket.issued")]
    assert numbers == [f"A00{n}" for n in range(1, 7)]
    assert waits(ledger)[0] == 6


def test_a_number_that_is_given_back_counts_for_the_day_it_is_by_now(ledger: Ledger) -> None:
    limited = SERVICE.model_copy(update={"daily_max": 1})
    ledger.clock.set(UNSET)
    ticket, _ = ledger.do(lambda change: tickets.take(change, "a", limited))
    ledger.clock.set(MORNING)
    with pytest.raises(Refused) as refused:
        ledger.do(lambda change: tickets.take(change, "a", limited))
    assert refused.value.reason == Refusal.LIMIT_REACHED
    ledger.do(lambda change: tickets.withdraw(change, ticket.id, "paper-end"))
    assert ledger.do(lambda change: tickets.take(change, "a", limited))[0].number == "A002"


def test_a_slip_is_wanted_for_as_long_as_before_and_no_longer_than_its_command_said(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    right = ledger.clock.now().replace(year=2026, month=11, day=21)  # by the clock of who sends commands

    def enqueue(change: Transaction, command: str, within_s: float) -> None:
        take_command(change, command, "f", right + timedelta(seconds=within_s))
        wanted_until = change.now.timestamp() + 60
        printing.enqueue(change, "printer-1", Subject(command), ticket_order("A001"), wanted_until, command)

    ledger.do(lambda change: enqueue(change, "patient", 600))
    ledger.do(lambda change: enqueue(change, "hurried", 30))
    ledger.clock.set((right + timedelta(seconds=10)).isoformat())
    left = ledger.rows("SELECT deadline - ? FROM print_job ORDER BY id", ledger.clock.now().timestamp())
    assert [left_s for (left_s,) in left] == [60.0, 20.0]


def test_a_slip_that_fails_while_the_clock_is_set_is_still_wanted(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)

    def begin(change: Transaction) -> printing.Job:
        printing.enqueue(change, "printer-1", Subject("t"), ticket_order("A001"), change.now.timestamp() + 60, None)
        begun = printing.next_step(change, "printer-1", can_print=True)
        assert begun is not None
        return begun[0]

    job = ledger.do(begin)
    ledger.clock.set(MORNING)
    assert ledger.do(lambda change: printing.put_back(change, job, None)), "its printer was unplugged"
    torn = PrintResult(Outcome.FAILED, paper=True, sent=1, total=9, reason=Reason.PAPER_END)
    ledger.do(lambda change: printing.settle(change, job, torn, "reprint"))
    assert ledger.events.data("print.failed")[0]["again"]
    ((left_s,),) = ledger.rows(
        "SELECT deadline - ? FROM print_job WHERE copy_number = 2", ledger.clock.now().timestamp()
    )
    assert left_s == 60.0
    ledger.clock.advance(60)
    assert not ledger.do(lambda change: printing.put_back(change, job, None))


def test_numbers_of_two_clocks_count_together_for_the_day_that_they_turn_out_to_be_of(ledger: Ledger) -> None:
    limited = SERVICE.model_copy(update={"daily_max": 2})
    ledger.do(lambda change: tickets.take(change, "a", limited))
    machine_starts(ledger, UNSET)
    ledger.do(lambda change: tickets.take(change, "a", limited))
    ledger.clock.set("2026-11-21T08:40:00+08:00")
    with pytest.raises(Refused) as refused:
        ledger.do(lambda change: tickets.take(change, "a", limited))
    assert refused.value.reason == Refusal.LIMIT_REACHED


def test_a_number_that_is_given_back_counts_for_the_latest_of_the_days_that_began_in_1970(ledger: Ledger) -> None:
    limited = SERVICE.model_copy(update={"daily_max": 1})
    for day in (21, 22, 23):
        machine_starts(ledger, UNSET, f"start of day {day}")
        ticket, _ = ledger.do(lambda change: tickets.take(change, "a", limited))
        ledger.clock.set(f"2026-11-{day}T08:30:00+08:00")
        ledger.do(lambda change, given=ticket.id: tickets.withdraw(change, given, "paper-end"))  # type: ignore[misc]
        again, _ = ledger.do(lambda change: tickets.take(change, "a", limited))
        ledger.do(lambda change, given=again.id: tickets.withdraw(change, given, "paper-end"))  # type: ignore[misc]
        ledger.clock.advance(3600)


@pytest.mark.parametrize(
    "note", ["", "x", "1 2", "one 2 3 start", "nan 2 3 start", "inf 2 3 start", "2 -1e300 3 start"]
)
async def test_a_note_that_is_damaged_is_begun_anew_and_keeps_nobody_waiting(tmp_path: Path, note: str) -> None:
    path, clock = tmp_path / "kioskd.db", HeldClock()
    for damage in (note, None):
        async with open_store(path, clock, first=ClockJumps("start 1")) as rig:
            assert await rig.store.transact(lambda _: "done") == "done"
            if damage is not None:
                await rig.store.transact(lambda change, text=damage: change.set_meta("clock", text))  # type: ignore[misc]
            else:
                await rig.store.transact(lambda change: change.set_meta("other", "1"))
                clock.set("2028-02-29T08:00:00+08:00")
                await rig.store.transact(lambda _: None)
                assert rig.events.names == ["clock.jumped"]


def test_what_days_were_called_is_forgotten_when_it_is_damaged(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    come(ledger)
    ledger.do(lambda change: change.set_meta("same_days", '{"2026'))
    ledger.clock.set(MORNING)
    assert come(ledger) == "A002"


async def test_on_a_full_disk_what_was_stored_is_read_for_longer_than_a_note_is_good_for(tmp_path: Path) -> None:
    clock = HeldClock()
    async with open_store(tmp_path / "kioskd.db", clock, first=ClockJumps("start 1")) as rig:
        await rig.store.transact(note(1))
        with files_at_most(32_768):  # room for what two processes share, and for a few pages of the log
            with pytest.raises(StoreError):
                await rig.store.transact(note(2, " " * 100_000))
            for _ in range(20):
                clock.advance(2 * REMEMBER_S)
                assert len(await rig.store.unsent(0, 99)) == 1
        await rig.store.keep(note(3))
        clock.set(UNSET)
        await rig.store.transact(lambda _: None)
    by_s = rig.events.data("clock.jumped")[0]["by_s"]
    assert by_s == HeldClock(UNSET).now().timestamp() - HeldClock(MORNING).now().timestamp() - 40 * REMEMBER_S


async def test_a_jump_that_cannot_be_stored_is_noted_once_storing_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    clock = HeldClock(UNSET)
    async with open_store(tmp_path / "kioskd.db", clock, first=ClockJumps("start 1")) as rig:
        await rig.store.transact(note(1))
        with locked(rig.path):
            clock.set(MORNING)
            rig.store.post(note(2))
            await until(lambda: rig.store.failing, "the failure")
        await rig.store.keep(note(3))
        assert rig.events.names == ["ticket.waiting", "clock.jumped", "ticket.waiting"]
        assert rig.events.sequences == [1, 2, 3]


# while kioskd is down, and the machine is not


def test_a_clock_that_is_set_while_kioskd_is_down_is_known_to_the_second(ledger: Ledger) -> None:
    come(ledger)
    ledger.clock.advance(300)
    ledger.clock.set((ledger.clock.now() + timedelta(days=730)).isoformat())
    ledger.restart(ClockJumps("start 1"))
    assert waits(ledger) == (1, 300.0)
    assert jumps(ledger) == [(730 * DAY_S, True)]
    assert come(ledger) == "A002"
    ledger.clock.set(UNSET)
    ledger.clock.advance(60)
    ledger.restart()
    assert waits(ledger) == (2, 360.0)
    ledger.clock.set("2026-11-21T09:00:00+08:00")
    ledger.restart()
    assert waits(ledger) == (2, 360.0)
    assert ends_the_day(ledger) == []


def test_one_start_of_the_machine_is_told_from_the_next_however_kioskd_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "boot_id"
    monkeypatch.setattr(clock_module, "BOOT_ID_FILE", file)
    assert clock_module.machine_start({}) != clock_module.machine_start({}), "not known: each run is the first"
    file.write_text("5ffc5a57-6e5e-4d9b-93f5-f0a0b1e2a001\n")
    by_hand = clock_module.machine_start({})
    file.unlink()  # as the unit's sandbox has it
    assert by_hand == clock_module.machine_start({"BOOT_ID": "5ffc5a576e5e4d9b93f5f0a0b1e2a001"})
    assert "\nEnvironment=BOOT_ID=%b\n" in UNIT.read_text()


# while the machine is off


def test_a_kiosk_that_comes_up_in_1970_keeps_everybody_and_gives_nobodys_number(ledger: Ledger) -> None:
    """After a power cut, without a clock battery: then the time server answers."""
    held = [come(ledger) for _ in range(3)]
    ledger.do(lambda change: tickets.call_next(change, "1", ("a",)))
    ledger.do(lambda change: tickets.finish(change, "1"))
    ledger.clock.advance(REMEMBER_S)
    come(ledger)
    machine_starts(ledger, UNSET)
    assert waits(ledger) == (3, 0.0)
    numbers = [come(ledger), come(ledger)]
    assert not {*numbers} & {*held[1:], "A004"}, "two would get up at one call"
    assert ends_the_day(ledger) == []
    ledger.clock.advance(100)
    ledger.clock.set("2026-11-21T08:40:00+08:00")
    assert waits(ledger) == (5, 600.0), "since before the power cut"
    assert ends_the_day(ledger) == []
    issued = ledger.rows("SELECT ? - issued_at FROM ticket ORDER BY place", ledger.clock.now().timestamp())
    assert [round(ago_s) for (ago_s,) in issued] == [600, 600, 600, 540, 100, 100]
    assert [exact for _, exact in jumps(ledger)] == [False, True]


def test_a_kiosk_that_comes_up_in_1970_the_next_morning_begins_the_day_anew(ledger: Ledger) -> None:
    come(ledger)
    come(ledger)
    machine_starts(ledger, UNSET)
    assert come(ledger) == "A003", "whoever has A001 may still be there"
    ledger.clock.set("2026-11-22T08:30:00+08:00")
    assert ends_the_day(ledger) == ["A001", "A002"]
    assert waits(ledger) == (1, 0.0)
    ledger.clock.advance(DAY_S)
    assert come(ledger) == "A001"


def test_who_took_a_number_in_1970_is_not_sent_home_when_the_machine_comes_up_with_the_time(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    assert come(ledger) == "A001"
    ledger.clock.advance(120)
    ledger.do(lambda _: None)
    machine_starts(ledger, MORNING)
    assert ends_the_day(ledger) == []
    assert waits(ledger) == (1, 120.0)
    assert jumps(ledger) == [(HeldClock(MORNING).now().timestamp() - 120, False)]
    assert come(ledger) == "A002", "nobody is told what became of A001 meanwhile"
    ledger.clock.advance(tickets.LEFT_OVER_S - 60)
    assert ends_the_day(ledger) == ["A001"]


def test_a_clock_that_comes_up_a_year_behind_makes_nobody_wait_for_a_year(ledger: Ledger) -> None:
    come(ledger)
    ledger.clock.advance(300)
    come(ledger)
    machine_starts(ledger, "2025-11-21T08:30:00+08:00")
    assert waits(ledger) == (2, 300.0)
    ledger.clock.advance(tickets.LEFT_OVER_S - 299)
    assert ends_the_day(ledger) == ["A001"], "of a day that is over, by the clock that there is"
    assert jumps(ledger) == [(-YEAR_S - 300, False)]


def test_a_clock_that_comes_up_ahead_cannot_be_told_from_a_machine_that_was_off(ledger: Ledger) -> None:
    come(ledger)
    machine_starts(ledger, "2026-11-23T08:30:00+08:00")
    assert ends_the_day(ledger) == ["A001"]
    assert jumps(ledger) == []
    assert come(ledger) == "A001"


def test_a_machine_that_comes_up_in_1970_again_and_again_sends_nobody_home(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    come(ledger)
    ledger.clock.advance(3600)
    come(ledger)
    for start in range(2, 5):
        ledger.clock.set(UNSET)
        ledger.clock._steady_s = 3.0
        ledger.restart(ClockJumps(f"start {start}"))
        assert waits(ledger) == (start, 3600.0)
        come(ledger)
    ledger.clock.set(MORNING)
    assert waits(ledger) == (5, 3600.0)
    assert sorted({data["number"] for data in ledger.events.data("ticket.issued")}) == [f"A00{n}" for n in range(1, 6)]


# numbers of another system


@pytest.fixture
def external(ledger: Ledger) -> Queue:
    return Queue(ledger, TABLES, mode="external")


def register(queue: Queue, number: str) -> str | None:
    return queue.send("register", number=number, service="a").reason


def test_a_number_of_another_system_comes_once_a_day_however_often_the_clock_is_set(external: Queue) -> None:
    clock = external.clock
    clock.set(UNSET)
    for number in ("A001", "A002", "A003"):
        assert register(external, number) is None
    external.send("call", counter="1", ticket="A001")
    external.send("finish", counter="1")
    external.send("cancel", ticket="A003")
    for now in (MORNING, "2027-06-01T08:30:00+08:00", UNSET, MORNING):
        clock.set(now)
        assert register(external, "A001") == Refusal.NUMBER_IN_USE, "finished today"
        assert register(external, "A002") == Refusal.NUMBER_IN_USE
    assert register(external, "A003") is None, "withdrawn: it may come again"
    assert register(external, "A003") == Refusal.NUMBER_IN_USE
    clock.advance(DAY_S)
    for number in ("A001", "A002", "A003"):
        assert register(external, number) is None, "another day"


def test_a_number_of_another_system_comes_every_day_though_each_of_them_began_in_1970(external: Queue) -> None:
    for day in (21, 22, 23):
        machine_starts(external.ledger, UNSET, f"start of day {day}")
        number = f"A10{day}"
        assert register(external, number) is None
        external.send("call", counter="1", ticket=number)
        external.send("finish", counter="1")
        external.clock.set(f"2026-11-{day}T08:30:00+08:00")
        assert register(external, number) == Refusal.NUMBER_IN_USE, "finished today"
        for earlier in range(21, day):
            assert register(external, f"A10{earlier}") is None, "of another day"
        external.clock.advance(3600)


def test_after_a_power_cut_into_1970_only_who_is_not_over_keeps_a_number_from_coming_again(external: Queue) -> None:
    for number in ("A001", "A002"):
        assert register(external, number) is None
    external.send("call", counter="1", ticket="A001")
    external.send("finish", counter="1")
    machine_starts(external.ledger, UNSET)
    assert register(external, "A001") is None, "it may be another day, and nobody else waits with it"
    assert register(external, "A002") == Refusal.NUMBER_IN_USE
    assert external.send("call", counter="1", ticket="A002").data["ticket"] == "20261121-A002"


# what is kept


def settled(change: Transaction) -> None:
    """Something of every kind that is settled, and one event that is not sent."""
    ticket, _ = tickets.take(change, "a", SERVICE)
    tickets.let_wait(change, ticket.id)
    tickets.call_next(change, "1", ("a",))
    tickets.finish(change, "1")
    followups.close_followup(change, followups.open_followup(change, "1", 1), "done", "012")
    ratings.open_session(change, "1", ticket.id)
    ratings.submit(change, "1", "panel-1", 5, session=None)
    change.insert(
        "INSERT INTO phone_call (phone, began_at, rings, quiet, state) VALUES ('p', ?, 1, 0, 'missed')",
        change.now.timestamp(),
    )
    *sent, _ = [event.sequence for event in change.unsent(0, 99)]
    change.note_sent(sent)


def kept(ledger: Ledger) -> dict[str, int]:
    ledger.do(lambda change: forget_old(change, 7))
    tables = "event", "ticket", "rating_session", "phone_call", "followup", "command", "print_job"
    return {table: ledger.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608


@pytest.mark.parametrize(("before", "after"), [(UNSET, MORNING), (MORNING, "2028-02-29T08:30:00+08:00")])
def test_what_was_settled_by_the_wrong_clock_is_kept_for_its_days_and_then_goes(
    ledger: Ledger, before: str, after: str
) -> None:
    ledger.clock.set(before)
    ledger.do(settled)

    def command(change: Transaction) -> None:
        take_command(change, "c-1", "f", change.now)
        settle_command(change, Reply(id="c-1", status=Status.DONE))
        printing.enqueue(change, "printer-1", Subject("t"), ticket_order("A001"), change.now.timestamp(), None)
        change.write("UPDATE print_job SET state = 'printed'")

    ledger.do(command)
    full = kept(ledger)
    assert min(full.values()) > 0
    ledger.clock.set(after)
    assert kept(ledger) == full | {"event": full["event"] + 1}, "and that the clock jumped"
    ledger.clock.advance(7 * DAY_S - 60)
    assert kept(ledger) == full | {"event": full["event"] + 1}
    ledger.clock.advance(120)
    assert kept(ledger) == dict.fromkeys(full, 0) | {"event": 2}, "what was never sent"


@pytest.mark.parametrize("now", [UNSET, MORNING, "2099-01-01T00:00:00+08:00"])
def test_what_was_never_sent_is_kept_whatever_the_clock_says(ledger: Ledger, now: str) -> None:
    ledger.clock.set(UNSET)
    come(ledger)
    unsent = {event.sequence for event in ledger.do(lambda change: change.unsent(0, 99))}
    machine_starts(ledger, now)
    ledger.do(lambda change: forget_old(change, 1))
    ledger.clock.advance(YEAR_S)
    ledger.do(lambda change: forget_old(change, 1))
    assert unsent <= {event.sequence for event in ledger.do(lambda change: change.unsent(0, 99))}


def test_of_the_events_that_were_sent_the_latest_alone_are_told_a_new_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Years of them, in one change, would keep a press waiting for a minute."""
    monkeypatch.setattr(retention, "MOVED_MAX", 2)
    for _ in range(3):
        come(ledger)
    ledger.do(lambda change: change.note_sent([event.sequence for event in change.unsent(0, 99)]))
    was = ledger.clock.now().timestamp()
    ledger.clock.set("2028-02-29T08:30:00+08:00")
    moved = [sent_at != was for (sent_at,) in ledger.rows("SELECT sent_at FROM event WHERE sent_at NOT NULL")]
    assert moved == [False] * 5 + [True], "and the second is that the clock jumped"


def test_a_command_that_was_carried_out_in_1970_is_not_carried_out_again_when_the_clock_is_set(ledger: Ledger) -> None:
    ledger.clock.set(UNSET)
    deadline = HeldClock(MORNING).now() + timedelta(minutes=5)  # by the clock of who sent it

    def command(change: Transaction) -> None:
        take_command(change, "c-1", "f", deadline)
        settle_command(change, Reply(id="c-1", status=Status.DONE))

    ledger.do(command)
    ledger.clock.set(MORNING)
    ledger.do(lambda change: forget_old(change, 7))
    assert ledger.clock.now() < deadline
    seen: Any = ledger.do(lambda change: find_command(change, "c-1"))
    assert seen is not None
    assert seen.reply == Reply(id="c-1", status=Status.DONE)

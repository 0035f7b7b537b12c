"""Promised time limits (row 6 of the service rules): due times, and alerts until the ticket is over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daemon import tickets
from daemon.alerts import promises
from daemon.alerts.promises import watch_promises
from daemon.calendar import Calendar
from daemon.commands import Request, TicketReprint, TicketTake
from daemon.events import Alert
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.settings import ConfigurationError, Service, Settings, load_settings
from daemon.settings.calendar_file import parse_calendar, read_calendar
from daemon.store.database import Transaction
from daemon.tickets import Ticket
from tests.store_rig import HeldClock, Ledger, open_ledger

SHIPPED = Path(__file__).parent.parent / "config" / "calendar.toml"
SERVICE = Service(name="综合业务", printer="printer-1", prefix="A", limit="10 min")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def take(ledger: Ledger, service: Service = SERVICE, calendar: Calendar | None = None) -> Ticket:
    def change(transaction: Transaction) -> Ticket:
        ticket, _ = tickets.take(transaction, "a", service)
        promises.promise(transaction, ticket, service, calendar or Calendar())
        tickets.let_wait(transaction, ticket.id)
        return ticket

    return ledger.do(change)


def alerts(ledger: Ledger) -> list[tuple[str, str]]:
    """What was told of alerts since the last look, and then about which ticket: none but promises have any."""
    ledger.do(watch_promises)
    told = [
        (name.removeprefix("alert."), payload["data"]["alert"])
        for name, payload in zip(ledger.events.names, ledger.events.payloads, strict=True)
        if name.startswith("alert.")
    ]
    ledger.events.stored.clear()
    return told


def test_the_alert_comes_before_the_limit_and_changes_at_it(ledger: Ledger) -> None:
    ticket = take(ledger)
    (promised,) = ledger.events.data("ticket.promised")
    assert promised == {"ticket": ticket.id, "number": "A001", "service": "a", "due_at": "2026-11-21T08:40:00+08:00"}
    ledger.clock.advance(8 * 60 - 1)
    assert alerts(ledger) == []
    ledger.clock.advance(1)
    ledger.do(watch_promises)
    (raised,) = ledger.events.data("alert.raised")
    assert raised == {
        "alert": Alert.PROMISE_DUE,
        "about": ticket.id,
        "detail": "due at 2026-11-21T08:40+08:00",
        "figures": {"due_at": "2026-11-21T08:40:00+08:00"},
    }
    assert alerts(ledger) == [("raised", Alert.PROMISE_DUE)]
    ledger.clock.advance(119)
    assert alerts(ledger) == []
    ledger.clock.advance(1)
    assert alerts(ledger) == [("cleared", Alert.PROMISE_DUE), ("raised", Alert.PROMISE_BROKEN)]
    ledger.restart()
    ledger.clock.advance(3600)
    assert alerts(ledger) == []


@pytest.mark.parametrize("by", ["+1 h", "1970"])
def test_what_another_system_gave_as_due_stays_so_when_the_clock_is_set(ledger: Ledger, by: str) -> None:
    right = ledger.clock.now()
    wrong = right - timedelta(hours=1) if by == "+1 h" else datetime.fromisoformat("1970-01-01T08:00:00+08:00")
    ledger.clock.set(wrong.isoformat())

    def register(change: Transaction) -> None:
        for number, given in (("K1", right + timedelta(minutes=10)), ("K2", None)):
            ticket, _ = tickets.admit(change, "a", number)
            promises.promise(change, ticket, SERVICE, Calendar(), given)
            tickets.let_wait(change, ticket.id)

    ledger.do(register)
    assert alerts(ledger) == []
    ledger.clock.set(right.isoformat())
    times = wrong.timestamp(), wrong.timestamp(), (right - wrong).total_seconds()
    ledger.do(lambda change: promises.follow_clock(change, *times))
    due = dict(ledger.rows("SELECT number, due_at FROM ticket"))
    assert due == {number: (right + timedelta(minutes=10)).timestamp() for number in ("K1", "K2")}
    ledger.clock.advance(8 * 60 - 1)
    assert alerts(ledger) == []
    ledger.clock.advance(1)
    assert alerts(ledger) == [("raised", Alert.PROMISE_DUE)] * 2
    ledger.clock.advance(120)
    assert alerts(ledger).count(("raised", Alert.PROMISE_BROKEN)) == 2


@pytest.mark.parametrize("end", [tickets.finish, tickets.skip])
def test_it_ends_with_the_ticket(ledger: Ledger, end: object) -> None:
    assert callable(end)
    take(ledger)
    ledger.clock.advance(600)
    assert alerts(ledger) == [("raised", Alert.PROMISE_BROKEN)]
    ledger.do(lambda change: tickets.call_next(change, "1", ("a",)))
    assert alerts(ledger) == []
    ledger.do(lambda change: end(change, "1"))
    assert alerts(ledger) == [("cleared", Alert.PROMISE_BROKEN)]


def test_a_number_that_is_left_over_ends_it_too(ledger: Ledger) -> None:
    take(ledger)
    ledger.clock.advance(13 * 3600)
    assert alerts(ledger) == [("raised", Alert.PROMISE_BROKEN)]
    ledger.do(tickets.withdraw_left_over)
    assert alerts(ledger) == [("cleared", Alert.PROMISE_BROKEN)]


def test_without_a_limit_nothing_is_promised(ledger: Ledger) -> None:
    ticket = take(ledger, Service(name="综合业务", printer="printer-1"))
    assert ledger.do(lambda change: promises.due_at(change, ticket.id)) is None
    assert ledger.events.data("ticket.promised") == []
    ledger.clock.advance(100_000)
    assert alerts(ledger) == []


def test_limits_run_in_opening_hours(ledger: Ledger) -> None:
    ledger.clock.set("2026-11-20T16:55:00+08:00")
    ticket = take(ledger, calendar=parse_calendar(SHIPPED.read_text()))
    due_at = ledger.do(lambda change: promises.due_at(change, ticket.id))
    assert due_at == datetime.fromisoformat("2026-11-23T09:05:00+08:00")
    ledger.clock.set("2026-11-23T09:02:59+08:00")
    assert alerts(ledger) == []
    ledger.clock.set("2026-11-23T09:03:00+08:00")
    assert alerts(ledger) == [("raised", Alert.PROMISE_DUE)]


def test_a_clock_that_is_set_moves_what_was_promised_by_the_wrong_time(ledger: Ledger) -> None:
    ledger.clock.set("1970-01-01T08:01:00+08:00")
    began = ledger.clock.now().timestamp()
    ticket = take(ledger)
    ledger.clock.advance(60)
    until = ledger.clock.now().timestamp()
    ledger.clock.set("2026-11-21T09:00:00+08:00")
    by_s = ledger.clock.now().timestamp() - until
    ledger.do(lambda change: promises.follow_clock(change, began, until, by_s))
    due_at = ledger.do(lambda change: promises.due_at(change, ticket.id))
    assert due_at == datetime.fromisoformat("2026-11-21T09:09:00+08:00")
    assert alerts(ledger) == []


# the slip and the reply


class Quiet:
    def wake(self) -> None:
        return None


def test_the_due_time_is_in_the_reply_and_on_both_slips(ledger: Ledger) -> None:
    settings = Settings(
        {
            "hall": "h",
            "kiosk": "k",
            "services": {"a": {"name": "综合业务", "printer": "p", "prefix": "A", "limit": "30 min"}},
            "devices": {"p": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"}},
        }
    )
    hall = Hall(settings, Desks(boards={}, ratings={}, printers={"p": Quiet()}))
    request = Request(id="1", deadline=datetime.now(UTC) + timedelta(days=9999), data={})
    effect = ledger.do(lambda change: hall.prepare(change, TicketTake(service="a"), request))
    due = "2026-11-21T09:00:00+08:00"
    assert effect.data["due_at"] == due
    ledger.do(lambda change: change.write("UPDATE print_job SET state = 'printed'"))
    ledger.do(lambda change: hall.prepare(change, TicketReprint(ticket=effect.data["ticket"]), request))
    slips = ledger.rows("SELECT json_extract(slip, '$.data.due_at') FROM print_job")
    assert slips == [(due,), (due,)]


# the calendar file


def test_the_shipped_calendar_is_one() -> None:
    calendar = read_calendar(str(SHIPPED)).calendar
    assert not calendar.is_open(datetime.fromisoformat("2026-10-01T10:00+08:00"))
    assert calendar.is_open(datetime.fromisoformat("2026-10-10T10:00+08:00"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hours]\n", "no day has opening hours"),
        ("holidays = []", "hours: Field required"),
        ('[hours]\nmonday = ["09:00-12:00"]', "hours.monday: Input should be 'mon'"),
        ('[hours]\nmon = ["9-12"]', "expected hours like 09:00-12:00, not '9-12'"),
        ('[hours]\nmon = ["12:00-09:00"]', "hours end after they begin"),
        ('[hours]\nmon = ["09:00-24:30"]', "by 24:00"),
        ('[hours]\nmon = ["09:00-12:00", "11:00-13:00"]', "overlap"),
        ('holidays = ["2026-02-30"]\n[hours]\nmon = ["09:00-12:00"]', "holidays.0: Input should be a valid date"),
        (
            '[hours]\nmon = ["09:00-12:00"]\n[make_up]\n"2026-10-10" = "fir"',
            "make_up.2026-10-10: Input should be 'mon'",
        ),
        ('[hours]\nmon = ["09:00-12:00"]\n[makeup]\n', "makeup: Extra inputs"),
        ("[hours", "Expected ']'"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_an_error_of_the_configuration(text: str, said: str, tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text(text)
    path = tmp_path / "kioskd.toml"
    path.write_text(f'hall = "h"\nkiosk = "k"\ncalendar = "{calendar}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("calendar", 3)
    assert str(calendar) in str(problem)
    assert said in str(problem)


def test_a_calendar_that_is_not_there_or_too_large_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "large.toml").write_text("#" * 70_000)
    for name, said in (
        ("none.toml", "No such file"),
        ("large.toml", "larger than 64000 bytes"),
        (".", "Is a directory"),
    ):
        with pytest.raises(ValueError, match=said):
            read_calendar(str(tmp_path / name))
    with pytest.raises(ValueError, match="absolute"):
        read_calendar("calendar.toml")


def test_a_changed_calendar_makes_other_settings(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text('[hours]\nmon = ["09:00-12:00"]\n')
    path = tmp_path / "kioskd.toml"
    path.write_text(f'hall = "h"\nkiosk = "k"\ncalendar = "{calendar}"\n')
    before = load_settings(path, {})
    assert before == load_settings(path, {})
    calendar.write_text('[hours]\nmon = ["09:00-12:30"]\n')
    assert before != load_settings(path, {})


# any day, against a plain model


class Promises(RuleBasedStateMachine):
    """Tickets come, are called and end, time passes and kioskd restarts: the open alerts are those of the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger(Path(self.folder.name, "k.db"), HeldClock())
        self.due: dict[str, datetime] = {}
        self.waiting: list[str] = []
        self.called: str | None = None

    def teardown(self) -> None:
        self.ledger.database.close()
        self.folder.cleanup()

    @rule()
    def take(self) -> None:
        ticket = take(self.ledger)
        self.due[ticket.id] = self.ledger.clock.now() + timedelta(minutes=10)
        self.waiting.append(ticket.id)

    @rule(end=st.sampled_from((tickets.finish, tickets.skip)))
    def call_and_end(self, end: object) -> None:
        assert callable(end)
        if self.called is not None:
            self.ledger.do(lambda change: end(change, "1"))
            del self.due[self.called]
            self.called = None
        elif self.waiting:
            self.called = self.waiting.pop(0)
            self.ledger.do(lambda change: tickets.call_next(change, "1", ("a",)))

    @rule(minutes=st.integers(0, 9))
    def pass_time(self, minutes: int) -> None:
        self.ledger.clock.advance(60 * minutes)

    @rule()
    def restart(self) -> None:
        self.ledger.restart()

    @invariant()
    def the_open_alerts_are_those_that_are_due(self) -> None:
        self.ledger.do(watch_promises)
        now = self.ledger.clock.now()
        expected = {
            (Alert.PROMISE_BROKEN if due <= now else Alert.PROMISE_DUE, ticket)
            for ticket, due in self.due.items()
            if due - timedelta(minutes=2) <= now
        }
        assert set(self.ledger.rows("SELECT alert, about FROM alert")) == expected


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)

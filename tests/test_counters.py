"""Counters (rows 3 and 17 of the service rules): open, paused, closed; what they refuse, show and keep."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from daemon import tickets
from daemon.commands import (
    Command,
    CounterClose,
    CounterOpen,
    CounterPause,
    Refusal,
    Request,
    TicketFinish,
    TicketNext,
    TicketRecall,
    TicketSkip,
)
from daemon.hall import counters
from daemon.hall.counters import CounterState, Stand
from daemon.hall.effects import Desks, Effect
from daemon.hall.hall import Hall
from daemon.refused import Refused
from daemon.settings import Settings
from daemon.settings.faults import InvalidSettings
from daemon.store.database import Transaction
from tests.store_rig import Ledger, open_ledger

REQUEST = Request.model_validate({"id": "x", "deadline": "2100-01-01T00:00:00Z"})
PLACES = {
    "services": {"a": {"name": "综合业务", "printer": "p", "prefix": "A"}},
    "counters": {"1": {"name": "1号窗口", "services": ["a"], "display": "led-1"}},
    "devices": {
        "p": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"},
        "led-1": {"driver": "bx", "link": "tcp://10.0.0.8:5005"},
    },
}


class NotedBoard:
    """What the hall told a board."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.spoken: list[str] = []

    def show(self, text: str, command: str | None = None, recorded: asyncio.Event | None = None) -> None:
        self.shown.append(text)

    def speak(self, text: str) -> None:
        self.spoken.append(text)


class Window:
    """One counter: commands carried out over a real database, and its board."""

    def __init__(self, ledger: Ledger, **tables: object) -> None:
        self.settings = Settings({"hall": "h", "kiosk": "k"} | PLACES | tables)
        self.ledger = ledger
        self.board = NotedBoard()
        self.hall = Hall(self.settings, Desks(boards={"led-1": self.board}, ratings={}, printers={}))

    def do(self, command: Command) -> Effect:
        effect = self.ledger.do(lambda change: self.hall.prepare(change, command, REQUEST))
        effect.after()
        return effect

    def take(self) -> str:
        def change(transaction: Transaction) -> str:
            ticket, _ = tickets.take(transaction, "a", self.settings.services["a"])
            tickets.let_wait(transaction, ticket.id)
            return ticket.number

        return self.ledger.do(change)

    def refuses(self, command: Command) -> Refusal:
        with pytest.raises(Refused) as refused:
            self.do(command)
        assert refused.value.detail
        return refused.value.reason

    @property
    def stand(self) -> Stand:
        return self.ledger.do(lambda change: counters.stand_of(change, "1"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


@pytest.fixture
def window(ledger: Ledger) -> Window:
    return Window(ledger)


def test_a_counter_that_no_command_spoke_of_is_open(window: Window) -> None:
    assert window.stand == Stand(CounterState.OPEN, None, None, told=False)
    number = window.take()
    window.do(TicketNext(counter="1"))
    assert window.board.shown == [f"请{number}到1号窗口"]
    window.do(TicketFinish(counter="1"))
    assert window.board.shown[-1] == "1号窗口"


def test_its_board_says_how_it_stands(window: Window) -> None:
    window.do(CounterOpen(counter="1", staff="012"))
    window.do(CounterPause(counter="1", reason="取药去了"))
    window.do(CounterPause(counter="1"))
    window.do(CounterOpen(counter="1"))
    window.do(CounterClose(counter="1"))
    window.do(CounterOpen(counter="1"))
    assert window.board.shown == [
        "1号窗口\n正在服务 工号012",
        "1号窗口\n暂停服务 取药去了",
        "1号窗口\n暂停服务",
        "1号窗口\n正在服务 工号012",
        "1号窗口\n停止服务",
        "1号窗口\n正在服务",
    ]
    assert window.board.spoken == []


def test_in_english(ledger: Ledger) -> None:
    window = Window(ledger, language="en")
    window.do(CounterOpen(counter="1", staff="12"))
    window.do(CounterPause(counter="1", reason="back at 2"))
    window.do(CounterClose(counter="1"))
    assert window.board.shown == ["1号窗口\nOpen No. 12", "1号窗口\nPaused back at 2", "1号窗口\nClosed"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CounterClose(counter="1"), Refusal.COUNTER_CLOSED),
        (CounterPause(counter="1", reason="开会"), Refusal.COUNTER_PAUSED),
    ],
)
def test_nothing_is_called_to_a_counter_that_is_not_open(window: Window, command: Command, reason: Refusal) -> None:
    number = window.take()
    window.do(TicketNext(counter="1"))
    window.take()
    window.do(command)
    assert window.refuses(TicketNext(counter="1")) is reason
    assert window.refuses(TicketRecall(counter="1")) is reason
    assert window.board.spoken == [f"请{number}到1号窗口"]
    assert window.do(TicketFinish(counter="1")).data["number"] == number  # who is being served is served to the end
    window.do(CounterOpen(counter="1"))
    assert window.do(TicketNext(counter="1")).data["number"] == "A002"


def test_a_call_is_spoken_and_spoken_again_and_comes_back_on_the_board_after_a_pause(window: Window) -> None:
    text = f"请{window.take()}到1号窗口"
    window.do(TicketNext(counter="1"))
    window.do(TicketRecall(counter="1"))
    assert (window.board.shown, window.board.spoken) == ([text, text], [text, text])
    window.do(CounterPause(counter="1"))
    window.do(CounterOpen(counter="1"))
    assert window.board.shown[-2:] == ["1号窗口\n暂停服务", text]
    window.do(TicketSkip(counter="1"))
    assert window.board.shown[-1] == "1号窗口\n正在服务"
    assert window.board.spoken == [text, text]


def test_how_it_stands_outlives_restart_and_midnight(window: Window) -> None:
    window.do(CounterOpen(counter="1", staff="012"))
    window.do(CounterPause(counter="1", reason="午休"))
    window.ledger.restart()
    window.ledger.clock.advance(24 * 3600)
    assert window.stand == Stand(CounterState.PAUSED, "012", "午休", told=True)
    window.ledger.do(lambda change: window.hall.board(change, "1"))()
    assert window.board.shown[-1] == "1号窗口\n暂停服务 午休"


def test_what_changes_nothing_is_no_event(window: Window) -> None:
    for command in (CounterOpen(counter="1", staff="7"), CounterOpen(counter="1"), CounterOpen(counter="1", staff="8")):
        window.do(command)
    window.do(CounterPause(counter="1", reason="开会"))
    window.do(CounterPause(counter="1", reason="开会"))
    window.do(CounterClose(counter="1"))
    window.do(CounterClose(counter="1"))
    told = [payload["data"] for payload in window.ledger.events.payloads]
    assert window.ledger.events.names == ["counter.opened", "counter.opened", "counter.paused", "counter.closed"]
    assert told == [
        {"counter": "1", "staff": "7"},
        {"counter": "1", "staff": "8"},
        {"counter": "1", "staff": "8", "reason": "开会"},
        {"counter": "1", "staff": "8"},
    ]


@pytest.mark.parametrize("command", [CounterOpen, CounterPause, CounterClose])
def test_an_unknown_counter_is_refused(window: Window, command: type[CounterOpen]) -> None:
    assert window.refuses(command(counter="9")) is Refusal.UNKNOWN_COUNTER
    assert window.ledger.events.stored == []


@pytest.mark.parametrize("reason", ["", "a\nb", "\x1b@", "\x10\x04", "\u202e", "\x7f", "\x85", "长" * 41])
def test_what_would_do_harm_on_a_board_is_no_reason(reason: str) -> None:
    with pytest.raises(ValidationError):
        CounterPause(counter="1", reason=reason)


@pytest.mark.parametrize("staff", ["", "a b", "1\n", "七", "1" * 17])
def test_what_is_no_staff_number(staff: str) -> None:
    with pytest.raises(ValidationError):
        CounterOpen(counter="1", staff=staff)


def test_the_call_in_a_hall_s_own_words(ledger: Ledger) -> None:
    window = Window(ledger, call={"text": "请{number}号顾客到{counter}办理"})
    number = window.take()
    window.do(TicketNext(counter="1"))
    assert window.board.shown == window.board.spoken == [f"请{number}号顾客到1号窗口办理"]


def test_row_18_a_welcome_is_spoken_before_each_call_and_a_farewell_at_its_end(ledger: Ledger) -> None:
    window = Window(ledger, call={"welcome": "您好，", "farewell": "请慢走"})
    window.take()
    window.do(TicketNext(counter="1"))
    window.do(TicketRecall(counter="1"))
    window.do(TicketFinish(counter="1"))
    assert window.board.spoken == ["您好，请A001到1号窗口", "您好，请A001到1号窗口", "请慢走"]
    assert window.board.shown == ["请A001到1号窗口", "请A001到1号窗口", "1号窗口"], "spoken only"


def test_row_18_without_words_of_its_own_a_hall_s_voice_calls_and_no_more(window: Window) -> None:
    window.take()
    window.do(TicketNext(counter="1"))
    window.do(TicketFinish(counter="1"))
    assert window.board.spoken == ["请A001到1号窗口"]


@pytest.mark.parametrize("key", ["welcome", "farewell"])
@pytest.mark.parametrize("text", ["您好\n", "\x1b@", "长" * 41])
def test_row_18_what_would_do_harm_is_not_spoken(key: str, text: str) -> None:
    with pytest.raises(InvalidSettings) as found:
        Settings({"hall": "h", "kiosk": "k", "call": {key: text}})
    assert [fault.loc for fault in found.value.faults] == [("call", key)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请到{counter}", "a text with {number} in it"),
        ("请{number}到{window}", "no other braces"),
        ("请{number!r}", "a text with {number} in it"),
        ("{{number}}{number}", "no other braces"),
        ("请{number}\n到{counter}", "one line without control characters"),
        ("请{number}" + "号" * 40, "at most 40 characters"),
    ],
)
def test_words_that_are_no_call(text: str, expected: str) -> None:
    with pytest.raises(InvalidSettings) as found:
        Settings({"hall": "h", "kiosk": "k", "call": {"text": text}})
    (fault,) = found.value.faults
    assert fault.loc == ("call", "text")
    assert expected in fault.expected.en


def test_on_a_shared_board_the_state_of_one_counter_hides_no_call_of_another(ledger: Ledger) -> None:
    shared = {name: {"name": f"{name}号窗口", "services": ["a"], "display": "led-1"} for name in ("1", "2", "3")}
    window = Window(ledger, counters=shared)
    for _ in range(2):
        window.take()
    window.do(TicketNext(counter="1"))
    ledger.clock.advance(1)
    window.do(TicketNext(counter="2"))
    window.do(CounterClose(counter="3"))
    assert window.board.shown[-1] == "请A002到2号窗口"
    window.do(TicketFinish(counter="2"))
    assert window.board.shown[-1] == "请A001到1号窗口"
    window.do(TicketFinish(counter="1"))
    assert window.board.shown[-1] == "1号窗口"
    window.do(CounterOpen(counter="3"))
    assert window.board.shown[-1] == "3号窗口\n正在服务"

"""Counters against a plain model: what they refuse, how they stand, and when one is unattended (rows 3 and 17).

With restarts, jumps of the clock, midnight, and commands that come twice in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from daemon import tickets
from daemon.alerts.alerts import open_alerts
from daemon.alerts.attendance import Idleness, watch_counters
from daemon.commands import Refusal
from daemon.hall import counters
from daemon.hall.situation import read_situation
from daemon.settings import Settings
from daemon.store.database import Transaction
from daemon.tickets import LEFT_OVER_S
from tests.machine_rig import HallMachine, machine_settings

LIMIT_S = 60
NAMES = ("1", "2")
SETTINGS = Settings(
    {
        "hall": "h",
        "kiosk": "k",
        "queue": {"unattended_s": LIMIT_S},
        "rating": {"after_finish": False},
        "services": {"a": {"name": "综合业务", "printer": "printer-1", "prefix": "A"}},
        "counters": {name: {"name": f"{name}号窗口", "services": ["a"], "display": "led-1"} for name in NAMES},
        "devices": {
            "printer-1": {"driver": "escpos", "link": "tcp://10.0.0.9:9100"},
            "led-1": {"driver": "bx", "link": "tcp://10.0.0.8:5005"},
        },
    }
)
REFUSED = {"closed": Refusal.COUNTER_CLOSED, "paused": Refusal.COUNTER_PAUSED}

names = st.sampled_from(NAMES)


@dataclass
class Window:
    """The plain model of one counter."""

    state: str = "open"
    staff: str | None = None
    reason: str | None = None
    told: bool = False
    serves: str | None = None
    needed_since_s: float | None = None
    unattended: bool = False
    touched: bool = field(default=False)


class Counters(HallMachine):
    """Two counters for one service; whoever looks at them does so after everything that happens."""

    def __init__(self) -> None:
        super().__init__(SETTINGS, ())
        self.windows = {name: Window() for name in NAMES}
        self.waiting: list[tuple[str, float]] = []  # number, taken at
        self.idleness: Idleness = {}

    @property
    def present(self) -> list[tuple[str, float]]:
        """Who waits, and did not take a number half a day ago."""
        oldest = self.clock.now().timestamp() - LEFT_OVER_S
        return [(number, taken_at) for number, taken_at in self.waiting if taken_at > oldest]

    def become(self, name: str, state: str, staff: str | None, reason: str | None = None) -> None:
        window = self.windows[name]
        told = (state, staff, reason, True)
        window.touched = told != (window.state, window.staff, window.reason, window.told)
        window.state, window.staff, window.reason, window.told = told

    @rule(name=names, staff=st.sampled_from((None, "012", "013")))
    def opens(self, name: str, staff: str | None) -> None:
        self.commands.send("counter/open", counter=name, **({"staff": staff} if staff else {}))
        self.become(name, "open", staff or self.windows[name].staff)

    @rule(name=names, reason=st.sampled_from((None, "取药去了")))
    def pauses(self, name: str, reason: str | None) -> None:
        self.commands.send("counter/pause", counter=name, **({"reason": reason} if reason else {}))
        self.become(name, "paused", self.windows[name].staff, reason)

    @rule(name=names)
    def closes(self, name: str) -> None:
        self.commands.send("counter/close", counter=name)
        self.become(name, "closed", None)

    @rule()
    def somebody_comes(self) -> None:
        def change(transaction: Transaction) -> str:
            ticket, _ = tickets.take(transaction, "a", SETTINGS.services["a"])
            tickets.let_wait(transaction, ticket.id)
            return ticket.number

        if len(self.waiting) < 5:
            self.waiting.append((self.ledger.do(change), self.clock.now().timestamp()))

    @rule(name=names)
    def calls(self, name: str) -> None:
        window, present = self.windows[name], self.present
        reply = self.commands.send("ticket/next", counter=name)
        if window.state in REFUSED:
            assert reply.reason == REFUSED[window.state]
        elif not present:
            assert reply.reason == Refusal.NOTHING_WAITING
        else:
            window.serves, window.touched = present[0][0], True
            self.waiting.remove(present[0])
            assert reply.data["number"] == window.serves

    @rule(name=names)
    def calls_again(self, name: str) -> None:
        window = self.windows[name]
        reply = self.commands.send("ticket/recall", counter=name)
        if window.state in REFUSED:
            assert reply.reason == REFUSED[window.state]
        elif window.serves is None:
            assert reply.reason == Refusal.NO_TICKET
        else:
            assert reply.data["number"] == window.serves
            window.touched = True

    @rule(name=names)
    def finishes(self, name: str) -> None:
        window = self.windows[name]
        reply = self.commands.send("ticket/finish", counter=name)
        assert reply.reason == (Refusal.NO_TICKET if window.serves is None else None)
        window.touched = window.touched or window.serves is not None
        window.serves = None

    @rule()
    def restart(self) -> None:
        self.ledger.restart()
        self.idleness = {}
        for window in self.windows.values():
            window.needed_since_s = None

    def model_looks(self) -> None:
        now_s = self.clock.monotonic_s()
        for window in self.windows.values():
            needed = window.told and window.state == "open" and (window.serves is not None or bool(self.present))
            known = window.needed_since_s is not None
            if not needed:
                window.needed_since_s, window.unattended = None, False
            elif window.needed_since_s is None or window.touched:
                window.needed_since_s = now_s
                window.unattended = window.unattended and not known
            elif now_s - window.needed_since_s > LIMIT_S:
                window.unattended = True
            window.touched = False

    @invariant()
    def the_daemon_says_what_the_model_says(self) -> None:
        self.model_looks()
        self.idleness = self.ledger.do(
            lambda change: watch_counters(change, read_situation(change, SETTINGS), LIMIT_S, self.idleness)
        )
        for name, window in self.windows.items():
            stand = self.ledger.do(lambda change, name=name: counters.stand_of(change, name))  # type: ignore[misc]
            expected = (window.state, window.staff, window.reason, window.told)
            assert (stand.state, stand.staff, stand.reason, stand.told) == expected
        unattended = {name for name, window in self.windows.items() if window.unattended}
        assert {entry.about for entry in self.ledger.do(open_alerts).alerts} == unattended


TestCounters = Counters.TestCase
TestCounters.settings = machine_settings(20, 40)

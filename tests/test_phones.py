"""The rules of the telephone, on real transactions: rings counted, the alert after the third, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import phones
from daemon.calendar import Calendar, Span
from daemon.figures import counting as figures
from daemon.figures.reading import read_open
from daemon.phones import Line, line_of, mask
from daemon.settings import Phone
from drivers.phone.capability import Answer, CallEnded
from tests.store_rig import Ledger, open_ledger

ALLOWED = 3
LINES = {phone: Line(phone, "1", ALLOWED) for phone in ("phone-1", "phone-2")}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def ring(ledger: Ledger, *counts: int, phone: str = "phone-1") -> None:
    for count in counts:
        ledger.do(lambda change, count=count: phones.ring(change, LINES[phone], count))  # type: ignore[misc]


def end(ledger: Ledger, answer: Answer, rings: int, phone: str = "phone-1", evidence: str = "") -> None:
    ended = CallEnded(answer, rings, ringing_s=rings * 4.96, evidence=evidence)
    ledger.do(lambda change: phones.end(change, LINES[phone], ended))


def test_answered_within_three_rings_is_in_time_and_nobody_is_alarmed(ledger: Ledger) -> None:
    ring(ledger, 1, 2, 3)
    end(ledger, Answer.ANSWERED, 3)
    assert ledger.events.names == ["phone.ringing", "phone.answered"]
    answered = ledger.events.data("phone.answered")[0]
    assert answered == {
        "call": "1",
        "phone": "phone-1",
        "counter": "1",
        "rings": 3,
        "in_time": True,
        "ringing_s": 14.9,
        "caller": None,
        "quiet": False,
    }


def test_the_ring_after_the_third_raises_one_alert_which_the_answer_clears(ledger: Ledger) -> None:
    ring(ledger, 1, 2, 3)
    assert "alert.raised" not in ledger.events.names
    ring(ledger, 4, 5, 6)
    assert ledger.events.data("alert.raised") == [
        {
            "alert": "phone-unanswered",
            "about": "phone-1",
            "detail": "ring 4, 3 are allowed",
            "figures": {"rings": 4, "rings_max": 3},
        }
    ]
    end(ledger, Answer.ANSWERED, 6)
    assert ledger.events.data("phone.answered")[0]["in_time"] is False
    assert ledger.events.names[-2:] == ["phone.answered", "alert.cleared"]
    ring(ledger, 1, 2, 3, 4)
    assert len(ledger.events.data("alert.raised")) == 2, "the next call has an alert of its own"


@pytest.mark.parametrize(
    ("answer", "name", "more"),
    [
        (Answer.MISSED, "phone.missed", {}),
        (Answer.UNKNOWN, "phone.unknown", {"reason": "no hook report"}),
    ],
)
def test_how_a_call_ended_is_told_as_the_line_gave_it(
    ledger: Ledger, answer: Answer, name: str, more: dict[str, Any]
) -> None:
    ring(ledger, 1)
    ledger.do(lambda change: phones.name_caller(change, "phone-1", "138******00"))
    ring(ledger, 2)
    end(ledger, answer, 2, evidence="no hook report")
    common = {"call": "1", "phone": "phone-1", "counter": "1", "rings": 2, "ringing_s": 9.9, "caller": "138******00"}
    assert ledger.events.data(name) == [common | {"quiet": False} | more]
    assert ledger.rows("SELECT state, rings FROM phone_call") == [(str(answer), 2)]


def test_lines_are_told_apart(ledger: Ledger) -> None:
    ring(ledger, 1, 2, phone="phone-1")
    ring(ledger, 1, 2, 3, 4, phone="phone-2")
    end(ledger, Answer.ANSWERED, 2, phone="phone-1")
    assert ledger.events.data("alert.cleared") == []
    end(ledger, Answer.MISSED, 4, phone="phone-2")
    assert [data["about"] for data in ledger.events.data("alert.cleared")] == ["phone-2"]


def test_a_call_that_rang_while_kioskd_was_gone_ended_nobody_knows_how(ledger: Ledger) -> None:
    ring(ledger, 1, 2, 3, 4)
    ledger.restart()
    for _ in range(2):
        ledger.do(lambda change: phones.end_interrupted(change, LINES["phone-1"]))
    unknown = ledger.events.data("phone.unknown")
    assert [(data["call"], data["rings"], data["reason"]) for data in unknown] == [("1", 4, "interrupted")]
    assert ledger.events.names[-1] == "alert.cleared"
    ring(ledger, 1)
    assert ledger.events.data("phone.ringing")[-1]["call"] == "2"


def test_a_telephone_that_was_taken_away_meanwhile_leaves_no_call_that_rings_for_ever(ledger: Ledger) -> None:
    ring(ledger, 1, 2, 3, 4, phone="phone-1")
    ring(ledger, 1, 2, phone="phone-2")
    ledger.restart()
    for _ in range(2):
        ledger.do(lambda change: phones.end_unattended(change, {"phone-2"}))
    (unknown,) = ledger.events.data("phone.unknown")
    assert (unknown["call"], unknown["phone"], unknown["counter"]) == ("1", "phone-1", None)
    assert (unknown["rings"], unknown["reason"]) == (4, "interrupted")
    assert [data["about"] for data in ledger.events.data("alert.cleared")] == ["phone-1"]
    assert ledger.rows("SELECT phone, state FROM phone_call") == [("phone-1", "unknown"), ("phone-2", "ringing")]
    ring(ledger, 3, phone="phone-2")
    end(ledger, Answer.ANSWERED, 3, phone="phone-2")
    assert ledger.events.data("phone.answered")[0]["call"] == "2"


def test_rings_that_could_not_be_stored_do_not_hide_the_call(ledger: Ledger) -> None:
    end(ledger, Answer.MISSED, 5)
    assert ledger.events.names == ["phone.ringing", "alert.raised", "phone.missed", "alert.cleared"]
    assert ledger.events.data("phone.missed")[0]["rings"] == 5
    ring(ledger, 3)  # its first two were lost
    end(ledger, Answer.ANSWERED, 3)
    assert ledger.events.data("phone.answered")[0]["call"] == "2"


def test_an_end_that_could_not_be_stored_does_not_swallow_the_next_call(ledger: Ledger) -> None:
    ring(ledger, 1, 2)
    ring(ledger, 1)
    end(ledger, Answer.ANSWERED, 1)
    assert ledger.events.names == ["phone.ringing", "phone.unknown", "phone.ringing", "phone.answered"]
    assert [data["call"] for data in ledger.events.data("phone.ringing")] == ["1", "2"]
    assert ledger.events.data("phone.unknown")[0]["rings"] == 2


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, None),
        ("", ""),
        ("1", "1"),
        ("12345", "1****"),
        ("63901234", "639***34"),
        ("13800138000", "138******00"),
        ("+8613800138000", "+86*********00"),
    ],
)
def test_a_callers_number_is_shown_with_its_middle_hidden(number: str | None, shown: str | None) -> None:
    assert mask(number) == shown


@given(st.text("0123456789+", min_size=2, max_size=40))
def test_no_masked_number_can_be_called(number: str) -> None:
    shown = mask(number)
    assert shown is not None
    assert len(shown) == len(number)
    assert shown.count("*") >= (len(number) - 1) / 3
    assert all(seen in (char, "*") for seen, char in zip(shown, number, strict=True))


# quiet hours

LUNCH = Phone(quiet=("12:00-13:30",))
OPEN = Calendar((((Span.parse("09:00-17:00")),),) * 5 + ((),) * 2)
DAY = "2026-11-20"  # a Friday


@pytest.mark.parametrize(
    ("rules", "opening", "at", "quiet"),
    [
        (LUNCH, Calendar(), "11:59:59", False),
        (LUNCH, Calendar(), "12:00:00", True),
        (LUNCH, Calendar(), "13:29:59", True),
        (LUNCH, Calendar(), "13:30:00", False),
        (Phone(), Calendar(), "03:00:00", False),
        (Phone(), OPEN, "08:59:59", True),
        (Phone(), OPEN, "09:00:00", False),
        (LUNCH, OPEN, "12:30:00", True),
        (Phone(), OPEN, "17:00:00", True),
    ],
)
def test_quiet_hours_are_those_of_the_setting_and_outside_the_calendars(
    ledger: Ledger, rules: Phone, opening: Calendar, at: str, quiet: bool
) -> None:
    """Counted and told, but no alert where nobody is there to answer (rule 13: A art. 37)."""
    ledger.clock.set(f"{DAY}T{at}+08:00")
    line = line_of("phone-1", "1", rules, opening)
    for count in range(1, 6):
        ledger.do(lambda change, count=count: phones.ring(change, line, count))  # type: ignore[misc]
    ledger.do(lambda change: phones.end(change, line, CallEnded(Answer.MISSED, 5, 24.0)))
    alerts = [] if quiet else ["alert.raised", "alert.cleared"]
    assert ledger.events.names == ["phone.ringing", *alerts[:1], "phone.missed", *alerts[1:]]
    assert [ledger.events.data(name)[0]["quiet"] for name in ("phone.ringing", "phone.missed")] == [quiet, quiet]
    assert ledger.events.data("phone.missed")[0]["rings"] == 5


def test_a_call_is_quiet_or_not_from_its_first_ring_on(ledger: Ledger) -> None:
    line = line_of("phone-1", "1", LUNCH, Calendar())
    for at, quiet in (("11:59:58", False), ("13:29:58", True)):
        ledger.clock.set(f"{DAY}T{at}+08:00")
        for count in range(1, 5):
            ledger.do(lambda change, count=count: phones.ring(change, line, count))  # type: ignore[misc]
            ledger.clock.advance(5)
        ledger.restart()
        ledger.do(lambda change: phones.end_interrupted(change, line))
        assert ledger.events.data("phone.unknown")[-1]["quiet"] is quiet
    assert ledger.events.names.count("alert.raised") == 1


def test_quiet_calls_are_no_calls_that_nobody_answered(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "kioskd.db", reactions=(figures.count,)) as ledger:
        for at in ("10:00", "12:30"):
            ledger.clock.set(f"{DAY}T{at}:00+08:00")
            line = line_of("phone-1", "1", LUNCH, Calendar())
            ledger.do(lambda change, line=line: phones.end(change, line, CallEnded(Answer.ANSWERED, 2, 7.0)))  # type: ignore[misc]
            ledger.do(lambda change, line=line: phones.end(change, line, CallEnded(Answer.MISSED, 6, 30.0)))  # type: ignore[misc]
        found = ledger.do(read_open)
        assert found is not None
        told = found.phones
        assert (told.answered_in_time, told.missed, told.quiet, told.in_time) == (1, 1, 2, 0.5)

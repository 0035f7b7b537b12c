"""The rules of the telephone, on real transactions: rings counted, the alert after the third, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import phones
from daemon.phones import mask
from drivers.phone.capability import Answer, CallEnded
from tests.store_rig import Ledger, open_ledger

ALLOWED = 3


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def ring(ledger: Ledger, *counts: int, phone: str = "phone-1") -> None:
    for count in counts:
        ledger.do(lambda change, count=count: phones.ring(change, phone, "1", count, ALLOWED))  # type: ignore[misc]


def end(ledger: Ledger, answer: Answer, rings: int, phone: str = "phone-1", evidence: str = "") -> None:
    ended = CallEnded(answer, rings, ringing_s=rings * 4.96, evidence=evidence)
    ledger.do(lambda change: phones.end(change, phone, "1", ended, ALLOWED))


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
    }


def test_the_ring_after_the_third_raises_one_alert_which_the_answer_clears(ledger: Ledger) -> None:
    ring(ledger, 1, 2, 3)
    assert "alert.raised" not in ledger.events.names
    ring(ledger, 4, 5, 6)
    assert ledger.events.data("alert.raised") == [
        {"alert": "phone-unanswered", "about": "phone-1", "detail": "ring 4, 3 are allowed"}
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
    assert ledger.events.data(name) == [common | more]
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
        ledger.do(lambda change: phones.end_interrupted(change, "phone-1", "1"))
    unknown = ledger.events.data("phone.unknown")
    assert [(data["call"], data["rings"], data["reason"]) for data in unknown] == [("1", 4, "interrupted")]
    assert ledger.events.names[-1] == "alert.cleared"
    ring(ledger, 1)
    assert ledger.events.data("phone.ringing")[-1]["call"] == "2"


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

"""Bad ratings are followed up until somebody says what was done, and nobody who was rated learns by whom (rule 14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import followups, ratings
from daemon.alerts.alerts import open_alerts
from daemon.commands import Refusal
from daemon.followups import close_followup
from daemon.refused import Refused
from daemon.store.retention import forget_old
from tests.store_rig import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


def rate(ledger: Ledger, level: int, counter: str = "1", ticket: str | None = None) -> None:
    ledger.do(lambda change: ratings.open_session(change, counter, ticket))
    assert ledger.do(lambda change: ratings.submit(change, counter, "panel-1", level, session=None))


def close(ledger: Ledger, followup: str) -> None:
    ledger.do(lambda change: close_followup(change, followup, "已电话回访，补办完成", "0312"))


def open_about(ledger: Ledger) -> list[str]:
    return [alert.about for alert in ledger.do(open_alerts).alerts if alert.alert == "bad-rating"]


@pytest.mark.parametrize("level", [1, 2])
def test_both_lowest_levels_are_followed_up_at_once(ledger: Ledger, level: int) -> None:
    rate(ledger, level)
    assert ledger.events.names == ["rating.opened", "followup.opened", "alert.raised", "rating.submitted"]
    assert ledger.events.data("followup.opened") == [{"followup": "1", "counter": "1", "level": level}]
    assert ledger.events.data("alert.raised") == [
        {
            "alert": "bad-rating",
            "about": "1",
            "detail": f"level {level} at counter 1",
            "figures": {"level": level, "counter": "1"},
        }
    ]
    assert ledger.events.data("rating.submitted")[0]["followup"] == "1"


@pytest.mark.parametrize("level", [3, 4, 5])
def test_a_better_rating_needs_none(ledger: Ledger, level: int) -> None:
    rate(ledger, level)
    assert ledger.events.names == ["rating.opened", "rating.submitted"]
    assert ledger.events.data("rating.submitted")[0]["followup"] is None


def test_a_bad_press_that_is_nobodys_rating_is_not_followed_up(ledger: Ledger) -> None:
    rate(ledger, 4)
    for _ in range(2):
        ledger.do(lambda change: ratings.submit(change, "1", "panel-1", 1, session="1"))
    assert ledger.events.names[2:] == ["rating.repeated", "rating.repeated"]


def test_a_follow_up_is_open_until_somebody_says_what_was_done(ledger: Ledger) -> None:
    rate(ledger, 1)
    rate(ledger, 2, counter="2")
    ledger.restart()
    assert sorted(open_about(ledger)) == ["1", "2"]
    ledger.clock.advance(3600)
    close(ledger, "1")
    assert ledger.events.data("followup.closed") == [
        {
            "followup": "1",
            "counter": "1",
            "level": 1,
            "result": "已电话回访，补办完成",
            "by": "0312",
            "open_s": 3600.0,
        }
    ]
    assert ledger.events.data("alert.cleared") == [{"alert": "bad-rating", "about": "1"}]
    assert open_about(ledger) == ["2"]


def test_closing_needs_an_open_follow_up(ledger: Ledger) -> None:
    rate(ledger, 1)
    close(ledger, "1")
    for followup, reason in (
        ("1", Refusal.FOLLOWUP_CLOSED),
        ("2", Refusal.UNKNOWN_FOLLOWUP),
        ("x", "unknown-followup"),
    ):
        with pytest.raises(Refused) as refused:
            close(ledger, followup)
        assert refused.value.reason == reason
    assert len(ledger.events.data("followup.closed")) == 1


def test_a_clock_that_is_set_back_makes_nothing_negative(ledger: Ledger) -> None:
    rate(ledger, 1)
    ledger.clock.set("1970-01-01T00:00:12+08:00")
    close(ledger, "1")
    assert ledger.events.data("followup.closed")[0]["open_s"] == 0.0


def test_a_clock_that_is_set_forward_makes_no_follow_up_years_old(ledger: Ledger) -> None:
    ledger.clock.set("1970-01-01T08:00:12+08:00")
    began = ledger.clock.now().timestamp()
    rate(ledger, 1)
    ledger.clock.set("2026-11-21T08:30:00+08:00")
    by_s = ledger.clock.now().timestamp() - began
    ledger.do(lambda change: followups.follow_clock(change, began, began + 1, by_s))
    ledger.clock.advance(60)
    close(ledger, "1")
    assert ledger.events.data("followup.closed")[0]["open_s"] == 60.0


def test_open_ones_are_kept_however_old_and_closed_ones_are_not(ledger: Ledger) -> None:
    rate(ledger, 1)
    rate(ledger, 1)
    close(ledger, "1")
    ledger.clock.advance(40 * 86_400)
    ledger.do(lambda change: forget_old(change, keep_days=30))
    assert ledger.rows("SELECT id FROM followup") == [(2,)]
    assert open_about(ledger) == ["2"]
    close(ledger, "2")


def test_far_too_many_drop_the_oldest_and_say_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followups, "OPEN_MAX", 3)
    for level in (1, 2, 1, 2, 1):
        rate(ledger, level)
    dropped = ledger.events.data("followup.dropped")
    assert dropped == [{"followup": "1", "counter": "1", "level": 1}, {"followup": "2", "counter": "1", "level": 2}]
    assert sorted(open_about(ledger)) == ["3", "4", "5"]

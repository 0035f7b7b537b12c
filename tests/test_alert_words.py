"""Why an alert was raised, for people: made of its figures, in both languages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import pytest

from daemon.alerts.words import in_words, read_figures, worded
from daemon.events import Alert, AlertRaised
from daemon.events.alert_figures import (
    AlertFigures,
    BadRating,
    DeviceTrouble,
    DueTime,
    IdleCounter,
    QueueLength,
    RingCount,
    Shortfall,
    Shortfalls,
    WaitLength,
)

DUE = datetime.fromisoformat("2026-11-21T08:40:00+08:00")

SAID: list[tuple[AlertFigures, str, str]] = [
    (QueueLength(waiting=11, waiting_max=10), "11 人在等，最多 10 人", "11 wait, 10 may"),
    (
        WaitLength(waited_s=700.4, forecast_s=None, wait_max_s=600),
        "已等 700 秒，最长 600 秒",
        "waits for 700 s, 600 s may be",
    ),
    (
        WaitLength(waited_s=60.0, forecast_s=601.0, wait_max_s=600),
        "现在取号预计要等 601 秒，最长 600 秒",
        "a new number would wait 601 s, 600 s may be",
    ),
    (DueTime(due_at=DUE), "应于 2026-11-21 08:40 前办结", "due at 2026-11-21T08:40+08:00"),
    (RingCount(rings=4, rings_max=3), "第 4 声铃，应在 3 声内接听", "ring 4, 3 are allowed"),
    (BadRating(level=1, counter="3"), "窗口 3 得 1 级评价", "level 1 at counter 3"),
    (
        IdleCounter(waiting=2, idle_s=601.0, unattended_s=600),
        "2 人在等，已有 601 秒无人办理，最长 600 秒",
        "2 wait, nothing was done for 601 s, 600 s may be",
    ),
    (DeviceTrouble(state="absent", reasons=("not-present",)), "absent、not-present", "absent, not-present"),
    (
        Shortfalls(items=(Shortfall(item="p", reasons=("paper-end",)), Shortfall(item="disk", reasons=("disk-low",)))),
        "p：paper-end；disk：disk-low",
        "p: paper-end; disk: disk-low",
    ),
]


@pytest.mark.parametrize(("figures", "zh", "en"), SAID)
def test_the_figures_in_words(figures: AlertFigures, zh: str, en: str) -> None:
    assert in_words(figures) == (zh, en)


def test_every_kind_of_figures_has_its_words_and_is_told_from_the_others_when_read() -> None:
    assert {type(figures) for figures, _, _ in SAID} == set(get_args(AlertFigures))
    for figures, _, _ in SAID:
        assert read_figures(figures.model_dump_json()) == figures


def test_an_event_and_a_list_of_alerts_are_told_in_the_language_asked_for() -> None:
    event = AlertRaised(
        alert=Alert.QUEUE_TOO_LONG, about="a", detail="11 wait, 10 may", figures=QueueLength(waiting=11, waiting_max=10)
    ).model_dump(mode="json")
    said = {"alert": "queue-too-long", "about": "a", "detail": "11 人在等，最多 10 人"}
    assert worded({"time": "t", "data": event}, "zh-CN") == {"time": "t", "data": said}
    assert worded({"open": 1, "alerts": [event]}, "zh-CN") == {"open": 1, "alerts": [said]}
    assert worded(event, "en")["detail"] == "11 wait, 10 may"


@pytest.mark.parametrize(
    "other",
    [
        None,
        "figures",
        {"alert": "queue-too-long", "detail": "x"},
        {"alert": "queue-too-long", "detail": "x", "figures": None},
        {"alert": "queue-too-long", "detail": "x", "figures": {"waiting": "many", "waiting_max": 10}},
        {"alert": "queue-too-long", "detail": "x", "figures": {"of": "a newer kioskd"}},
        {"figures": {"waiting": 11, "waiting_max": 10}},
    ],
)
def test_what_is_no_alert_stays_as_it_came(other: Any) -> None:
    assert worded(other, "zh-CN") == other

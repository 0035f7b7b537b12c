"""Why an alert was raised, in words made of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, assert_never

from pydantic import TypeAdapter, ValidationError

from daemon.events.alert_figures import (
    AlertFigures,
    BadRating,
    DeviceTrouble,
    DueTime,
    IdleCounter,
    QueueLength,
    RingCount,
    Shortfalls,
    WaitLength,
)
from daemon.texts import Language, Text


def in_words(figures: AlertFigures) -> Text:
    """`figures` for people. Codes stay what they are: they are looked up as such."""
    match figures:
        case QueueLength(waiting=waiting, waiting_max=most):
            return Text(f"{waiting} 人在等，最多 {most} 人", f"{waiting} wait, {most} may")
        case WaitLength():
            return _wait(figures)
        case DueTime(due_at=due):
            return Text(f"应于 {due:%Y-%m-%d %H:%M} 前办结", f"due at {due.isoformat(timespec='minutes')}")
        case RingCount(rings=rings, rings_max=most):
            return Text(f"第 {rings} 声铃，应在 {most} 声内接听", f"ring {rings}, {most} are allowed")
        case BadRating(level=level, counter=counter):
            return Text(f"窗口 {counter} 得 {level} 级评价", f"level {level} at counter {counter}")
        case IdleCounter(waiting=waiting, idle_s=idle_s, unattended_s=most_s):
            return Text(
                f"{waiting} 人在等，已有 {idle_s:.0f} 秒无人办理，最长 {most_s} 秒",
                f"{waiting} wait, nothing was done for {idle_s:.0f} s, {most_s} s may be",
            )
        case DeviceTrouble(state=state, reasons=reasons):
            return Text("、".join((state, *reasons)), ", ".join((state, *reasons)))
        case Shortfalls(items=items):
            zh = "；".join(f"{one.item}：{'、'.join(one.reasons)}" for one in items)
            return Text(zh, "; ".join(f"{one.item}: {', '.join(one.reasons)}" for one in items))
        case _:
            assert_never(figures)


def _wait(figures: WaitLength) -> Text:
    waited_s, coming_s, most_s = figures.waited_s or 0.0, figures.forecast_s or 0.0, figures.wait_max_s
    if waited_s >= coming_s:
        return Text(f"已等 {waited_s:.0f} 秒，最长 {most_s} 秒", f"waits for {waited_s:.0f} s, {most_s} s may be")
    return Text(
        f"现在取号预计要等 {coming_s:.0f} 秒，最长 {most_s} 秒",
        f"a new number would wait {coming_s:.0f} s, {most_s} s may be",
    )


@cache
def _adapter() -> TypeAdapter[AlertFigures]:
    return TypeAdapter(AlertFigures)


def read_figures(text: str) -> AlertFigures:
    """The figures in JSON that was stored with an alert."""
    return _adapter().validate_json(text)


def worded(value: Any, language: Language) -> Any:
    """A payload's `value` with every alert in it told in `language`: its `detail`, in place of its figures.

    Whatever else it may be, from whomever, stays as it is.
    """
    if isinstance(value, list):
        return [worded(one, language) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = {name: worded(one, language) for name, one in value.items()}
    if "alert" not in found or "figures" not in found:
        return found
    try:
        figures = _adapter().validate_python(value["figures"])
    except ValidationError:
        return found
    del found["figures"]
    return found | {"detail": in_words(figures).to(language)}

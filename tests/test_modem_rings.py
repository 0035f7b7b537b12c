"""Calls from ring reports: counts are exact, and no outcome is claimed without its evidence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.phone.capability import Answer, CallEnded, Caller, PhoneEvent, Ring
from drivers.phone.rings import CallTracker, RingTiming

TIMING = RingTiming()


@dataclass(frozen=True)
class PlannedCall:
    """A call as the exchange makes it, and as a modem reports it."""

    cycles_s: list[float]
    """From each ring's start to the next; the last is the silence that follows."""
    reports_s: list[list[float]]
    """When after its start each ring is reported."""
    lifted_after_s: float | None
    """When after the last ring's first report the receiver is lifted."""


@st.composite
def calls(draw: st.DrawFn) -> PlannedCall:
    rings = draw(st.integers(1, 12))
    reports = st.lists(st.floats(0, 1.5), min_size=1, max_size=4).map(sorted)
    return PlannedCall(
        draw(st.lists(st.floats(4.0, 5.5), min_size=rings, max_size=rings)),
        draw(st.lists(reports, min_size=rings, max_size=rings)),
        draw(st.none() | st.floats(0, 3)),
    )


def play(tracker: CallTracker, call: PlannedCall, began_s: float) -> tuple[list[PhoneEvent], float]:
    """Report `call` to `tracker`; gives what it made of it, and the time at which all is over."""
    happenings: list[tuple[float, str]] = []
    for cycle_s, reports_s in zip(call.cycles_s, call.reports_s, strict=True):
        happenings += [(began_s + after_s, "ring") for after_s in reports_s]
        began_s += cycle_s
    if call.lifted_after_s is not None:
        lifted_s = began_s - call.cycles_s[-1] + call.reports_s[-1][0] + call.lifted_after_s
        # what was reported of the last ring after the receiver was lifted falls away, but for the settling time
        happenings = [(when_s, what) for when_s, what in happenings if when_s <= lifted_s + TIMING.settle_s / 2]
        happenings.append((lifted_s, "lifted"))
    events: list[PhoneEvent] = []
    for when_s, what in sorted(happenings):
        deadline_s = tracker.deadline_s
        if deadline_s is not None and deadline_s <= when_s:
            events += tracker.expire(deadline_s)
        events += tracker.ring(when_s) if what == "ring" else tracker.lifted(when_s, "DLE H")
    over_s = max(when_s for when_s, _ in happenings) + TIMING.stopped_after_s
    events += tracker.expire(over_s)
    return events, over_s


@given(st.lists(calls(), min_size=1, max_size=4), st.booleans())
def test_every_ring_is_counted_once_in_every_call(planned: list[PlannedCall], hook_reported: bool) -> None:
    tracker = CallTracker(TIMING)
    tracker.hook_reported = hook_reported
    now_s = 100.0
    for call in planned:
        events, now_s = play(tracker, call, now_s)
        rings = [event.count for event in events if isinstance(event, Ring)]
        assert rings == list(range(1, len(call.cycles_s) + 1))
        (ended,) = [event for event in events if isinstance(event, CallEnded)]
        assert events[-1] is ended
        assert ended.rings == len(call.cycles_s)
        silent = Answer.MISSED if hook_reported else Answer.UNKNOWN
        assert ended.answer is (silent if call.lifted_after_s is None else Answer.ANSWERED)
        assert not tracker.ringing
        assert tracker.deadline_s is None


@given(st.lists(st.tuples(st.sampled_from(["ring", "lifted", "replaced", "caller", "lost", "hook"]), st.floats(0, 20))))
def test_whatever_is_reported_makes_whole_calls(reports: list[tuple[str, float]]) -> None:
    """Rings count up from one; a call ends once; answered needs a lifted receiver, missed a line that reports it."""
    tracker = CallTracker(TIMING)
    now_s, events = 0.0, list[PhoneEvent]()
    for report, after_s in reports:
        now_s += after_s
        match report:
            case "ring":
                events += tracker.ring(now_s)
            case "lifted":
                events += tracker.lifted(now_s, "DLE H")
            case "replaced":
                events += tracker.replaced(now_s)
            case "caller":
                events += tracker.caller(Caller("110"), now_s)
            case "lost":
                events += tracker.lost("gone")
            case _:
                tracker.hook_reported = not tracker.hook_reported
    check_calls(events + tracker.lost("gone"), {report for report, _ in reports})


def check_calls(events: list[PhoneEvent], reported: set[str]) -> None:
    count = 0
    for event in events:
        match event:
            case Ring(number, _):
                count += 1
                assert number == count
            case Caller():
                assert count > 0
            case CallEnded(answer, rings, ringing_s, evidence):
                assert rings == count > 0
                assert ringing_s >= 0
                assert answer is not Answer.ANSWERED or ("lifted" in reported and evidence == "DLE H")
                assert answer is not Answer.MISSED or "hook" in reported
                assert answer is not Answer.UNKNOWN or evidence
                count = 0
    assert count == 0


def test_a_receiver_lifted_in_the_first_ring_before_it_is_reported() -> None:
    tracker = CallTracker(TIMING)
    tracker.hook_reported = True
    assert tracker.lifted(10.0, "DLE H") == []
    assert tracker.ring(10.2) == [Ring(1, 10.2)]
    assert tracker.expire(30.0) == [CallEnded(Answer.ANSWERED, 1, 0.0, "DLE H")]


def test_ringing_counts_from_the_start_of_a_measured_ring() -> None:
    tracker = CallTracker(TIMING)
    tracker.ring(11.0, lasted_s=1.0)
    tracker.lifted(13.0, "DLE H")
    assert tracker.expire(20.0) == [CallEnded(Answer.ANSWERED, 1, 3.0, "DLE H")]


def test_a_receiver_lifted_long_before_answers_nothing() -> None:
    tracker = CallTracker(TIMING)
    tracker.hook_reported = True
    tracker.lifted(10.0, "DLE H")
    tracker.ring(60.0)
    assert tracker.expire(70.0) == [CallEnded(Answer.MISSED, 1, 0.0, "")]


def test_a_receiver_put_back_while_it_rings_makes_the_end_unknown() -> None:
    tracker = CallTracker(TIMING)
    tracker.hook_reported = True
    tracker.ring(10.0)
    tracker.replaced(12.0)
    (ended,) = tracker.expire(20.0)
    assert isinstance(ended, CallEnded)
    assert ended.answer is Answer.UNKNOWN


def test_missed_needs_reports_from_the_first_ring_to_the_end() -> None:
    for before, after in ((False, True), (True, False)):
        tracker = CallTracker(TIMING)
        tracker.hook_reported = before
        tracker.ring(10.0)
        tracker.hook_reported = after
        (ended,) = tracker.expire(20.0)
        assert isinstance(ended, CallEnded)
        assert ended.answer is Answer.UNKNOWN


def test_a_caller_named_before_the_first_ring_is_told_after_it() -> None:
    tracker = CallTracker(TIMING)
    assert tracker.caller(Caller("110"), 10.0) == []
    assert tracker.ring(11.0) == [Ring(1, 11.0), Caller("110")]
    assert tracker.caller(Caller("110"), 16.0) == []


def test_a_caller_who_never_rang_is_not_taken_for_the_next() -> None:
    tracker = CallTracker(TIMING)
    tracker.caller(Caller("110"), 10.0)
    assert tracker.ring(60.0) == [Ring(1, 60.0)]


def test_lost_while_the_answer_settles_is_still_answered() -> None:
    tracker = CallTracker(TIMING)
    tracker.ring(10.0)
    tracker.lifted(12.0, "DLE H")
    assert tracker.lost("gone") == [CallEnded(Answer.ANSWERED, 1, 2.0, "DLE H")]
    assert tracker.lost("gone") == []


@pytest.mark.parametrize("timing", [(0.0, 7.5, 1.0), (8.0, 7.5, 1.0), (2.0, 7.5, -1.0)])
def test_timing_that_cannot_tell_rings_apart_is_refused(timing: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        RingTiming(*timing)

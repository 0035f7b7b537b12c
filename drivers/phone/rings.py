"""From single ring reports to calls: how often it rang, and what is known of how it ended. Pure: time is an argument.

A call begins with its first ring and ends in one of four ways:

* a lifted receiver was reported: `ANSWERED`. The end waits `settle_s`, because a modem that measures its rings
  reports the ring it was lifted in only after it;
* no further ring within `stopped_after_s`: `MISSED` if the line can be relied on to report a lifted receiver from
  the first ring on, else `UNKNOWN`. Ringing stops in the same way whoever ends it;
* the modem is no longer heard: `UNKNOWN`;
* what was reported contradicts itself: `UNKNOWN`.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.phone.capability import Answer, CallEnded, Caller, PhoneEvent, Ring


@dataclass(frozen=True, slots=True)
class RingTiming:
    """How rings on this line are told apart. The defaults are for China: one second on, four off.

    Source of the cadence: Huawei Voice Feature Guide EDOC1100067358, "Ringing". It also names 1:2 for toll calls
    and 0.4:0.2:0.4:4 within a Centrex: a cycle is never under 3 s, and the bursts of one ring begin within 0.6 s.
    """

    same_ring_s: float = 2.0
    """Everything reported within this time of a ring's first report is that ring: its burst, its second burst, the
    same burst said twice (``DLE R`` and ``RING``), its measured length."""
    stopped_after_s: float = 7.5
    """No ring for this long: ringing is over. One cycle and a half; Rockwell's S1 counter is cleared after 6 s."""
    settle_s: float = 1.0
    """How long after the receiver was lifted its ring may still be reported."""

    def __post_init__(self) -> None:
        if not 0 < self.same_ring_s < self.stopped_after_s:
            raise ValueError("same_ring_s must be positive, and shorter than ringing_stopped_s")
        if self.settle_s < 0:
            raise ValueError("settle_s must not be negative")


@dataclass(slots=True)
class _Call:
    """The call that rings now."""

    first_s: float
    last_s: float
    lasted_s: float
    watched: bool
    rings: int = 1
    caller_known: bool = False
    answered_s: float | None = None
    evidence: str = ""


class CallTracker:
    """Counts the rings of one line. Every method gives the events that follow from what it was told.

    Times are seconds of one monotonic clock and must not run backwards. `hook_reported`: whether the line can be
    relied on, from now on, to report a lifted receiver.
    """

    def __init__(self, timing: RingTiming) -> None:
        self._timing = timing
        self._call: _Call | None = None
        self._early_caller: tuple[Caller, float] | None = None
        self._lifted: tuple[float, str] | None = None
        self.hook_reported = False

    @property
    def ringing(self) -> bool:
        """Whether a call is being counted."""
        return self._call is not None

    @property
    def deadline_s(self) -> float | None:
        """When `expire` has something to say if nothing else happens."""
        if self._call is None:
            return None
        if self._call.answered_s is not None:
            return self._call.answered_s + self._timing.settle_s
        return self._call.last_s + self._timing.stopped_after_s

    def ring(self, now_s: float, lasted_s: float = 0.0) -> list[PhoneEvent]:
        """The line was reported to ring, or to have rung for `lasted_s` until just now."""
        events = self.expire(now_s)
        if self._call is None:
            return events + self._begin(now_s, lasted_s)
        if now_s - self._call.last_s >= self._timing.same_ring_s:
            self._call.last_s = now_s
            self._call.rings += 1
            events.append(Ring(self._call.rings, now_s))
        return events

    def _begin(self, now_s: float, lasted_s: float) -> list[PhoneEvent]:
        self._call = _Call(now_s, now_s, lasted_s, watched=self.hook_reported)
        events: list[PhoneEvent] = [Ring(1, now_s)]
        if self._early_caller is not None:
            caller, heard_s = self._early_caller
            self._early_caller = None
            if now_s - heard_s <= self._timing.stopped_after_s:
                events += self.caller(caller, now_s)
        if self._lifted is not None and now_s - self._lifted[0] <= self._timing.settle_s:
            self._call.answered_s, self._call.evidence = self._lifted
        return events

    def caller(self, caller: Caller, now_s: float) -> list[PhoneEvent]:
        """The exchange named the caller. Said once in a call; ahead of the first ring it waits for it."""
        events = self.expire(now_s)
        if self._call is None:
            self._early_caller = (caller, now_s)
        elif not self._call.caller_known:
            self._call.caller_known = True
            events.append(caller)
        return events

    def lifted(self, now_s: float, evidence: str) -> list[PhoneEvent]:
        """The receiver was reported lifted."""
        events = self.answered(now_s, evidence)
        self._lifted = (now_s, evidence)
        return events

    def answered(self, now_s: float, evidence: str) -> list[PhoneEvent]:
        """Something that proves an answer if a call is ringing, and means nothing otherwise."""
        events = self.expire(now_s)
        if self._call is not None and self._call.answered_s is None:
            self._call.answered_s = now_s
            self._call.evidence = evidence
        return events

    def replaced(self, now_s: float) -> list[PhoneEvent]:
        """The receiver was reported put back. In the middle of ringing that makes no sense: then nothing is known."""
        events = self.expire(now_s)
        self._lifted = None
        if self._call is not None and self._call.answered_s is None:
            self._call.watched = False
            self._call.evidence = "it stopped ringing; a receiver was reported put back while it rang"
        return events

    def expire(self, now_s: float) -> list[PhoneEvent]:
        """The call's end, if it is due."""
        deadline_s = self.deadline_s
        if self._call is None or deadline_s is None or now_s < deadline_s:
            return []
        if self._call.watched and self.hook_reported:
            return self._end(self._call, Answer.MISSED)
        self._call.evidence = self._call.evidence or "it stopped ringing; this line need not report a lifted receiver"
        return self._end(self._call, Answer.UNKNOWN)

    def lost(self, evidence: str) -> list[PhoneEvent]:
        """The line is no longer heard: what was counted so far is all there is."""
        self._lifted = None
        self._early_caller = None
        if self._call is None:
            return []
        if self._call.answered_s is None:
            self._call.evidence = evidence
        return self._end(self._call, Answer.UNKNOWN)

    def _end(self, call: _Call, otherwise: Answer) -> list[PhoneEvent]:
        self._call = None
        if call.answered_s is None:
            return [CallEnded(otherwise, call.rings, call.last_s - call.first_s, call.evidence)]
        ringing_s = max(0.0, call.answered_s - (call.first_s - call.lasted_s))
        return [CallEnded(Answer.ANSWERED, call.rings, ringing_s, call.evidence)]

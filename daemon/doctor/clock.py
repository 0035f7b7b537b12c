"""Whether the clock can be right: it is not earlier than something that has certainly happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from daemon.doctor.finding import Finding, about, found, well

RELEASED = datetime(2026, 11, 21, tzinfo=UTC)
"""No kioskd of this version was ever installed before."""

SLACK_S = 3600.0
"""A file may have been written just before somebody set the clock back a little."""

SYNCHRONISED = Path("/var/lib/systemd/timesync/clock")
"""Touched by systemd-timesyncd whenever it knows the time: systemd-timesyncd.service(8)."""

FORMAT = "%Y-%m-%d %H:%M"


def check_clock(now: datetime, witnesses: Iterable[Path]) -> Iterator[Finding]:
    """Whether `now` is before this version was made, or before one of the files `witnesses` was last written."""
    marks = [(RELEASED, "kioskd")]
    for path in (*witnesses, SYNCHRONISED):
        try:
            marks.append((datetime.fromtimestamp(path.stat().st_mtime, UTC), str(path)))
        except OSError:
            continue  # not there, or not ours to see
    mark, what = max(marks)
    subject = about("clock")
    if (mark - now).total_seconds() > SLACK_S:
        mend = ("timedatectl set-ntp true", "timedatectl set-time 'YYYY-MM-DD hh:mm:ss'", "hwclock --systohc")
        shown = mark.astimezone(now.tzinfo)
        yield found("clock-past", subject, *mend, now=f"{now:{FORMAT}}", mark=f"{shown:{FORMAT}}", what=what)
    else:
        yield well(subject, "clock", now=f"{now:{FORMAT} %Z}")

"""The figures as they are stored, read: the day that is open, and the days that are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Protocol

from daemon.figures.day import (
    DeviceFigures,
    Figures,
    PhoneFigures,
    PreviousFigures,
    PrintFigures,
    RatingFigures,
    TicketFigures,
    Times,
)
from daemon.figures.histogram import percentile_s

OPEN_DAY = "figures-day"
"""The key, in the store's own values, of the day that is open."""

LEVELS = ("5", "4", "3", "2", "1")
SATISFIED = LEVELS[:3]


class Rows(Protocol):
    """A database to read from."""

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...


class Tally:
    """All rows of the open day, by name and what they are about: the count and total of each part."""

    def __init__(self, rows: Iterable[tuple[str, str, str, int, float]]) -> None:
        self._found: dict[str, dict[str, dict[str, tuple[int, float]]]] = {}
        for name, about, part, count, total_s in rows:
            self._found.setdefault(name, {}).setdefault(about, {})[part] = (count, total_s)

    def about(self, name: str) -> list[str]:
        """What there is of `name`."""
        return sorted(self._found.get(name, {}))

    def counts(self, name: str, about: Iterable[str]) -> dict[str, int]:
        """The count of each part, over all of `about`."""
        found: dict[str, int] = {}
        for one in about:
            for part, (count, _) in self._found.get(name, {}).get(one, {}).items():
                found[part] = found.get(part, 0) + count
        return found

    def total_s(self, name: str, about: Iterable[str], part: str | None = None) -> float:
        """The seconds of one part, or of all."""
        kinds = (self._found.get(name, {}).get(one, {}) for one in about)
        return sum(total_s for parts in kinds for key, (_, total_s) in parts.items() if part in (None, key))


def read_open(rows: Rows) -> Figures | None:
    """The day that is open, so far; None before the first."""
    found = rows.rows("SELECT value FROM meta WHERE key = ?", OPEN_DAY)
    if not found:
        return None
    day = str(found[0][0])
    ((open_followups,),) = rows.rows("SELECT count(*) FROM followup WHERE closed_at IS NULL")
    ((parts,),) = rows.rows("SELECT count(*) FROM closed_day WHERE day = ?", day)
    tally = Tally(tuple(row) for row in rows.rows("SELECT name, about, part, count, total_s FROM figure"))
    services = tally.about("ticket")
    return Figures(
        day=date.fromisoformat(day),
        part=parts + 1,
        tickets=_tickets(tally, services),
        services={service: _tickets(tally, [service]) for service in services},
        ratings=_ratings(tally.counts("rating", [""]), tally.counts("followup", [""]), open_followups),
        phones=_phones(tally.counts("phone", [""])),
        prints=_prints(tally.counts("print", [""])),
        devices={device: _device(tally, device) for device in tally.about("device")},
    )


def read_previous(rows: Rows) -> PreviousFigures | None:
    """The last day that was closed."""
    found = rows.rows("SELECT figures FROM closed_day ORDER BY id DESC LIMIT 1")
    return PreviousFigures.model_validate_json(found[0][0]) if found else None


def read_days(rows: Rows, first: date | None, last: date | None) -> list[Figures]:
    """The days from `first` to `last`, both included, in their order; the day that is open comes last of its parts."""
    closed = [PreviousFigures.model_validate_json(text) for (text,) in rows.rows("SELECT figures FROM closed_day")]
    days: list[Figures] = [Figures(**figures.model_dump()) for figures in closed]
    open_day = read_open(rows)
    days += [open_day] if open_day is not None else []
    wanted = (day for day in days if (first or date.min) <= day.day <= (last or date.max))
    return sorted(wanted, key=lambda figures: (figures.day, figures.part))


def _tickets(tally: Tally, services: Iterable[str]) -> TicketFigures:
    services = list(services)
    counts = tally.counts("ticket", services)
    kinds = ("issued", "called", "finished", "skipped", "withdrawn")
    return TicketFigures(
        **{kind: counts.get(kind, 0) for kind in kinds},
        waited=_times(tally, "waited", services),
        served=_times(tally, "served", services),
    )


def _times(tally: Tally, name: str, services: Iterable[str]) -> Times:
    services = list(services)
    counts = {int(bucket): count for bucket, count in tally.counts(name, services).items()}
    number = sum(counts.values())
    mean_s = tally.total_s(name, services) / number if number else None
    return Times(
        count=number,
        mean_s=_tenths(mean_s),
        p50_s=_tenths(percentile_s(counts, 0.5)),
        p95_s=_tenths(percentile_s(counts, 0.95)),
    )


def _ratings(counts: Mapping[str, int], followups: Mapping[str, int], open_followups: int) -> RatingFigures:
    levels = {level: counts.get(level, 0) for level in LEVELS}
    rated, lapsed = sum(levels.values()), counts.get("lapsed", 0)
    return RatingFigures(
        levels=levels,
        lapsed=lapsed,
        repeated=counts.get("repeated", 0),
        unsolicited=counts.get("unsolicited", 0),
        participation=_ratio(rated, rated + lapsed),
        satisfaction=_ratio(sum(levels[level] for level in SATISFIED), rated),
        followups_opened=followups.get("opened", 0),
        followups_closed=followups.get("closed", 0),
        followups_open=open_followups,
    )


def _phones(counts: Mapping[str, int]) -> PhoneFigures:
    in_time, late, missed = (counts.get(key, 0) for key in ("in-time", "late", "missed"))
    return PhoneFigures(
        answered_in_time=in_time,
        answered_late=late,
        missed=missed,
        unknown=counts.get("unknown", 0),
        quiet=counts.get("quiet", 0),
        in_time=_ratio(in_time, in_time + late + missed),
    )


def _prints(counts: Mapping[str, int]) -> PrintFigures:
    return PrintFigures(**{kind: counts.get(kind, 0) for kind in PrintFigures.model_fields})


def _device(tally: Tally, device: str) -> DeviceFigures:
    states = ("ready", "degraded", "faulted", "absent", "unknown")
    seconds = {state: round(tally.total_s("device", [device], state)) for state in states}
    works = seconds["ready"] + seconds["degraded"]
    known = works + seconds["faulted"] + seconds["absent"]
    return DeviceFigures(**{f"{state}_s": seconds[state] for state in states}, available=_ratio(works, known))


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)

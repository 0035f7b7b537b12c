"""The calendar file: a hall's opening hours, holidays and make-up days, as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError

from daemon.calendar import Calendar, Span, Spans
from daemon.model import Model
from daemon.settings.faults import Unfit
from daemon.settings.wording import EXPECTED

MAX_BYTES = 64_000

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class _File(Model):
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()
    hours: Mapping[Weekday, tuple[str, ...]]
    make_up: Annotated[Mapping[date, Weekday], Field(max_length=1000)] = {}


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """A calendar, and the file that it is from."""

    path: Path
    calendar: Calendar


def read_calendar(value: object) -> CalendarFile:
    """The calendar in the file at the path `value`; raises Unfit."""
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise Unfit(EXPECTED["absolute"])
    path = Path(value)
    try:
        return CalendarFile(path, parse_calendar(_text(path)))
    except OSError as error:
        raise _unfit(path, error.strerror or "cannot be read") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise _unfit(path, f"{key}: {first['msg']}") from None
    except ValueError as error:  # what is no TOML, no UTF-8, no time of day
        raise _unfit(path, str(error)) from None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    return data.decode()


def _unfit(path: Path, detail: str) -> Unfit:
    return Unfit(EXPECTED["calendar"].fill(path=path, detail=detail))


def parse_calendar(text: str) -> Calendar:
    """The calendar that `text` describes; raises ValueError."""
    file = _File.model_validate(tomllib.loads(text))
    week = tuple(_spans(file.hours.get(weekday, ())) for weekday in WEEKDAYS)
    if not any(week):
        raise ValueError("no day has opening hours")
    make_up = tuple((day, WEEKDAYS.index(weekday)) for day, weekday in file.make_up.items())
    return Calendar(week, frozenset(file.holidays), make_up)


def _spans(texts: Iterable[str]) -> Spans:
    spans = tuple(Span.parse(text) for text in texts)
    if any(later.start_s < earlier.end_s for earlier, later in pairwise(spans)):
        raise ValueError(f"hours overlap or are out of order: {', '.join(texts)}")
    return spans

"""The kinds of values that keys have, each refused in words of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from daemon.calendar import Span
from daemon.hall.opening_hours import OpeningHours
from daemon.model import Name
from daemon.settings.faults import ONE_LINE_PATTERN, Unfit
from daemon.settings.rules import as_names
from daemon.settings.wording import EXPECTED


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise Unfit(EXPECTED["absolute"])
    return path


def _topic_root(root: str) -> str:
    levels = root.replace("{hall}", "h").replace("{kiosk}", "k").split("/")
    plain = all(level and level.isprintable() and not set(level) & set("+#{}") for level in levels)
    if not plain or root.startswith("$"):
        raise Unfit(EXPECTED["root"])
    return root


def _call_text(text: str) -> str:
    rest = text.replace("{number}", "").replace("{counter}", "")
    if "{number}" not in text or set(rest) & set("{}"):
        raise Unfit(EXPECTED["call"])
    return text


def _quiet(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for text in texts:
            Span.parse(text)
    except ValueError:
        raise Unfit(EXPECTED["quiet"]) from None
    return texts


def _listed(value: object) -> object:
    return as_names(value) if isinstance(value, str) else value


def _hours(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        OpeningHours.parse(texts)
    except ValueError:
        raise Unfit(EXPECTED["opening"]) from None
    return texts


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
TopicRoot = Annotated[str, StringConstraints(max_length=200), AfterValidator(_topic_root)]
Line = Annotated[str, StringConstraints(max_length=100, pattern=ONE_LINE_PATTERN)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=ONE_LINE_PATTERN)]
Spoken = Annotated[str, StringConstraints(max_length=40, pattern=ONE_LINE_PATTERN)]
CallText = Annotated[str, StringConstraints(max_length=40, pattern=ONE_LINE_PATTERN), AfterValidator(_call_text)]
Hours = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(max_length=8), AfterValidator(_hours)]
QuietHours = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(max_length=8), AfterValidator(_quiet)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]

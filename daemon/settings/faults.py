"""What is wrong with a configuration: each fault with the key it stands at, never with a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from daemon.model import NAME_PATTERN
from daemon.settings.wording import EXPECTED
from daemon.texts import Text

Loc = tuple[str | int, ...]
"""A key as the path of tables to it: ``("devices", "printer-1", "link")``."""


ONE_LINE_PATTERN = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$"
"""What `daemon.slips.escape` refuses to print: pydantic's own regular expressions know Unicode's categories."""

PREFIX_PATTERN = r"^[A-Z]{0,3}$"
TIME_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
LIMIT_PATTERN = r"^[1-9][0-9]{0,2} (min|h|days?)$"
HOST_PATTERN = r"^[^\s/@:]+$|^[0-9A-Fa-f:.]+$"
_PATTERNS = {
    NAME_PATTERN: EXPECTED["name"],
    ONE_LINE_PATTERN: EXPECTED["one-line"],
    PREFIX_PATTERN: EXPECTED["letters"],
    HOST_PATTERN: EXPECTED["host"],
    LIMIT_PATTERN: EXPECTED["limit"],
    TIME_PATTERN: EXPECTED["time"],
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: at which key, what was expected there, and the nearest thing that would have been right."""

    loc: Loc
    expected: Text
    nearest: str | None = None


class InvalidSettings(Exception):
    """Every fault of a configuration at once. No ValueError: pydantic passes it through as it is."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} errors")
        self.faults = tuple(faults)


class Unfit(ValueError):
    """Raised by a validator of the settings: what was expected, in both languages."""

    def __init__(self, expected: Text) -> None:
        super().__init__(expected.en)
        self.expected = expected


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` may have been meant to be."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def raise_faults(title: str, faults: Sequence[Fault]) -> NoReturn:
    """Raise `faults` inside a pydantic validator: each becomes an error of its own below the validated key."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError(
                "fault", "see the context", {"expected": fault.expected, "nearest": fault.nearest}
            ),
            loc=fault.loc,
            input=None,
        )
        for fault in faults
    ]
    raise ValidationError.from_exception_data(title, lines, hide_input=True)


Siblings = Callable[[Loc], Sequence[str]]
"""The known keys of the table that a key stands in."""


def no_siblings(_loc: Loc) -> Sequence[str]:
    """For what has no keys that could be mistaken."""
    return ()


def faults_of(error: ValidationError, siblings: Siblings = no_siblings) -> list[Fault]:
    """`error` in the words of this project, with the nearest of an unknown key's `siblings`."""
    return [_fault(item, siblings) for item in error.errors(include_url=False, include_input=False)]


def _fault(item: ErrorDetails, siblings: Siblings) -> Fault:
    loc = tuple(part for part in item["loc"] if part != "[key]")
    context: dict[str, Any] = item.get("ctx", {})
    if item["type"] == "fault":
        return Fault(loc, context["expected"], context["nearest"])
    if item["type"] == "extra_forbidden":
        return Fault(loc, EXPECTED["unknown-key"], nearest(str(loc[-1]), siblings(loc)))
    return Fault(loc, _expected(item, context))


def _expected(item: ErrorDetails, context: dict[str, Any]) -> Text:
    kind = item["type"]
    if kind == "value_error":
        cause = context["error"]
        return cause.expected if isinstance(cause, Unfit) else EXPECTED["said"].fill(detail=cause)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], EXPECTED["said"].fill(detail=item["msg"]))
    if "expected" in context:
        context = {**context, "expected": context["expected"].replace(" or ", ", ")}  # a list in any language
    known = EXPECTED.get(kind)
    return known.fill(**context) if known else EXPECTED["said"].fill(detail=item["msg"])

"""A command that cannot be done, said by whatever rule finds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from daemon.commands import Refusal

T = TypeVar("T")


class Refused(Exception):
    """Raised inside a change: everything the change did is undone, and the reason goes into the reply, with `data`."""

    def __init__(self, reason: Refusal, detail: str = "", data: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.data = dict(data or {})


def expect_one_of(things: Mapping[str, T], what: str, name: str, reason: Refusal) -> T:
    """The one of `things` that is called `name`; raises Refused with `reason`, which says what there is."""
    found = things.get(name)
    if found is None:
        raise Refused(reason, f"no {what} {name!r}; there are: {', '.join(things) or 'none'}")
    return found

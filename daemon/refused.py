"""A command that cannot be done, said by whatever rule finds out."""

from __future__ import annotations

from daemon.commands import Refusal


class Refused(Exception):
    """Raised inside a change: everything the change did is undone, and the reason goes into the reply."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail

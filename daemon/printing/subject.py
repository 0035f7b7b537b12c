"""What a print job is about: the slip of a ticket, which its number stands or falls with, or any other slip."""

from __future__ import annotations

from typing import NamedTuple


class Subject(NamedTuple):
    """A ticket's own slip has a `ticket` alone.

    Any other slip is known by `slip`, the id of the command that first asked for it, and may be about a ticket.
    """

    ticket: str | None = None
    slip: str | None = None

    @property
    def own_ticket(self) -> str | None:
        """The ticket whose number somebody holds only if this slip is out."""
        return self.ticket if self.slip is None else None

    def __str__(self) -> str:
        return f"slip {self.slip}" if self.slip is not None else f"ticket {self.ticket}"

    def named(self) -> dict[str, str]:
        """The same in the data of a reply."""
        ticket = {} if self.ticket is None else {"ticket": self.ticket, "number": self.ticket.partition("-")[2]}
        return ticket if self.slip is None else {**ticket, "slip": self.slip}

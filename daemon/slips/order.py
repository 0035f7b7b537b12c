"""A slip that is to be printed, as it is kept until it is out: which template, in which language, with what in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from daemon.model import Model
from daemon.settings import Settings
from daemon.settings.faults import faults_of
from daemon.settings.load import dotted
from daemon.slips.faults import SlipError, sentence
from daemon.texts import SlipLanguage
from daemon.tickets import Ticket as TakenTicket

if TYPE_CHECKING:
    from daemon.slips.book import SlipBook
    from drivers.printer.page import Page

TICKET = "ticket"


class SlipOrder(Model):
    """One slip. It is laid out when it is printed, for the printer that prints it."""

    template: str
    language: SlipLanguage
    data: Mapping[str, Any]

    def as_reprint(self) -> SlipOrder:
        """The same, marked as printed again (补打)."""
        return self.model_copy(update={"data": {**self.data, "reprint": True}})

    def lay_out(self, book: SlipBook, columns: int) -> Page:
        """The slip on paper of so many columns. Raises SlipError. Takes milliseconds, and more when it is the first."""
        from daemon.slips.models import SLIPS  # noqa: PLC0415 - see `daemon.slips.book`

        try:
            slip = SLIPS[self.template].model_validate(self.data)
        except ValidationError as error:
            fault = faults_of(error)[0]
            raise SlipError(sentence("field", field=dotted(fault.loc), expected=fault.expected.en)) from None
        return book.lay_out_anyhow(self.template, self.language, slip, columns)


def order_ticket(
    settings: Settings, ticket: TakenTicket, ahead: int, issued_at: datetime, due_at: datetime | None = None
) -> SlipOrder:
    """The slip of `ticket`, by the hall's words (A art. 9, 10, 40; G 二.2, 二.3)."""
    service = settings.services[ticket.service]
    windows = (counter.name for counter in settings.counters.values() if ticket.service in counter.services)
    data = {
        "hall": settings.ticket.hall_name,
        "complaint_phone": settings.ticket.complaint_phone,
        "notice": settings.ticket.notice,
        "number": ticket.number,
        "service": service.name,
        "windows": list(windows),
        "ahead": ahead,
        "issued_at": issued_at.isoformat(),
        "promise": service.promise,
        "due_at": due_at.isoformat() if due_at else None,
    }
    return SlipOrder(template=TICKET, language=settings.ticket.language or settings.language, data=data)

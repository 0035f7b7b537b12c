"""A slip that is to be printed, as it is kept until it is out: which template, in which language, with what in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from daemon.model import Model, Priority
from daemon.settings import Settings
from daemon.settings.faults import faults_of
from daemon.settings.load import dotted
from daemon.slips.faults import SlipError, sentence
from daemon.texts import SlipLanguage
from daemon.tickets import Ticket as TakenTicket

if TYPE_CHECKING:
    from daemon.slips.book import SlipBook
    from daemon.slips.models import Slip
    from drivers.printer.page import Page

TICKET = "ticket"
TICKET_LARGE = "ticket-large"
REFERRAL = "referral"

PRIORITY_WORDS: Mapping[Priority, Mapping[SlipLanguage, str]] = {
    Priority.EMERGENCY: {"zh-CN": "急诊优先", "zh-TW": "急診優先", "en": "Emergency"},
    Priority.DISABLED: {"zh-CN": "残疾人优先", "zh-TW": "身心障礙優先", "en": "Disabled visitor"},
    Priority.ELDERLY: {"zh-CN": "老年人优先", "zh-TW": "長者優先", "en": "Elderly visitor"},
    Priority.APPOINTMENT: {"zh-CN": "预约", "zh-TW": "預約", "en": "Appointment"},
}
"""What a ticket says of its priority; an ordinary one says nothing."""


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
    settings: Settings,
    ticket: TakenTicket,
    ahead: int,
    issued_at: datetime,
    due_at: datetime | None = None,
    template: str = TICKET,
) -> SlipOrder:
    """The slip of `ticket`, by the hall's words (A art. 9, 10, 40; G 二.2, 二.3)."""
    service = settings.services[ticket.service]
    windows = (counter.name for counter in settings.counters.values() if ticket.service in counter.services)
    language = settings.ticket.language or settings.language
    data = {
        **_hall(settings),
        "number": ticket.number,
        "priority": PRIORITY_WORDS[ticket.priority][language] if ticket.priority in PRIORITY_WORDS else "",
        "service": service.name,
        "windows": list(windows),
        "ahead": ahead,
        "issued_at": issued_at.isoformat(),
        "promise": service.promise,
        "due_at": due_at.isoformat() if due_at else None,
    }
    return SlipOrder(template=template, language=language, data=data)


def order_referral(
    settings: Settings,
    number: str,
    from_counter: str,
    to_service: str,
    to_counter: str | None,
    reason: str,
    issued_at: datetime,
) -> SlipOrder:
    """The slip that says where to go instead, and with which number (首问负责: A art. 12; G 六.1)."""
    data = {
        **_hall(settings),
        "number": number,
        "from_window": settings.counters[from_counter].name,
        "service": settings.services[to_service].name,
        "window": settings.counters[to_counter].name if to_counter else "",
        "reason": reason,
        "issued_at": issued_at.isoformat(),
    }
    return SlipOrder(template=REFERRAL, language=settings.ticket.language or settings.language, data=data)


def order_slip(settings: Settings, template: str, language: SlipLanguage | None, slip: Slip) -> SlipOrder:
    """A slip with data from elsewhere. The hall's own lines stand where it has none."""
    data = {**_hall(settings), **slip.model_dump(mode="json", exclude_unset=True)}
    return SlipOrder(template=template, language=language or settings.ticket.language or settings.language, data=data)


def _hall(settings: Settings) -> dict[str, str]:
    ticket = settings.ticket
    return {"hall": ticket.hall_name, "complaint_phone": ticket.complaint_phone, "notice": ticket.notice}

"""What a ticket says, and how it stands on paper."""

from __future__ import annotations

from datetime import datetime

from daemon.model import Model
from daemon.settings import Settings
from daemon.texts import Language, word
from daemon.tickets import Ticket
from drivers.printer.page import Align, Cut, Element, Page, Rule, Text


class TicketSlip(Model):
    """The words of a ticket, kept with its print job until it is out."""

    language: Language
    hall: str
    service: str
    number: str
    ahead: int
    issued_at: datetime
    complaint_phone: str
    notice: str


def ticket_slip(settings: Settings, ticket: Ticket, ahead: int, issued_at: datetime) -> TicketSlip:
    """The slip of `ticket`, by the hall's words (A art. 9, 40; G 二.2, 二.3)."""
    return TicketSlip(
        language=settings.language,
        hall=settings.ticket.hall_name,
        service=settings.services[ticket.service].name,
        number=ticket.number,
        ahead=ahead,
        issued_at=issued_at,
        complaint_phone=settings.ticket.complaint_phone,
        notice=settings.ticket.notice,
    )


def lay_out(slip: TicketSlip) -> Page:
    """The slip as a page."""

    def say(key: str, **values: object) -> Text:
        return Text(word(key, slip.language, **values))

    elements: list[Element] = [
        Text(slip.hall, Align.CENTRE, bold=True),
        Rule(),
        say("service", service=slip.service),
        say("number"),
        Text(slip.number, Align.CENTRE, width=4, height=4, bold=True),
        say("ahead", ahead=slip.ahead),
        say("time", time=slip.issued_at.strftime("%Y-%m-%d %H:%M")),
        say("wait"),
    ]
    if slip.complaint_phone:
        elements.append(say("complaint", telephone=slip.complaint_phone))
    if slip.notice:
        elements.append(Text(slip.notice))
    return Page((*elements, Cut()))

"""What each kind of slip says: its fields, which are all that a template of its name can use.

The rules behind them are the halls' window-service rules, cited by document and article: A (district administrative
service centre), B and C (hospitals), G (medical insurance).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from daemon.model import Model, Moment
from daemon.slips.escape import control_character
from daemon.slips.faults import sentence


def _harmless(text: str) -> str:
    code = control_character(text)
    if code is not None:
        from daemon.settings.faults import Unfit  # noqa: PLC0415 - `kioskd send` knows the slips, not the settings

        raise Unfit(sentence("data-control", code=code))
    return text


Words = Annotated[str, StringConstraints(max_length=200), AfterValidator(_harmless)]
"""A line of text. No control character is replaced: the slip is refused, and the field named."""

Named = Annotated[Words, Field(min_length=1)]
Money = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=3)]
CodeData = Annotated[str, StringConstraints(max_length=300), AfterValidator(_harmless)]


class Slip(Model):
    """What every slip may carry. `reprint`: another slip with the same number came out before (补打).

    `REPRINT_MARKED`: its template has to show that.
    """

    REPRINT_MARKED: ClassVar[bool] = True

    hall: Words = ""
    complaint_phone: Words = ""
    notice: Words = ""
    reprint: bool = False


class Ticket(Slip):
    """A number (排号单): service, window, people ahead, promise, complaint telephone (G 二.2, 二.3; A art. 9, 40).

    `due_at`: by when the service is promised (A art. 10). `priority`: why it is called before others (B 二.7).
    """

    number: Named
    service: Named
    windows: tuple[Named, ...] = ()
    priority: Words = ""
    ahead: Annotated[int, Field(ge=0)]
    issued_at: Moment
    promise: Words = ""
    due_at: Moment | None = None


class LargeTicket(Ticket):
    """The same in large print (G 二.4)."""


class Material(Model):
    """Something that is missing. `note` says what to mind: copies, seal, original."""

    name: Named
    note: Words = ""


class Supplement(Slip):
    """One-time full notice (一次性告知单): item, legal basis, what is missing, time limit (A art. 11; G 四.3, 六.2)."""

    number: Words = ""
    item: Named
    applicant: Words = ""
    legal_basis: Annotated[tuple[Named, ...], Field(max_length=20)] = ()
    missing: Annotated[tuple[Material, ...], Field(min_length=1, max_length=100)]
    limit: Words = ""
    window: Words = ""
    staff: Words = ""
    phone: Words = ""
    issued_at: Moment


class Referral(Slip):
    """Where to go instead, and with which number (首问负责: A art. 12; G 六.1)."""

    number: Words = ""
    from_window: Words = ""
    service: Named
    window: Words = ""
    place: Words = ""
    reason: Words = ""
    staff: Words = ""
    phone: Words = ""
    issued_at: Moment


class ReportPickup(Slip):
    """When and where the result of an examination can be had (取报告单: B 五.5, 三.8; C 五.8, 六.5)."""

    patient: Words = ""
    record: Words = ""
    examination: Named
    taken_at: Moment
    due_at: Moment
    place: Named
    hours: Words = ""
    code: CodeData = ""
    phone: Words = ""


class FeeItem(Model):
    name: Named
    unit: Words = ""
    quantity: Quantity
    price: Money
    amount: Money


class FeeList(Slip):
    """Itemised fees (费用清单: B 二.6; C 三.2, 四.6). A list that does not add up is refused."""

    patient: Words = ""
    record: Words = ""
    items: Annotated[tuple[FeeItem, ...], Field(min_length=1, max_length=500)]
    total: Money
    insurance: Money = Decimal(0)
    personal: Money
    issued_at: Moment

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        wrong = {}
        total = sum((item.amount for item in self.items), Decimal(0))
        if total != self.total:
            wrong["total"] = sentence("sum", sum=total)
        if self.insurance + self.personal != self.total:
            wrong["personal"] = sentence("shares")
        if wrong:
            from daemon.settings.faults import Fault, raise_faults  # noqa: PLC0415 - as above

            raise_faults("fees", [Fault((field,), expected) for field, expected in wrong.items()])
        return self


class DeviceReport(Model):
    name: Named
    kind: Named
    state: Literal["ready", "degraded", "faulted", "absent", "unknown"]
    reason: Words = ""


class Readiness(Slip):
    """What the check before opening found (三提前: A art. 26; B 一.1; C 一.1)."""

    REPRINT_MARKED = False

    kiosk: Named
    opens_at: Words = ""
    checked_at: Moment
    devices: Annotated[tuple[DeviceReport, ...], Field(min_length=1)]


class TestPage(Slip):
    """What shows a technician that a printer prints: its width, sizes, characters, rules and codes."""

    REPRINT_MARKED = False

    kiosk: Named
    printer: Named
    encoding: Named
    printed_at: Moment


SLIPS: Mapping[str, type[Slip]] = {
    "ticket": Ticket,
    "ticket-large": LargeTicket,
    "supplement": Supplement,
    "referral": Referral,
    "report-pickup": ReportPickup,
    "fee-list": FeeList,
    "readiness": Readiness,
    "test-page": TestPage,
}
"""Every kind of slip, by the name of its template."""

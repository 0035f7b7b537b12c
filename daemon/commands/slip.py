"""What is asked of printers besides tickets."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from daemon.commands.base import Command
from daemon.model import Identifier, Name
from daemon.slips.models import SLIPS, FeeList, Referral, ReportPickup, Slip, Supplement
from daemon.texts import SlipLanguage

SlipTemplate = Literal["supplement", "referral", "report-pickup", "fee-list"]

_EXAMPLE = {
    "item": "食品经营许可（新办）",
    "missing": [{"name": "营业执照复印件", "note": "1份，加盖公章"}],
    "issued_at": "2026-11-21T09:30:00+08:00",
}


class SlipPrint(Command):
    """Print a slip: what is missing (一次性告知单), where to go instead, where a report can be had, or a fee list.

    The lines of the hall that `data` leaves out (`hall`, `complaint_phone`, `notice`) are those of the configuration.
    """

    MAX_BYTES: ClassVar[int] = 204_800
    """A fee list of 500 lines has half of it in UTF-8. The shipped broker's own limit is not much higher."""

    printer: Name
    template: SlipTemplate
    data: Supplement | Referral | ReportPickup | FeeList = Field(
        description="what `template` of the same name asks for", examples=[_EXAMPLE]
    )
    language: SlipLanguage | None = Field(default=None, description="by default that of tickets")
    ticket: Identifier | None = Field(default=None, description="the ticket that it is about")

    @field_validator("data", mode="wrap")
    @classmethod
    def _of_template(cls, data: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Slip:
        """By the one model that is meant: errors name its fields, and not those of the others."""
        template = info.data.get("template")  # none: that is an error already
        return SLIPS[template].model_validate(data) if template is not None else Slip()


class SlipReprint(Command):
    """Print such a slip again, marked 补打."""

    slip: Identifier = Field(description="the id of the command that printed it first")
    printer: Name | None = Field(default=None, description="by default the one that it was printed by")

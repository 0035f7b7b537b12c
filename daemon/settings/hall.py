"""The rules of a hall: its services and counters, and how numbers, ratings, telephones and alerts are dealt with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from daemon.model import Model, Name
from daemon.settings.faults import LIMIT_PATTERN, PREFIX_PATTERN, TIME_PATTERN, Fault, raise_faults
from daemon.settings.values import CallText, Hours, Line, Names, QuietHours, Spoken, Title
from daemon.settings.wording import EXPECTED
from daemon.texts import SlipLanguage

QueueMode = Literal["own", "external"]
"""Who keeps the numbers: this daemon, or another system, which says what to print and what was called."""

OnFailure = Literal["reprint", "withdraw"]
"""What becomes of a number whose slip came out in part: printed once more and marked, or taken back."""


PATIENCE_MAX_S = 3600
"""Nobody waits longer for a slip to come out."""


class Ticket(Model):
    """What stands on every ticket, and what becomes of a number whose ticket does not come out."""

    hall_name: Line = ""
    complaint_phone: Line = ""
    notice: Line = ""
    language: SlipLanguage | None = None
    deadline_s: Annotated[int, Field(ge=5, le=PATIENCE_MAX_S)] = 60
    on_failure: OnFailure = "reprint"


class Rating(Model):
    """When a visitor may rate."""

    timeout_s: Annotated[float, Field(ge=1, le=600)] = 15.0
    bounce_s: Annotated[float, Field(ge=0, le=5)] = 0.3
    after_finish: bool = True


class Phone(Model):
    """How a telephone is to be answered."""

    rings: Annotated[int, Field(ge=1, le=20)] = 3
    quiet: QuietHours = ()
    mask_caller: bool = True


class Call(Model):
    """How a number is called, on boards and by those with a voice. None: in the words of the language.

    `welcome` and `farewell` are spoken only: before each call, and when the service is finished.
    """

    text: CallText | None = None
    welcome: Spoken = ""
    farewell: Spoken = ""


class Queue(Model):
    """Who keeps the queue, whom it calls when, and how long it may become; without a limit there is no alert."""

    mode: QueueMode = "own"
    passed_over_max: Annotated[int, Field(ge=0, le=100)] = 3
    back_after: Annotated[int, Field(ge=1, le=100)] = 3
    back_times: Annotated[int, Field(ge=0, le=10)] = 0
    undo_s: Annotated[int, Field(ge=0, le=3600)] = 60
    waiting_max: Annotated[int, Field(ge=1, le=1000)] | None = None
    wait_max_s: Annotated[int, Field(ge=60, le=86_400)] | None = None
    unattended_s: Annotated[int, Field(ge=60, le=86_400)] | None = None


class Alerts(Model):
    """When a device's trouble is worth an alert."""

    device_s: Annotated[int, Field(ge=1, le=86_400)] = 60


class Readiness(Model):
    """When everything is tried before opening, and where the report is printed."""

    before_s: Annotated[int, Field(ge=60, le=14_400)] = 900
    at: Annotated[str, StringConstraints(pattern=TIME_PATTERN)] | None = None
    print_on: Name | None = None


class Service(Model):
    """A queue: what people take numbers for."""

    name: Title
    printer: Name
    promise: Line = ""
    limit: Annotated[str, StringConstraints(pattern=LIMIT_PATTERN)] | None = None
    prefix: Annotated[str, StringConstraints(pattern=PREFIX_PATTERN)] = ""
    first: Annotated[int, Field(ge=0, le=99_999)] = 1
    last: Annotated[int, Field(ge=1, le=99_999)] = 999
    hours: Hours = ()
    daily_max: Annotated[int, Field(ge=1, le=99_999)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.last < self.first:
            raise_faults("service", [Fault(("last",), EXPECTED["range"])])
        return self


class Counter(Model):
    """A window (窗口), what is served there, and the devices that stand there."""

    name: Title
    services: Names
    display: Name | None = None
    panel: Name | None = None
    phone: Name | None = None

"""Everything that can be configured, as ``kioskd.toml`` lays it out. Durations end in ``_s``: seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PlainValidator,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.broker import PORT, ProtocolSetting
from daemon.calendar import Calendar, Span
from daemon.model import Model, Name
from daemon.opening_hours import OpeningHours
from daemon.settings.calendar_file import CalendarFile, read_calendar
from daemon.settings.device import Device, read_device
from daemon.settings.faults import (
    HOST_PATTERN,
    LIMIT_PATTERN,
    ONE_LINE_PATTERN,
    PREFIX_PATTERN,
    TIME_PATTERN,
    Fault,
    InvalidSettings,
    Loc,
    Unfit,
    faults_of,
    raise_faults,
)
from daemon.settings.rules import as_names, faults_between
from daemon.settings.wording import EXPECTED
from daemon.texts import Language, SlipLanguage


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise Unfit(EXPECTED["absolute"])
    return path


def _topic_root(root: str) -> str:
    levels = root.replace("{hall}", "h").replace("{kiosk}", "k").split("/")
    plain = all(level and level.isprintable() and not set(level) & set("+#{}") for level in levels)
    if not plain or root.startswith("$"):
        raise Unfit(EXPECTED["root"])
    return root


def _call_text(text: str) -> str:
    rest = text.replace("{number}", "").replace("{counter}", "")
    if "{number}" not in text or set(rest) & set("{}"):
        raise Unfit(EXPECTED["call"])
    return text


def _quiet(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for text in texts:
            Span.parse(text)
    except ValueError:
        raise Unfit(EXPECTED["quiet"]) from None
    return texts


def _listed(value: object) -> object:
    return as_names(value) if isinstance(value, str) else value


def _hours(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        OpeningHours.parse(texts)
    except ValueError:
        raise Unfit(EXPECTED["opening"]) from None
    return texts


QueueMode = Literal["own", "external"]
"""Who keeps the numbers: this daemon, or another system, which says what to print and what was called."""

OnFailure = Literal["reprint", "withdraw"]
"""What becomes of a number whose slip came out in part: printed once more and marked, or taken back."""

AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
TopicRoot = Annotated[str, StringConstraints(max_length=200), AfterValidator(_topic_root)]
Line = Annotated[str, StringConstraints(max_length=100, pattern=ONE_LINE_PATTERN)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=ONE_LINE_PATTERN)]
CallText = Annotated[str, StringConstraints(max_length=40, pattern=ONE_LINE_PATTERN), AfterValidator(_call_text)]
Hours = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(max_length=8), AfterValidator(_hours)]
QuietHours = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(max_length=8), AfterValidator(_quiet)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]


class Mqtt(Model):
    """The broker. The password comes from a file, a systemd credential or the environment, never from the TOML file."""

    host: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=HOST_PATTERN)] = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = PORT
    protocol: ProtocolSetting = "auto"
    username: Line | None = None
    password: SecretStr | None = None
    password_file: AbsolutePath | None = None
    tls: bool = False
    ca_file: AbsolutePath | None = None
    cert_file: AbsolutePath | None = None
    key_file: AbsolutePath | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    will_delay_s: Annotated[int, Field(ge=0, le=3600)] = 15

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = []
        if self.password is not None and self.username is None:
            faults.append(Fault(("username",), EXPECTED["username"]))
        if (self.cert_file is None) != (self.key_file is None):
            faults.append(Fault(("key_file" if self.key_file is None else "cert_file",), EXPECTED["pair"]))
        if not self.tls:
            given = [key for key in ("ca_file", "cert_file", "key_file") if getattr(self, key) is not None]
            faults.extend(Fault((key,), EXPECTED["tls-off"]) for key in given)
        if faults:
            raise_faults("mqtt", faults)
        return self


class Storage(Model):
    """The database file, and how much of the past it keeps."""

    path: AbsolutePath = Path("/var/lib/kioskd/kioskd.db")
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 7
    max_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 512


class Ticket(Model):
    """What stands on every ticket, and what becomes of a number whose ticket does not come out."""

    hall_name: Line = ""
    complaint_phone: Line = ""
    notice: Line = ""
    language: SlipLanguage | None = None
    deadline_s: Annotated[int, Field(ge=5, le=3600)] = 60
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
    """How a number is called, on boards and by those with a voice. None: in the words of the language."""

    text: CallText | None = None


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


class Settings(BaseSettings):
    """A whole configuration. Made from layers of raw tables, the one that counts most first; see `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, case_sensitive=True)

    hall: Name
    kiosk: Name
    profile: str | None = None
    language: Language = "zh-CN"
    root: TopicRoot = "kioskd/{hall}/{kiosk}"
    calendar: Annotated[CalendarFile, PlainValidator(read_calendar)] | None = None
    mqtt: Mqtt = Mqtt()
    store: Storage = Storage()
    ticket: Ticket = Ticket()
    call: Call = Call()
    queue: Queue = Queue()
    alerts: Alerts = Alerts()
    readiness: Readiness = Readiness()
    rating: Rating = Rating()
    phone: Phone = Phone()
    services: Mapping[Name, Service] = {}
    counters: Mapping[Name, Counter] = {}
    devices: Mapping[Name, Annotated[Device, PlainValidator(read_device)]] = {}

    def __init__(self, *layers: Mapping[str, Any]) -> None:
        """Raises InvalidSettings with every fault there is."""
        super().__init__(layers=layers)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **_found_by_itself: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers, and nothing that pydantic-settings would find by itself."""
        layers = init_settings()["layers"]
        return tuple(InitSettingsSource(settings_cls, dict(layer)) for layer in layers)

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        faults = faults_between(data)
        try:
            settings = handler(data)
        except ValidationError as error:
            raise InvalidSettings([*faults_of(error, _siblings), *faults]) from None
        if faults:
            raise InvalidSettings(faults)
        return settings

    @property
    def working_time(self) -> Calendar:
        """When limits run: in the calendar's opening hours, or always."""
        return Calendar() if self.calendar is None else self.calendar.calendar

    @property
    def topic_root(self) -> str:
        """Every topic of this kiosk begins with it."""
        return self.root.replace("{hall}", self.hall).replace("{kiosk}", self.kiosk)


PASSWORD: Loc = ("mqtt", "password")
"""The one secret. It never stands in the file."""

_TABLES_OF: Mapping[str, type[BaseModel]] = {"services": Service, "counters": Counter}


def _siblings(loc: Loc) -> Sequence[str]:
    """The keys that the file may have in the table that `loc` stands in."""
    match loc[:-1]:
        case ():
            return list(Settings.model_fields)
        case (str(table),):
            kind = Settings.model_fields[table].annotation
            fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
            return [key for key in fields if (table, key) != PASSWORD]
        case (str(table), _):
            return list(_TABLES_OF[table].model_fields)
        case _:
            return ()

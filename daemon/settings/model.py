"""Everything that can be configured, as ``kioskd.toml`` lays it out. Durations end in ``_s``: seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, PlainValidator, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.calendar import Calendar
from daemon.model import Name
from daemon.settings.calendar_file import CalendarFile, read_calendar
from daemon.settings.connections import Mqtt, Storage
from daemon.settings.device import Device, read_device
from daemon.settings.faults import InvalidSettings, Loc, faults_of
from daemon.settings.hall import Alerts, Call, Counter, Phone, Queue, Rating, Readiness, Service, Ticket
from daemon.settings.rules import faults_between
from daemon.settings.values import TopicRoot
from daemon.texts import Language


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

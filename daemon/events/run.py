"""kioskd itself: its runs, its configuration, its clock and its store."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from daemon.events.base import Event


class DaemonStarted(Event):
    """kioskd runs. `clean`: whether the run before this one ended in order."""

    boot: str
    version: str
    clean: bool


class DaemonStopping(Event):
    """kioskd was told to stop."""

    boot: str


class ConfigurationReloaded(Event):
    """A new configuration is in force, but for the keys that need a restart."""

    boot: str
    changed: tuple[str, ...]
    after_restart: tuple[str, ...]


class ConfigurationRejected(Event):
    """A new configuration has errors; the old one stays in force."""

    boot: str
    errors: tuple[str, ...]


class ClockJumped(Event):
    """The time of day was set. Order is by sequence, never by time."""

    before: AwareDatetime = Field(description="the time by the clock before")
    after: AwareDatetime
    by_s: float
    exact: bool = Field(description="false: that was while the machine was off, and `before` is the last time known")


class StoreReplaced(Event):
    """The database was damaged: put aside, and a new one begun. The epoch in the ids is a new one from here on."""

    kept_as: str
    reason: str


class EventsErased(Event):
    """What could identify a person was blanked, on request: whoever has copies of these events should do the same."""

    about: str = Field(
        description="which ticket, slip or call; an item, which may be personal itself, is not named",
        examples=["ticket 20261121-A012"],
    )
    events: int = Field(description="how many events had something to blank; each keeps its id and place")
    rows: int = Field(description="slips and other records that were deleted or blanked")
    copies: int = Field(
        default=0, description="databases put aside as damaged that were deleted: nobody can tell what they hold"
    )


class EventsDropped(Event):
    """The store was full: these events were never sent and are gone."""

    first_sequence: int
    last_sequence: int
    count: int

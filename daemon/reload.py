"""What differs between two configurations, and what ends when another one is in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from daemon import tickets
from daemon.commands import Reply
from daemon.printing.jobs import abandon
from daemon.ratings import close_unattended
from daemon.settings import Settings
from daemon.store.database import Transaction
from drivers.catalog import Kind

DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Changes:
    """Every top-level key whose value differs, but for the devices; and every device that does: new, gone or other."""

    keys: frozenset[str]
    devices: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that differs, for people and for the event: ``mqtt``, ``devices.printer-1``."""
        return (*sorted(self.keys), *(f"{DEVICES}.{name}" for name in sorted(self.devices)))


def changes(old: Settings, new: Settings) -> Changes:
    """What makes `new` differ from `old`. A device whose driver, link and options are equal does not."""
    names = old.devices.keys() | new.devices.keys()
    devices = (name for name in names if old.devices.get(name) != new.devices.get(name))
    keys = (key for key in Settings.model_fields if key != DEVICES and getattr(old, key) != getattr(new, key))
    return Changes(keys=frozenset(keys), devices=frozenset(devices))


def stale_boards(before: Settings, now: Settings, started: Collection[str]) -> list[str]:
    """The counters whose boards do not show what they should: a new board, or a counter that is another one now, or
    one of those that shared the board is gone.

    A board that merely goes on being served keeps what it shows, which may be a text of somebody else's.
    """
    left = {counter.display for name, counter in before.counters.items() if name not in now.counters}
    return [
        name
        for name, counter in now.counters.items()
        if counter.display is not None
        and (
            counter.display in started
            or counter.display in left
            or counter != before.counters.get(name)
            or before.language != now.language
        )
    ]


def end_what_is_gone(transaction: Transaction, settings: Settings) -> list[Reply]:
    """`settings` are in force: end what waits for counters, panels and printers that are not in them. Final replies."""
    printers = {name for name, device in settings.devices.items() if device.kind is Kind.PRINTER}
    serving = {name: frozenset(counter.services) for name, counter in settings.counters.items()}
    rated = {name for name, counter in settings.counters.items() if counter.panel is not None}
    close_unattended(transaction, rated)
    tickets.leave_counters(transaction, serving)
    return abandon(transaction, printers)

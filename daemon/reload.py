"""What differs between two configurations: what a reload has to touch, and what it must leave alone."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings import Settings

DEVICES = "devices"
BROKER_KEYS = frozenset({"hall", "kiosk", "root", "mqtt"})
"""Keys that decide where the kiosk's messages go: the broker session is made anew when one of them changes."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The devices by what became of them, and every other top-level key whose value differs."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]
    untouched: frozenset[str]
    keys: frozenset[str]

    @property
    def broker(self) -> bool:
        """Whether the broker session has to be made anew."""
        return bool(self.keys & BROKER_KEYS)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that differs, for people and for the event: ``mqtt``, ``devices.printer-1``."""
        devices = self.added | self.removed | self.changed
        return (*sorted(self.keys), *(f"{DEVICES}.{name}" for name in sorted(devices)))


def changes(old: Settings, new: Settings) -> Changes:
    """What makes `new` differ from `old`. A device whose driver, link and options are equal is untouched."""
    both = old.devices.keys() & new.devices.keys()
    changed = frozenset(name for name in both if old.devices[name] != new.devices[name])
    keys = (key for key in Settings.model_fields if key != DEVICES and getattr(old, key) != getattr(new, key))
    return Changes(
        added=frozenset(new.devices.keys() - old.devices.keys()),
        removed=frozenset(old.devices.keys() - new.devices.keys()),
        changed=changed,
        untouched=frozenset(both - changed),
        keys=frozenset(keys),
    )

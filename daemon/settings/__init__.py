"""The configuration: ``kioskd.toml``, the environment over it, secrets from files, and every error at once."""

from daemon.settings.connections import Mqtt, Storage
from daemon.settings.device import Device
from daemon.settings.hall import Counter, Phone, Queue, Rating, Service, Ticket
from daemon.settings.load import (
    DEFAULT_PATH,
    Configuration,
    ConfigurationError,
    Problem,
    load_configuration,
    load_settings,
)
from daemon.settings.model import Settings

__all__ = [
    "DEFAULT_PATH",
    "Configuration",
    "ConfigurationError",
    "Counter",
    "Device",
    "Mqtt",
    "Phone",
    "Problem",
    "Queue",
    "Rating",
    "Service",
    "Settings",
    "Storage",
    "Ticket",
    "load_configuration",
    "load_settings",
]

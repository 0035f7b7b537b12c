"""The configuration: ``kioskd.toml``, the environment over it, secrets from files, and every error at once."""

from daemon.settings.device import Device
from daemon.settings.load import (
    DEFAULT_PATH,
    Configuration,
    ConfigurationError,
    Problem,
    load_configuration,
    load_settings,
)
from daemon.settings.model import Counter, Mqtt, Phone, Queue, Rating, Service, Settings, Storage, Ticket

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

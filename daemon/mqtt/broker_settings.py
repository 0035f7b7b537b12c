"""The broker that a configuration names."""

from __future__ import annotations

from daemon.mqtt.broker import Broker
from daemon.settings import Settings


def broker_of(settings: Settings) -> Broker:
    """The broker of `settings`, as the session wants it."""
    mqtt = settings.mqtt
    return Broker(
        host=mqtt.host,
        port=mqtt.port,
        root=settings.topic_root,
        client_id=f"kioskd-{settings.hall}-{settings.kiosk}",
        protocol=mqtt.protocol,
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        tls=mqtt.tls,
        ca_file=mqtt.ca_file,
        cert_file=mqtt.cert_file,
        key_file=mqtt.key_file,
        keepalive_s=mqtt.keepalive_s,
        will_delay_s=mqtt.will_delay_s,
    )

"""The bench's own MQTT broker: mosquitto where it is installed, else amqtt."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.bench.processes import python_module

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where distributions put mosquitto, and an ordinary user's PATH does not look."""

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 10000
persistence true
persistence_location {folder}/
log_dest stderr
log_type error
log_type warning
# Otherwise mosquitto changes from root to another user, and the kernel forgets that it is to end with the bench.
user {user}
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """How to run a broker. `speaks_mqtt_5` is what amqtt does not."""

    name: str
    port: int
    command: Sequence[str]
    speaks_mqtt_5: bool


def choose_broker(folder: Path) -> Broker:
    """A broker on a free port of this machine, with its files in `folder`."""
    port = free_port()
    mosquitto = find_mosquitto()
    if mosquitto is None:
        command = python_module("simulators.bench.amqtt_broker", str(port))
        return Broker("amqtt", port, command, speaks_mqtt_5=False)
    configuration = folder / "mosquitto.conf"
    user = pwd.getpwuid(os.geteuid()).pw_name
    configuration.write_text(CONFIGURATION.format(port=port, folder=folder, user=user), encoding="utf-8")
    return Broker("mosquitto", port, (mosquitto, "-c", str(configuration)), speaks_mqtt_5=True)


def find_mosquitto() -> str | None:
    """The path of mosquitto, None where it is not installed."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    return shutil.which("mosquitto", path=folders)


def free_port() -> int:
    """A port that nobody listened on a moment ago. If somebody takes it first, the broker says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port

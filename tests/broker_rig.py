"""The shipped mosquitto configuration as a running broker, with certificates made by the commands of docs/broker.md."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from daemon.mqtt.broker import Broker
from tests.conftest import Mosquitto, free_port, mosquitto_path

PROJECT = Path(__file__).parent.parent
SHIPPED = PROJECT / "config/mosquitto"
ROOT = "kioskd/demo/k1"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAYS = re.compile(r"-days \d+")


def commands(word: str) -> str:
    """The block of docs/broker.md that makes the file `word`."""
    (found,) = [block for block in BLOCK.findall((PROJECT / "docs/broker.md").read_text()) if f"-out {word}" in block]
    return str(found)


def run(script: str, directory: Path) -> None:
    """Run a block of the page as a person would."""
    done = subprocess.run(["sh", "-euc", script], cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def make_authority(directory: Path) -> None:
    """``ca.pem`` and ``ca.key`` in `directory`."""
    run(commands("ca.pem"), directory)


def make_broker_certificate(directory: Path, *, days: int = 30, address: str = "127.0.0.1") -> None:
    """``broker.pem`` and its key, for `address` in place of the page's; expired from the start where `days` is 0."""
    script = commands("broker.pem").replace("10.1.2.3", address)
    run(DAYS.sub(f"-days {days}", script), directory)


def make_kiosk_certificate(directory: Path, *, name: str = "k1", days: int = 30) -> None:
    """``NAME.pem`` and ``NAME.key``."""
    script = re.sub(r"\bk1\b", name, commands("k1.pem"))
    run(DAYS.sub(f"-days {days}", script), directory)


class ShippedBroker(Mosquitto):
    """mosquitto with kioskd.conf and kioskd.acl: only paths and ports are of the test. `port` is the TLS listener's."""

    def __init__(self, directory: Path, *, certificates: bool = False) -> None:
        super().__init__(directory)
        self.plain_port = free_port()
        self.directory = directory
        certs = directory / "certs"
        certs.mkdir()
        self.certs = certs
        self.acl = directory / "kioskd.acl"
        self.acl.write_text((SHIPPED / "kioskd.acl").read_text())
        self.passwords = directory / "kioskd.passwd"
        self.passwords.touch()
        for name in ("k1", "k2", "hall-system", "supervision", "staff", "technician"):
            self.set_password(name, f"pw-{name}")
        self.protect()
        make_authority(certs)
        make_broker_certificate(certs)
        text = (SHIPPED / "kioskd.conf").read_text().replace("/etc/mosquitto", str(directory))
        text = text.replace("listener 1883 localhost", f"listener {self.plain_port} 127.0.0.1")
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        if certificates:
            text = re.sub(r"^#(require_certificate|use_identity_as_username)", r"\1", text, flags=re.MULTILINE)
        self.text = text

    def protect(self) -> None:
        """Newer mosquittos want their lists unreadable to others."""
        self.acl.chmod(0o600)
        self.passwords.chmod(0o600)

    def set_password(self, name: str, password: str) -> None:
        subprocess.run(["mosquitto_passwd", "-b", str(self.passwords), name, password], check=True, timeout=10)

    def start(self) -> None:
        file = self.directory / "mosquitto.conf"
        file.write_text(f"user root\npersistence_location {self.directory}/\n{self.text}", encoding="utf-8")
        path = mosquitto_path()
        assert path is not None
        with (self.directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([path, "-c", str(file)], stderr=log, stdout=log)
        self._wait_until_open()

    def reload(self) -> None:
        """``systemctl reload mosquitto``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def log(self) -> str:
        return (self.directory / "mosquitto.log").read_text(encoding="utf-8", errors="replace")

    def as_client(self, name: str = "k1", **changes: Any) -> Broker:
        """How the client `name` reaches the TLS listener with its password."""
        given: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "root": ROOT,
            "client_id": f"test-{name}",
            "username": name,
            "password": f"pw-{name}",
            "tls": True,
            "ca_file": self.certs / "ca.pem",
            "session_expiry_s": 0,
        }
        return Broker(**(given | changes))

    def with_certificate(self, name: str = "k1", **changes: Any) -> Broker:
        """How the client `name` reaches the TLS listener with its certificate."""
        files = {"cert_file": self.certs / f"{name}.pem", "key_file": self.certs / f"{name}.key"}
        return self.as_client(name, **({"username": None, "password": None} | files | changes))


async def started(broker: ShippedBroker) -> ShippedBroker:
    """Start without holding up the event loop."""
    await asyncio.to_thread(broker.start)
    return broker

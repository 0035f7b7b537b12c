"""What kioskd itself stands on: the broker and the database file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from daemon.model import Model
from daemon.mqtt.broker import PORT, ProtocolSetting
from daemon.settings.faults import HOST_PATTERN, Fault, raise_faults
from daemon.settings.values import AbsolutePath, Line
from daemon.settings.wording import EXPECTED


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

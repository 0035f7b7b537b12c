"""Which broker a command line means: given by hand, or taken from the daemon's own configuration."""

from __future__ import annotations

import argparse
import dataclasses
import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from daemon.mqtt.broker import PORT, TLS_PORT, Broker, ProtocolSetting

ROOT = "kioskd/demo/k1"


class UsageError(Exception):
    """The command line makes no sense; the message says what would."""


def add_broker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `broker_of` reads."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="take broker, root and password from a kioskd.toml")
    parser.add_argument(
        "--broker",
        metavar="URL",
        help="mqtt://[user@]host[:port] or mqtts://…; mqtt://127.0.0.1 unless --config is given",
    )
    parser.add_argument("--root", metavar="TOPIC", help=f"the kiosk's root topic; {ROOT} unless --config is given")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="file whose first line is the password")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="authority that signed the broker's certificate")
    parser.add_argument("--protocol", choices=("auto", "5", "3.1.1"), default="auto", help="MQTT version")


def broker_of(arguments: argparse.Namespace, name: str) -> Broker:
    """The broker that the arguments mean, with a client id of our own; raises UsageError.

    `name` says in the broker's log what this client is. It has no session: it is gone when it is gone.
    """
    client_id = f"kioskd-{name}-{secrets.token_hex(4)}"
    if arguments.config is not None:
        return _configured(arguments, client_id)
    host, port, tls, username = _split(arguments.broker or "mqtt://127.0.0.1")
    protocol: ProtocolSetting = arguments.protocol
    return Broker(
        host=host,
        port=port,
        root=(arguments.root or ROOT).strip("/"),
        client_id=client_id,
        protocol=protocol,
        username=username,
        password=_password(arguments.password_file),
        tls=tls,
        ca_file=arguments.ca_file,
        session_expiry_s=0,
    )


def _configured(arguments: argparse.Namespace, client_id: str) -> Broker:
    # What the daemon itself uses: its passwords too, so whoever may read those may send.
    given = [name for name in ("broker", "root", "password_file", "ca_file") if getattr(arguments, name) is not None]
    if given:
        raise UsageError(f"--config says what --{given[0].replace('_', '-')} would say: give one of them")
    # Only now: reading settings takes 0.2 s.
    from daemon.mqtt.broker_settings import broker_of as configured  # noqa: PLC0415
    from daemon.settings import ConfigurationError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings(arguments.config, os.environ)
    except ConfigurationError as error:
        raise UsageError(f"--config: {error}") from error
    return dataclasses.replace(configured(settings), client_id=client_id, session_expiry_s=0)


def _split(url: str) -> tuple[str, int, bool, str | None]:
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    try:
        port = parts.port
    except ValueError as error:
        raise UsageError(f"--broker {url}: {error}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise UsageError(f"--broker {url}: expected mqtt://[user@]host[:port] or mqtts://…")
    if parts.password is not None:
        raise UsageError(
            "--broker: a password does not belong on a command line, where everybody sees it; use --password-file"
        )
    tls = parts.scheme == "mqtts"
    return parts.hostname, port or (TLS_PORT if tls else PORT), tls, unquote(parts.username) if parts.username else None


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--password-file: {error}") from error
    if not lines:
        raise UsageError(f"--password-file: {file} is empty")
    return lines[0]

"""Why there is no connection to the broker: name, port, TLS, certificates, password, access list, in this order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.doctor.finding import Finding, Level, about, found, well
from daemon.doctor.machine import Machine, group_name
from daemon.mqtt.broker import Broker, Outgoing
from daemon.mqtt.connection import Connection
from daemon.mqtt.end import Cause, ConnectionEnded
from daemon.mqtt.tls import refused_certificate, tls_context, tls_words
from daemon.mqtt.version import Version

CONNECT_S = 5.0
ALERT_S = 0.5
"""How long a broker may take to say that it does not accept our certificate: after the handshake, in TLS 1.3."""

SOON = timedelta(days=30)

LOCAL = ("localhost", "127.0.0.1", "::1")
RELOAD_BROKER = "systemctl reload mosquitto"

PROBE = "reply/doctor"
"""Published empty and not retained, to see whether publishing is allowed: whoever listens there waits for a reply to
a command of his own, and lets any other pass."""

BAD_CREDENTIALS = (0x86, 0x87)
"""CONNACK of MQTT 5 section 3.2.2.2: bad user name or password, not authorized. The library gives those of 3.1.1 the
same numbers."""

EXPIRED, NOT_YET, NAME, ADDRESS = 10, 9, 62, 64
"""X509_V_ERR_… of OpenSSL's x509_vfy.h: CERT_HAS_EXPIRED, CERT_NOT_YET_VALID, HOSTNAME_MISMATCH,
IP_ADDRESS_MISMATCH."""


def as_doctor(broker: Broker) -> Broker:
    """The same broker under a client id of our own: the daemon's would throw the daemon out."""
    return dataclasses.replace(broker, client_id=f"kioskd-doctor-{secrets.token_hex(4)}", session_expiry_s=0)


async def check_broker(broker: Broker, machine: Machine, *, log_in: bool) -> tuple[list[Finding], Version | None]:
    """What stands between us and `broker`, and the version that it speaks if nothing does.

    Without `log_in`, for whoever may not read the password, only what is below MQTT is tried.
    """
    findings = list(_check_files(broker, machine))
    if any(finding.level is Level.FAULT for finding in findings):
        return findings, None
    unreachable = await asyncio.to_thread(_reach, broker)
    if unreachable:
        return [*findings, unreachable], None
    if not log_in:
        note = found("password-hidden", about("broker"), "sudo kioskd doctor", level=Level.NOTE)
        return [*findings, note], None
    finding, version = await _connect(broker)
    return [*findings, *finding], version


# files


def _check_files(broker: Broker, machine: Machine) -> Iterator[Finding]:
    subject = about("broker")
    for path in filter(None, (broker.ca_file, broker.cert_file, broker.key_file)):
        if path.exists() and machine.account and not machine.account.may(path, write=False):
            mend = (f"chgrp {group_name(machine.account.gid)} {path}", f"chmod g+r {path}")
            yield found("file-closed", subject, *mend, user=machine.account.name, path=path)
    if broker.tls:
        try:
            tls_context(broker)
        except OSError as error:
            yield found("tls-file", subject, detail=str(error))
            return
        yield from _check_age(broker.cert_file)


def _check_age(cert_file: Path | None) -> Iterator[Finding]:
    expires = expiry(cert_file) if cert_file else None
    left = expires - datetime.now(UTC) if expires else None
    if expires is None or left is None or left > SOON:
        return
    date = f"{expires.astimezone():%Y-%m-%d %H:%M}"
    if left < timedelta(0):
        yield found("own-certificate-expired", about("broker"), path=cert_file, date=date)
    else:
        yield found("own-certificate-soon", about("broker"), level=Level.NOTE, path=cert_file, date=date)


def expiry(cert_file: Path) -> datetime | None:
    """Until when a certificate is valid, as openssl says; None where there is no openssl."""
    command = ["openssl", "x509", "-noout", "-enddate", "-in", str(cert_file)]
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=CONNECT_S).stdout  # noqa: S603
        seconds = ssl.cert_time_to_seconds(said.strip().removeprefix("notAfter="))
        return datetime.fromtimestamp(seconds, UTC)
    return None


# the line


def _reach(broker: Broker) -> Finding | None:
    """What is wrong below MQTT. Blocks."""
    subject = about("broker")
    try:
        connection = socket.create_connection((broker.host, broker.port), CONNECT_S)
    except socket.gaierror as error:
        return found("name-unknown", subject, f"getent hosts {broker.host}", host=broker.host, detail=error.strerror)
    except ConnectionRefusedError:
        start = ("systemctl start mosquitto", "systemctl status mosquitto") if broker.host in LOCAL else ()
        return found("broker-down", subject, *start, host=broker.host, port=broker.port)
    except OSError as error:
        detail = error.strerror or str(error)
        return found(
            "broker-unreachable",
            subject,
            f"ping -c 3 {broker.host}",
            detail=detail,
            host=broker.host,
            port=broker.port,
        )
    with connection:
        return _shake_hands(connection, broker) if broker.tls else None


def _shake_hands(connection: socket.socket, broker: Broker) -> Finding | None:
    subject = about("broker")
    try:
        with tls_context(broker).wrap_socket(connection, server_hostname=broker.host) as secured:
            secured.settimeout(ALERT_S)
            with contextlib.suppress(TimeoutError):
                secured.recv(1)  # it waits for us to begin, or says what it thinks of our certificate
    except ssl.SSLCertVerificationError as error:
        return _not_trusted(error, broker)
    except OSError as error:
        alert = refused_certificate(str(error))
        if alert:
            return found("own-certificate", subject, detail=alert)
        return found("not-tls", subject, host=broker.host, port=broker.port, detail=tls_words(error))
    return None


def _not_trusted(error: ssl.SSLCertVerificationError, broker: Broker) -> Finding:
    subject, said = about("broker"), error.verify_message
    if error.verify_code == EXPIRED:
        return found("certificate-expired", subject, "date", RELOAD_BROKER)
    if error.verify_code == NOT_YET:
        return found("certificate-not-yet", subject, "date", "timedatectl set-ntp true")
    if error.verify_code in (NAME, ADDRESS):
        return found("certificate-name", subject, host=broker.host, detail=said)
    show = f"openssl s_client -connect {broker.host}:{broker.port} -showcerts </dev/null"
    return found("certificate-authority", subject, show, detail=said)


# MQTT


async def _connect(broker: Broker) -> tuple[list[Finding], Version | None]:
    versions = [Version(broker.protocol)] if broker.protocol != "auto" else [Version.V5, Version.V311]
    ended = ConnectionEnded("")
    for version in versions:
        try:
            return await _try_out(broker, version), version
        except ConnectionEnded as error:
            ended = error
            if error.cause not in (Cause.VERSION, Cause.NO_CONNACK):
                break
    return [_refused(broker, ended)], None


def _refused(broker: Broker, ended: ConnectionEnded) -> Finding:
    subject, user = about("broker"), broker.username or "–"
    if ended.code in BAD_CREDENTIALS:
        reset = (f"mosquitto_passwd /etc/mosquitto/kioskd.passwd {user}", RELOAD_BROKER)
        return found("wrong-password", subject, *reset, user=user, detail=str(ended))
    if ended.cause is Cause.NO_CONNACK and not broker.tls:
        return found("not-plain", subject, host=broker.host, port=broker.port)
    return found("broker-refuses", subject, "journalctl -u mosquitto -n 50", detail=str(ended))


async def _try_out(broker: Broker, version: Version) -> list[Finding]:
    connection = Connection(broker, version, will=None, deliver=lambda message: message.acknowledge())
    try:
        await connection.open(("command/#",))
        refusal = await _publish(connection, broker)
    finally:
        connection.close()
    subject = about("broker")
    if refusal is None:
        return [well(subject, "connected", host=broker.host, port=broker.port, version=version.value)]
    topic, user = broker.topic(PROBE), broker.username or "–"
    show = "grep -n pattern /etc/mosquitto/kioskd.acl"
    return [found("acl", subject, show, RELOAD_BROKER, topic=topic, user=user, detail=refusal)]


async def _publish(connection: Connection, broker: Broker) -> str | None:
    """Publish something that nobody minds; the broker's refusal, or None."""
    answers: list[str | None] = []
    settled: Callable[[str | None], None] = answers.append
    connection.send(Outgoing(broker.topic(PROBE), b"", settled=settled))
    try:
        async with asyncio.timeout(CONNECT_S):
            while not answers:
                await connection.wait()
                connection.work()
    except TimeoutError:
        return "no acknowledgement"
    return answers[0]

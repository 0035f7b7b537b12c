"""TLS to the broker: what is trusted, what is shown, and what went wrong, in words."""

from __future__ import annotations

import contextlib
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.mqtt.broker import Broker

if TYPE_CHECKING:
    from typing_extensions import Buffer


def tls_context(broker: Broker) -> ssl.SSLContext:
    """What `broker` says, with its files read anew: a renewed certificate is in force at the next attempt.

    Raises OSError that names the file at fault.
    """
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except OSError as error:
        raise _named(error, broker.ca_file, "no certificate of an authority") from error
    context.sslsocket_class = _TidySocket
    if broker.cert_file is not None:
        _load_own(context, broker.cert_file, broker.key_file)
    return context


def _load_own(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    for path in (cert_file, key_file):
        if path is not None:
            try:
                path.open("rb").close()  # OpenSSL does not say which of the two it could not read
            except OSError as error:
                raise _named(error, path, "") from error
    try:
        # An empty passphrase fails at once; without one OpenSSL would ask on the terminal.
        context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except ssl.SSLError as error:
        wrong = "the key does not belong to it" if error.reason == "KEY_VALUES_MISMATCH" else "no certificate and key"
        raise _named(error, cert_file, wrong) from error


def _named(error: OSError, path: Path | None, wrong: str) -> OSError:
    """`error` with the file's name in it, which ssl leaves out."""
    why = (wrong if isinstance(error, ssl.SSLError) else "") or error.strerror or str(error)
    return OSError(f"{path}: {why}")


def tls_words(error: OSError) -> str:
    """What `error` says about certificates, as a person would; its own words where it is about anything else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "the broker does not speak TLS on this port"
    alert = refused_certificate(str(error))
    return alert or str(error)


_ALERT = re.compile(r"alert (certificate \w+|bad certificate|unknown ca|unsupported certificate)")


def refused_certificate(said: str) -> str | None:
    """What a broker that broke off the handshake thinks of our certificate, if `said` by OpenSSL holds its alert.

    In TLS 1.3 the client has shaken hands by then, and the alert comes in place of the first answer.
    """
    alert = _ALERT.search(said)
    if alert is None:
        return None
    if alert[1] == "certificate required":
        return "the broker wants a certificate of ours (cert_file, key_file)"
    return f"the broker does not accept our certificate: {alert[1]}"


class _TidySocket(ssl.SSLSocket):
    """Closed when its handshake fails: paho leaves such a socket open. Tells why the other side closed it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def send(self, data: Buffer, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLEOFError, ConnectionError):
            with contextlib.suppress(ssl.SSLWantReadError, TimeoutError):
                self.recv(1)  # the alert with the reason came first, and lies there unread: this raises it
            raise

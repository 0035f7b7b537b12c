"""Link URLs: ``serial:///dev/serial/by-path/x?baud=9600``, ``tcp://10.0.0.9:9100``, ``usb://0416:5011?path=1-1.2``."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit


class LinkUrlError(ValueError):
    """The text is not a link URL; the message says what was expected."""


NAMING = ("usb",)
"""Schemes in which a device's name, vendor:product, stands where others have a host and a port."""


@dataclass(frozen=True, slots=True)
class LinkUrl:
    """A parsed link URL. `path` is absolute for links to a device node, `host`/`port` are set for network links.

    `host` is the whole name of the device for the schemes in `NAMING`.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int | None = None
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The URL as text; parse_link gives the same link back."""
        host = f"[{self.host}]" if ":" in self.host and self.scheme not in NAMING else self.host
        port = "" if self.port is None else f":{self.port}"
        query = f"?{urlencode(self.options, quote_via=quote, safe=_PLAIN)}" if self.options else ""
        return f"{self.scheme}://{host}{port}{quote(self.path, safe=_PLAIN)}{query}"


_PLAIN = "/:@,"
"""What needs no escape in a path or an option, beyond letters and digits: device links are full of it."""


def parse_link(text: str) -> LinkUrl:
    """Parse `text`; raises LinkUrlError with what was expected."""
    try:
        parts = urlsplit(text)
        host, port = (parts.netloc.lower(), None) if parts.scheme in NAMING else (parts.hostname or "", parts.port)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise LinkUrlError(f"{text!r}: {error}") from error
    if not parts.scheme or "://" not in text:
        raise LinkUrlError(f"{text!r}: expected scheme://…, for example serial:///dev/ttyUSB0?baud=9600")
    if parts.username or parts.password or parts.fragment:
        raise LinkUrlError(f"{text!r}: a link carries no user, password or fragment")
    if len(dict(options)) != len(options):
        raise LinkUrlError(f"{text!r}: an option is given twice")
    path = unquote(parts.path)
    if not (text + path).isprintable() or text != text.strip():
        raise LinkUrlError(f"{text!r}: a link has no control characters, and no blanks around it")
    return LinkUrl(parts.scheme, path, host, port, dict(options))

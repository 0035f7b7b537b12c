"""Link URLs: ``serial:///dev/serial/by-path/x?baud=9600``, ``tcp://10.0.0.9:9100``, ``evdev:///dev/input/by-path/y``."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit


class LinkUrlError(ValueError):
    """The text is not a link URL; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class LinkUrl:
    """A parsed link URL. `path` is absolute for links to a device node, `host`/`port` are set for network links."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int | None = None
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        where = self.path or (f"{self.host}:{self.port}" if self.port else self.host)
        query = "&".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.scheme}://{where}" + (f"?{query}" if query else "")


def parse_link(text: str) -> LinkUrl:
    """Parse `text`; raises LinkUrlError with what was expected."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise LinkUrlError(f"{text!r}: {error}") from error
    if not parts.scheme or "://" not in text:
        raise LinkUrlError(f"{text!r}: expected scheme://…, for example serial:///dev/ttyUSB0?baud=9600")
    if parts.username or parts.password or parts.fragment:
        raise LinkUrlError(f"{text!r}: a link carries no user, password or fragment")
    options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if len(dict(options)) != len(options):
        raise LinkUrlError(f"{text!r}: an option is given twice")
    return LinkUrl(parts.scheme, unquote(parts.path), parts.hostname or "", port, dict(options))

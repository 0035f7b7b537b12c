"""Who may talk to the bench: pages that it served itself, on this machine. Anybody else's page could press its keys."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_HEADER = b"x-kioskd-bench"
"""For programs. No page of another origin can send it: a browser would have to ask first, and gets no leave."""

SAFE_METHODS = ("GET", "HEAD")

RESPONSE_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Refuses with 403 what was not meant for ``localhost:port``, or does not come from a page that was served there.

    A foreign Host is how a name that an attacker lets point to 127.0.0.1 gives itself away (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in ("localhost", "127.0.0.1", "[::1]")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *RESPONSE_HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        app = self._app if refusal is None else PlainTextResponse(refusal + "\n", 403)
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> str | None:
        if scope["type"] != "http":
            return "only HTTP is spoken here"
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts, origins = _values(headers, b"host"), _values(headers, b"origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "this is the bench of another host"
        if any(origin.lower() not in self._origins for origin in origins):
            return "a page of another origin may not talk to the bench"
        if scope["method"] not in SAFE_METHODS and not origins and not _values(headers, OWN_HEADER):
            return f"expected an Origin of this bench, or the header {OWN_HEADER.decode()}"
        return None


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]

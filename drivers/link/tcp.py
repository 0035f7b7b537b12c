"""``tcp://host:port`` links."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from drivers.device import DeviceError, Reason
from drivers.link.options import integer, take_options
from drivers.link.stream import DescriptorLink
from drivers.link.url import LinkUrl, LinkUrlError

CONNECT_S = 5.0
STALL_S = 10.0
"""A peer whose window stays shut for this long is not draining."""

KEEPALIVE_IDLE_S = 10
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_PROBES = 3
"""A device whose plug was pulled sends nothing: the kernel notices within 25 s even when nobody writes."""


def tcp_options(url: LinkUrl) -> float:
    """Check `url` and give its connect time-out in seconds; raises LinkUrlError."""
    if not url.host or not url.port or url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected tcp://host:port")
    return integer(take_options(url, ("connect_s",)), "connect_s", int(CONNECT_S), 1, 60)


async def open_tcp(url: LinkUrl) -> DescriptorLink:
    """Connect to `url`; raises DeviceError with what stood in the way."""
    connect_s = tcp_options(url)
    try:
        async with asyncio.timeout(connect_s):
            connection = await _connect(url.host, url.port or 0)
    except ConnectionRefusedError as error:
        raise DeviceError(Reason.REFUSED, f"{url}: {error}") from error
    except TimeoutError as error:
        raise DeviceError(Reason.UNREACHABLE, f"{url}: no connection in {connect_s:g} s") from error
    except OSError as error:
        raise DeviceError(Reason.UNREACHABLE, f"{url}: {error}") from error
    return DescriptorLink(connection.fileno(), connection.close, stall_s=STALL_S)


async def _connect(host: str, port: int) -> socket.socket:
    """Connect to the first address of `host` that lets us; raises the first refusal if none does."""
    addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refusals: list[OSError] = []
    for family, kind, protocol, _, address in addresses:
        try:
            return await _connect_to(socket.socket(family, kind, protocol), address)
        except OSError as error:
            refusals.append(error)
    raise refusals[0]


async def _connect_to(connection: socket.socket, address: tuple[Any, ...]) -> socket.socket:
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
        _tune(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _tune(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)

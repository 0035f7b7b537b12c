"""Lines from a descriptor as they come, without a thread that would have to be ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

READ_BYTES = 65_536
MAX_LINE_BYTES = 1 << 20


class LineTooLong(Exception):
    """More than `MAX_LINE_BYTES` without a line feed."""


async def read_lines(descriptor: int) -> AsyncIterator[str]:
    """The lines of a pipe, terminal, socket or file, without their line feeds; what is no UTF-8 is replaced."""
    rest = b""
    while True:
        await _readable(descriptor)
        data = os.read(descriptor, READ_BYTES)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
        if not data:
            break
        if len(rest) > MAX_LINE_BYTES:
            raise LineTooLong(f"a line of more than {MAX_LINE_BYTES} bytes")
    if rest:
        yield rest.decode(errors="replace")


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # epoll takes no regular file, which never blocks anyway
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)

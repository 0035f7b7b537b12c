"""Commands in the virtual machine, over a serial line: the host's end of `guest-shell`."""

from __future__ import annotations

import asyncio
import base64
import re

READY = b"\n<ready>\n"
DONE = re.compile(rb"\n<exit (\d+)>\n$")


class CommandFailed(AssertionError):
    """A command in the machine ended with another exit code than 0."""


class GuestShell:
    """Runs commands as root in the machine at the other end, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    async def ready(self, within_s: float) -> None:
        """Return when the machine has started, or started again, so far that it takes commands."""
        async with asyncio.timeout(within_s):
            await self._reader.readuntil(READY)

    async def attempt(self, command: str, within_s: float) -> tuple[int, str]:
        """Run `command` in bash; its exit code, and what it printed."""
        async with self._lock, asyncio.timeout(within_s):
            self._writer.write(base64.b64encode(command.encode()) + b"\n")
            output = b""
            while (end := DONE.search(output)) is None:
                output += await self._reader.readuntil(b">\n")
        return int(end[1]), output[: end.start()].decode(errors="replace")

    async def run(self, command: str, within_s: float = 60.0) -> str:
        """Run `command`, which must succeed; what it printed."""
        code, output = await self.attempt(command, within_s)
        if code:
            raise CommandFailed(f"exit code {code} of: {command}\n{output}")
        return output.rstrip("\n")

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()

"""qemu's monitor: the hand that plugs devices into a running virtual machine, and pulls them.

Source: the QEMU QMP reference manual. One JSON object a line; replies and events come mixed.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

ANSWER_S = 20.0


class MonitorError(AssertionError):
    """qemu refused."""


class Monitor:
    """Asks qemu, one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Take the greeting, and agree on the protocol."""
        await self._line()
        await self.ask("qmp_capabilities")

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Run one command; what it returns."""
        async with self._lock, asyncio.timeout(ANSWER_S):
            self._writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while "return" not in (answer := await self._line()):
                if "error" in answer:
                    raise MonitorError(f"{command}: {answer['error']['desc']}")
            return answer["return"]

    async def ask_and_await(self, event: str, command: str, **arguments: Any) -> None:
        """Run one command and return when `event` has come after it."""
        async with self._lock, asyncio.timeout(ANSWER_S):
            self._writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while (answer := await self._line()).get("event") != event:
                if "error" in answer:
                    raise MonitorError(f"{command}: {answer['error']['desc']}")

    async def _line(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self._reader.readline())
        return answer

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()

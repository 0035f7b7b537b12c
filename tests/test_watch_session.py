"""``kioskd watch --session``: what comes while the watcher is away is kept for it by a real broker."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


async def watcher(port: int, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon", "watch", "--broker", f"mqtt://127.0.0.1:{port}", "--json", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def watching(port: int, *words: str) -> asyncio.subprocess.Process:
    """A watcher that has said that from now on nothing is missed."""
    process = await watcher(port, *words)
    assert process.stderr is not None
    assert await asyncio.wait_for(process.stderr.readline(), 10) == b"watching\n"
    return process


async def ended(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    """Kill a watcher; what it had printed."""
    process.kill()
    output, _ = await process.communicate()
    return [json.loads(line) for line in output.splitlines()]


async def test_a_named_watcher_gets_what_came_while_it_was_away(broker: Any, listen: Any) -> None:
    assert await ended(await watching(broker.port, "--session", "desk")) == []
    sender = listen()
    for number in range(3):
        sender.publish("kioskd/demo/k1/event/x/y", str(number).encode())
    again = await watcher(broker.port, "--session", "desk", "-n", "3")
    output, _ = await asyncio.wait_for(again.communicate(), 10)
    assert [json.loads(line)["payload"] for line in output.splitlines()] == [0, 1, 2]


async def test_a_watcher_without_a_name_gets_what_comes_from_now_on(broker: Any, listen: Any) -> None:
    assert await ended(await watching(broker.port)) == []
    sender = listen()
    sender.publish("kioskd/demo/k1/event/x/y", b"1")
    again = await watching(broker.port, "-n", "1")
    sender.publish("kioskd/demo/k1/event/x/y", b"2")
    output, _ = await asyncio.wait_for(again.communicate(), 10)
    assert [json.loads(line)["payload"] for line in output.splitlines()] == [2]

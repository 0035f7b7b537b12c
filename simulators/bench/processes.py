"""Programs that belong to the bench: started, listened to, and started anew when they end by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from simulators.bench.picture import Picture

GRACE_S = 1.2
"""How long a program may take to end in order. The bench ends the broker after the others, and is gone in 3 s."""

RESTART_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""The last one goes on. A program that ran for STEADY_S starts from the first again."""

STEADY_S = 20.0
MAX_LINE_BYTES = 1 << 20
MAX_UNREAD_BYTES = 1 << 16
KEPT_ERROR_LINES = 20
MAX_ERROR_LINE = 500

SOURCE = str(Path(__file__).parents[2])
"""Where this very package was loaded from: the children load the same code."""


class NotRunning(Exception):
    """The program is not there to be told anything."""


class Phase(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"  # ended by itself, and is started again in a moment
    STOPPED = "stopped"  # was told to


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs a module of this project, and nothing that lies in the working directory."""
    return (sys.executable, "-P", "-m", module, *arguments)


def child_environment() -> dict[str, str]:
    """The bench's environment, without what would change the configuration that it generated."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KIOSKD_")}
    path = os.pathsep.join(filter(None, (SOURCE, os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def _send(process: Process, number: signal.Signals) -> None:
    """Not by its own method: that looks first whether the process has ended, and takes its exit code from asyncio."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _ignore(line: bytes) -> None:
    """Nobody reads what it prints."""


class Child:
    """One program. `on_line` and `on_error_line` get each line that it prints. `run` serves it until cancelled.

    `wanted` says whether it runs from the beginning.

    It dies with the bench, in whatever way the bench ends. It stands in a process group of its own: Ctrl-C in the
    terminal reaches the bench alone, which ends its programs in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        picture: Picture,
        *,
        on_line: Callable[[bytes], None] = _ignore,
        on_error_line: Callable[[bytes], None] = _ignore,
        wanted: bool = True,
        restart_delays_s: Sequence[float] = RESTART_DELAYS_S,
    ) -> None:
        self.name = name
        self._command = python_module("simulators.bench.leash", str(os.getpid()), *command)
        self._picture = picture
        self._on_line = on_line
        self._on_error_line = on_error_line
        self._restart_delays_s = restart_delays_s
        self._wanted = wanted
        self._told = False
        self._changed_mind = asyncio.Event()
        self._process: Process | None = None
        self._errors: deque[str] = deque(maxlen=KEPT_ERROR_LINES)
        self._exit: int | None = None
        self._phase = Phase.STOPPED
        self._starts = 0
        picture.provide(f"process/{name}", self.state)

    @property
    def pid(self) -> int | None:
        """The process id, None while it does not run."""
        return self._process.pid if self._process else None

    def state(self) -> Mapping[str, Any]:
        """How the program is, for the page."""
        return {
            "phase": self._phase,
            "pid": self.pid,
            "starts": self._starts,
            "exit": self._exit,
            "errors": list(self._errors),
        }

    # What a person may do

    def start(self) -> None:
        """Have it run."""
        self._want(True)

    def stop(self) -> None:
        """Tell it to end, and leave it so."""
        self._want(False)
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and leave it so."""
        self._want(False)
        self._signal(signal.SIGKILL)

    def restart(self) -> None:
        """Tell it to end, and start it again."""
        self._want(True)
        self._signal(signal.SIGTERM)

    def write(self, line: bytes) -> None:
        """Give it a line to read; raises NotRunning when it does not run, or does not read."""
        stdin = self._process.stdin if self._process else None
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            raise NotRunning(self.name)
        stdin.write(line + b"\n")

    def _want(self, wanted: bool) -> None:
        self._wanted = wanted
        self._changed_mind.set()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._told = True
            _send(self._process, number)

    # Its life

    async def run(self) -> None:
        """Keep it running while it is wanted; end it in order when cancelled."""
        delays_s = self._delays_s()
        while True:
            await self._until_wanted()
            started_s = asyncio.get_running_loop().time()
            exit_code = await self._live()
            if asyncio.get_running_loop().time() - started_s > STEADY_S:
                delays_s = self._delays_s()
            if not self._told:
                self._picture.note("process-died", name=self.name, exit=exit_code, errors=list(self._errors)[-5:])
            await self._rest(next(delays_s) if self._wanted else 0.0)

    def _delays_s(self) -> Iterator[float]:
        return chain(self._restart_delays_s, repeat(self._restart_delays_s[-1]))

    async def _until_wanted(self) -> None:
        while not self._wanted:
            self._enter(Phase.STOPPED)
            self._changed_mind.clear()
            await self._changed_mind.wait()

    async def _rest(self, delay_s: float) -> None:
        self._enter(Phase.WAITING if self._wanted else Phase.STOPPED)
        self._changed_mind.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._changed_mind.wait()

    async def _live(self) -> int:
        """One life of the program; gives its exit code."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=MAX_LINE_BYTES,
            env=child_environment(),
            process_group=0,
        )
        self._process = process
        self._told = False
        self._starts += 1
        self._exit = None
        self._errors.clear()
        self._enter(Phase.RUNNING)
        if not self._wanted:  # told so while it was being started
            self._signal(signal.SIGTERM)
        try:
            async with asyncio.TaskGroup() as listening:
                listening.create_task(self._listen(process.stdout, self._on_line))
                listening.create_task(self._listen(process.stderr, self._complained))
                await process.wait()
        finally:
            await self._end(process)
            self._process = None
            self._exit = process.returncode
        return await process.wait()

    async def _listen(self, stream: asyncio.StreamReader | None, take: Callable[[bytes], None]) -> None:
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:  # longer than MAX_LINE_BYTES: that line is lost
                self._picture.note("line-too-long", name=self.name)
                continue
            if not line:
                return
            take(line.rstrip(b"\r\n"))

    def _complained(self, line: bytes) -> None:
        self._errors.append(line.decode(errors="replace")[:MAX_ERROR_LINE])
        self._picture.changed(f"process/{self.name}")
        self._on_error_line(line)

    async def _end(self, process: Process) -> None:
        if process.returncode is not None:
            return
        _send(process, signal.SIGTERM)
        # not asyncio.timeout: before Python 3.11.3 it does not raise TimeoutError in a task that is being cancelled
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([ended], timeout=GRACE_S)
        if not ended.done():
            _send(process, signal.SIGKILL)
        await ended

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._picture.changed(f"process/{self.name}")

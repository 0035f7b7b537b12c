"""A simulator at a terminal, or in a pipe: one line in is a command, one line out is what happened."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from simulators.device import CommandError
from simulators.stage import Stage

READ_BYTES = 4096
MAX_LINE_BYTES = 4096
MAX_VALUE_CHARACTERS = 200
"""How much of one value of the state a line shows; --json shows it whole."""

PNG = "png"
PNG_COMMAND = {PNG: ("FILE", "write a picture of the paper")}

OWN_COMMANDS = {
    "help": ("", "list the commands"),
    "state": ("", "show the whole state"),
    "quit": ("", "end the simulator"),
}


@runtime_checkable
class Drawable(Protocol):
    """A simulator whose work can be looked at."""

    def png(self) -> bytes:
        """What there is to be seen. Raises CommandError when it cannot be drawn here."""
        ...


class Console:
    """Runs a stage from standard input and tells of it on standard output.

    `stopped` is set by ``quit``, by Ctrl-D at a terminal, by the end of any input if `until_eof`, and when nobody
    reads the output any more. The end of a pipe or a file alone ends nothing: a service has no input either.
    """

    def __init__(self, stage: Stage, *, as_json: bool, until_eof: bool) -> None:
        self._stage = stage
        self._json = as_json
        self._until_eof = until_eof
        self._input = bytearray()
        self._shown: dict[str, Any] = {}
        self._show_soon: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self.stopped = asyncio.Event()
        self.output_lost: BrokenPipeError | None = None
        stage.simulator.changed = self._changed

    # out

    def say(self, kind: str, text: str, **values: object) -> None:
        """One line: `text` for people, `kind` and `values` for programs."""
        line = json.dumps({"type": kind, **values}, ensure_ascii=False) if self._json else text
        try:
            print(line, flush=True)
        except BrokenPipeError as error:
            self.output_lost = error
            self.stopped.set()

    def _changed(self) -> None:
        if self._show_soon is None:  # several changes at once are one line
            self._show_soon = self._loop.call_soon(self.show_changes)

    def show_changes(self) -> None:
        """Tell what of the state is new since it was last told."""
        self._show_soon = None
        state = json.loads(json.dumps(self._stage.simulator.state()))
        new = {key: value for key, value in state.items() if key not in self._shown or self._shown[key] != value}
        self._shown = state
        if new:
            self.say("state", _in_words(new), changed=new)

    # in

    def listen(self, descriptor: int) -> None:
        """Take commands from `descriptor` as they come."""
        if _in_background(descriptor):
            return  # reading from the terminal would stop the process
        try:
            self._loop.add_reader(descriptor, self._readable, descriptor)
        except PermissionError:  # a file, or /dev/null: never waits, and cannot be waited for
            while self._readable(descriptor):
                pass

    def _readable(self, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, READ_BYTES)
        except OSError:
            data = b""  # the terminal was closed
        self._input += data or b"\n"
        *lines, rest = self._input.split(b"\n")
        self._input = rest[:MAX_LINE_BYTES]
        for line in lines:
            self.command(line.decode("utf-8", "replace").strip())
        if not data:
            self._loop.remove_reader(descriptor)
            if self._until_eof or os.isatty(descriptor):
                self.stopped.set()
        return bool(data)

    def command(self, text: str) -> None:
        """Carry out one line; what is wrong with it is said, and changes nothing."""
        own: Mapping[str, Callable[[], None]] = {
            "": lambda: None,
            "help": self._help,
            "?": self._help,
            "state": self._whole_state,
            "quit": self.stopped.set,
        }
        try:
            own.get(text, lambda: self._command_of_device(text))()
        except (CommandError, OSError) as error:  # OSError: "restore" finds its place taken
            self.say("error", str(error), message=str(error))

    def _command_of_device(self, text: str) -> None:
        simulator = self._stage.simulator
        name, _, argument = text.partition(" ")
        if name == PNG and isinstance(simulator, Drawable):
            self._draw(simulator, argument.strip())
        else:
            self._stage.command(text)

    def _draw(self, simulator: Drawable, path: str) -> None:
        if not path:
            raise CommandError("expected the file to write")
        Path(path).write_bytes(simulator.png())

    def _help(self) -> None:
        found = {name: (command.usage, command.help) for name, command in self._stage.commands.items()} | OWN_COMMANDS
        if isinstance(self._stage.simulator, Drawable):
            found |= PNG_COMMAND
        wide = max(len(f"{name} {usage}") for name, (usage, _) in found.items())
        lines = [f"  {f'{name} {usage}':{wide}}  {text}" for name, (usage, text) in found.items()]
        commands = [{"name": name, "usage": usage, "help": text} for name, (usage, text) in found.items()]
        self.say("help", "\n".join(lines), commands=commands)

    def _whole_state(self) -> None:
        self._shown = {}
        self.show_changes()


def _in_words(values: Mapping[str, Any]) -> str:
    # as JSON: no control character that a device was sent reaches the terminal
    texts = ((key, json.dumps(value, ensure_ascii=False)) for key, value in values.items())
    cut = (
        (key, text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "…") for key, text in texts
    )
    return "  ".join(f"{key}={text}" for key, text in cut)


def _in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False  # no terminal, or not the one that controls this process


def standard_input() -> int | None:
    """The descriptor of standard input, if there is one."""
    return None if sys.stdin is None or sys.stdin.closed else sys.stdin.fileno()

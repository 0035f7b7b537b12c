"""Who holds what: read from /proc, where nothing is disturbed by looking."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

_FLOCK = re.compile(r"\d+: FLOCK +\w+ +\w+ +(?P<pid>\d+) (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):(?P<inode>\d+) ")
"""A line of /proc/locks: proc(5). Device numbers are hexadecimal there, everything else decimal."""

PTMX = (5, 2)
"""The far side of every pty: a simulator, and nobody who takes the port from us."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, as a person would look for it."""

    pid: int
    name: str
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"

    @property
    def is_kioskd(self) -> bool:
        """Whether this is a daemon, and not another command of kioskd."""
        words = self.command
        program = next((i for i, word in enumerate(words) if _is_program(word, words[i - 1 : i])), None)
        return program is not None and "run" in words[program + 1 :]


def _is_program(word: str, before: Sequence[str]) -> bool:
    return Path(word).name == "kioskd" or (word == "daemon" and list(before) == ["-m"])


def process(pid: int, proc: Path = PROC) -> Process:
    """What /proc says of `pid`; a process that has gone has no name."""
    try:
        name = (proc / str(pid) / "comm").read_text().strip()
        command = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return Process(pid, "?")
    return Process(pid, name, tuple(word.decode(errors="replace") for word in command))


def processes(proc: Path = PROC) -> Iterator[Process]:
    """Every process that may be seen."""
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            yield process(int(entry.name), proc)


def lock_holder(path: Path, proc: Path = PROC) -> Process | None:
    """Who holds the flock of `path`; raises PermissionError where it may not be looked at."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    wanted = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    for lock in _FLOCK.finditer((proc / "locks").read_text()):
        if (int(lock["major"], 16), int(lock["minor"], 16), int(lock["inode"])) == wanted:
            return process(int(lock["pid"]), proc)
    return None


def node_holders(node: Path, proc: Path = PROC) -> list[Process]:
    """Who has the device node open, but for this process and whoever plays the device at the far side of a pty.

    Without root only the processes of the same user can be looked into; an exclusive lock shows its holder to all.
    """
    try:
        rdev = node.stat().st_rdev
    except OSError:
        return []
    pids = {entry.pid for entry in processes(proc) if _has_open(proc / str(entry.pid), rdev)}
    locker = lock_holder(node, proc)
    if locker is not None:
        pids.add(locker.pid)
    return [process(pid, proc) for pid in sorted(pids - {os.getpid()})]


def _has_open(process_directory: Path, rdev: int) -> bool:
    descriptors = process_directory / "fd"
    held = False
    try:
        for descriptor in descriptors.iterdir():
            held = _refers(descriptor, rdev) or held
            if _is_far_side(process_directory, descriptor, rdev):
                return False
    except OSError:
        return False  # not ours to look into, or gone
    return held


def _refers(descriptor: Path, rdev: int) -> bool:
    try:
        status = descriptor.stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == rdev


def _is_far_side(process_directory: Path, descriptor: Path, rdev: int) -> bool:
    try:
        found = descriptor.stat().st_rdev
        if (os.major(found), os.minor(found)) != PTMX:
            return False
        lines = (process_directory / "fdinfo" / descriptor.name).read_text()
    except OSError:
        return False
    index = re.search(r"^tty-index:\s*(\d+)$", lines, re.MULTILINE)
    return index is not None and int(index[1]) == os.minor(rdev)


def groups_of(pid: int, proc: Path = PROC) -> frozenset[int]:
    """The supplementary groups that a running process has."""
    try:
        lines = (proc / str(pid) / "status").read_text()
    except OSError:
        return frozenset()
    found = re.search(r"^Groups:\s*([\d ]*)$", lines, re.MULTILINE)
    own = re.search(r"^Gid:\s*(\d+)", lines, re.MULTILINE)
    groups = {int(word) for word in found[1].split()} if found else set()
    return frozenset(groups | ({int(own[1])} if own else set()))

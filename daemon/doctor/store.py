"""Whether the database can be written, and by whom it is held. Nothing is opened for writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from daemon.doctor.finding import Finding, about, found, well
from daemon.doctor.machine import Machine
from daemon.doctor.processes import Process, lock_holder, processes

NEEDED_MB = 16
"""Less than this is full: a day's events, the write-ahead log, and SQLite's own room."""

HEADER = b"SQLite format 3\0"
"""sqlite.org/fileformat2.html, section 1.3.1."""


def holder(path: Path, machine: Machine) -> Process | None:
    """Who has the database; raises PermissionError where it may not be looked at."""
    return lock_holder(path.with_name(f"{path.name}.lock"), machine.proc)


def may_be_running(machine: Machine) -> bool:
    """Whether any daemon is seen among the processes: for whoever may not look at the lock."""
    return any(process.is_kioskd for process in processes(machine.proc))


def check_store(path: Path, machine: Machine, held_by: Process | None) -> Iterator[Finding]:
    """What keeps the service from storing."""
    findings = list(_check(path, machine, held_by))
    yield from findings
    if not findings:
        yield well(about("store"), "store", path=path, free_mb=_free_mb(path.parent))


def _check(path: Path, machine: Machine, held_by: Process | None) -> Iterator[Finding]:
    subject, folder, user = about("store"), path.parent, machine.user
    if held_by is not None and not held_by.is_kioskd:
        stop = (f"kill {held_by.pid}", "systemctl start kioskd")
        yield found("store-held", subject, *stop, path=path, pid=held_by.pid, name=held_by.name)
    if not folder.exists():
        yield found("store-missing", subject, f"install -d -m 700 -o {user} -g {user} {folder}", path=folder)
        return
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield found("store-read-only", subject, "dmesg -T | tail -50", _remount(folder), path=folder)
        return
    yield from _check_room(folder)
    account = machine.account
    # what is not there yet is made by the daemon; a folder that may not be looked into is judged as it stands
    closed = [place for place in (folder, path) if account and _is_there(place) and not account.may(place)]
    if closed:
        yield found("store-permission", subject, f"chown -R {user}: {folder}", user=user, path=closed[0])
    elif _is_foreign(path):
        yield found("store-damaged", subject, f"ls -l {folder}", path=path)


def _remount(folder: Path) -> str:
    place = next(place for place in (folder, *folder.parents) if place.is_mount())
    return f"mount -o remount,rw {place}"


def _check_room(folder: Path) -> Iterator[Finding]:
    if (free_mb := _free_mb(folder)) < NEEDED_MB:
        du = "du -xh --max-depth=2 / 2>/dev/null | sort -h | tail -20"
        yield found("disk-full", about("store"), du, "journalctl --vacuum-size=50M", path=folder, free_mb=free_mb)


def _free_mb(folder: Path) -> int:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize >> 20


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except PermissionError:
        return False


def _is_foreign(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            begin = file.read(len(HEADER))
    except OSError:
        return False
    return begin not in (b"", HEADER)

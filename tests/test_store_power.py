"""Power cuts and kills at any moment (row 15 of the service rules): what was confirmed is there, and nothing torn.

The power cut is simulated below SQLite: a VFS of apsw's notes what was written to each file since it was last
synced. At the cut each such write is lost, kept or torn by chance, in any order, as disks do. What runs above is the
store's own code with its own statements.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from daemon.events import TicketWaiting
from daemon.store.database import Connection
from tests.store_rig import SOURCE, HeldClock

PROJECT = Path(__file__).parent.parent
CUTS = 40
SECTOR_BYTES = 512


class PowerCut(Exception):
    """The machine is off."""


class Disk:
    """What of each file is sure to survive, and what was written since. The power goes at operation `cut_at`."""

    def __init__(self, cut_at: int, chance: random.Random) -> None:
        self.durable: dict[str, bytes] = {}
        self._pending: dict[str, list[tuple[int, bytes | None]]] = defaultdict(list)
        self._left = cut_at
        self._chance = chance

    def operate(self) -> None:
        """One more operation reaches the disk; raises PowerCut from the moment of the cut on."""
        self._left -= 1
        if self._left < 0:
            raise PowerCut

    def write(self, path: str, offset: int, data: bytes | None) -> None:
        """`data` at `offset`, or with None a truncation there, may or may not survive from now on."""
        self._pending[path].append((offset, data))

    def sync(self, path: str) -> None:
        content = bytearray(self.durable.get(path, b""))
        for offset, data in self._pending.pop(path, []):
            _apply(content, offset, data)
        self.durable[path] = bytes(content)

    def delete(self, path: str) -> None:
        self.durable.pop(path, None)
        self._pending.pop(path, None)

    def survivors(self) -> Iterator[tuple[str, bytes]]:
        """The files as they are found when the power is back."""
        for path in self.durable.keys() | self._pending.keys():
            content = bytearray(self.durable.get(path, b""))
            for offset, data in self._pending.get(path, []):
                fate = self._chance.choice(("lost", "kept", "torn"))
                if fate == "torn" and data is not None:
                    for start in range(0, len(data), SECTOR_BYTES):
                        if self._chance.random() < 0.5:
                            _apply(content, offset + start, data[start : start + SECTOR_BYTES])
                elif fate == "kept":
                    _apply(content, offset, data)
            yield path, bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], disk: Disk) -> None:
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.operate()
        super().xWrite(data, offset)
        self._disk.write(self._path, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.operate()
        super().xTruncate(size)
        self._disk.write(self._path, size, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.operate()
        super().xSync(flags)
        self._disk.sync(self._path)


class Machine(apsw.VFS):
    def __init__(self, name: str, disk: Disk) -> None:
        self._disk = disk
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
        return File(name, flags, self._disk)

    def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802
        self._disk.operate()
        super().xDelete(path, sync)
        self._disk.delete(path)


class Adapter:
    """An apsw connection with the methods of `sqlite3`'s that the store uses."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self.executescript = raw.execute

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> apsw.Cursor:
        return self._raw.execute(sql, values)


def run_until_the_cut(path: Path, disk: Disk, chance: random.Random, synchronous: str | None) -> list[int]:
    """Store events one transaction after the other until the power goes; the sequences that were confirmed."""
    name = f"machine-{id(disk)}"
    machine = Machine(name, disk)
    confirmed: list[int] = []
    raw = apsw.Connection(str(path), vfs=name)
    try:
        connection = Connection(Adapter(raw), source=SOURCE, clock=HeldClock())  # type: ignore[arg-type]
        if synchronous is not None:
            raw.execute(f"PRAGMA synchronous = {synchronous}")
        while True:
            raw.execute("BEGIN IMMEDIATE")
            with connection.savepoint() as transaction:
                for _ in range(chance.randint(1, 3)):
                    transaction.emit(TicketWaiting(ticket="t", number="x" * chance.randint(1, 900), service="a"))
            raw.execute("COMMIT")
            confirmed += [event.sequence for event in transaction.events]
    except PowerCut:
        return confirmed
    finally:
        abandon(raw)
        machine.unregister()


def abandon(raw: apsw.Connection) -> None:
    """What a process does to a disk that is off no longer matters."""
    try:
        raw.close(True)
    except PowerCut:
        raw.close(True)


def one_power_cut(directory: Path, seed: int, synchronous: str | None = None) -> tuple[list[int], list[int]]:
    """The sequences confirmed before the cut, and those found after it in a sound database."""
    chance = random.Random(seed)
    before, after = directory / f"before-{synchronous}-{seed}.db", directory / f"after-{synchronous}-{seed}.db"
    disk = Disk(chance.randrange(60, 1600), chance)
    confirmed = run_until_the_cut(before, disk, chance, synchronous)
    for path, content in disk.survivors():
        Path(path.replace(str(before), str(after))).write_bytes(content)
    with closing(sqlite3.connect(after)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        is_made = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'event'").fetchone() == (1,)
        # in some the power goes while the tables are made
        rows = connection.execute("SELECT sequence, payload FROM event ORDER BY sequence").fetchall() if is_made else []
    for sequence, payload in rows:
        assert int(json.loads(payload)["sequence"]) == sequence
    return confirmed, [sequence for sequence, _ in rows]


def test_no_confirmed_event_is_lost_in_a_power_cut(tmp_path: Path) -> None:
    total = 0
    for seed in range(CUTS):
        confirmed, found = one_power_cut(tmp_path, seed)
        assert found[: len(confirmed)] == confirmed, f"seed {seed}"
        assert found == list(range(1, len(found) + 1)), f"seed {seed}: no gap, no torn transaction"
        assert len(found) <= len(confirmed) + 3, "at most the transaction that was being stored"
        total += len(confirmed)
    assert total > 500, "the cuts came late enough to prove something"


def test_the_simulated_power_cut_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    lost = 0
    for seed in range(CUTS):
        confirmed, found = one_power_cut(tmp_path, seed, "NORMAL")
        lost += len(set(confirmed) - set(found))
    assert lost > 0


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.store_rig import note, open_store

async def write(rig, first):
    number = first
    while True:
        await rig.store.transact(note(number))
        print(number, flush=True)
        number += 10

async def main():
    async with open_store(Path(sys.argv[1])) as rig:
        first = int(sys.argv[2])
        await asyncio.gather(*(write(rig, first + producer) for producer in range(10)))

asyncio.run(main())
"""


async def test_killed_in_the_middle_of_storing_nothing_confirmed_is_lost(tmp_path: Path) -> None:
    path, chance = tmp_path / "kioskd.db", random.Random(1)
    confirmed: set[str] = set()
    for run in range(12):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KILLED, str(path), str(run * 1_000_000)),
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(chance.randint(1, 300)):
            confirmed.add((await process.stdout.readline()).decode().strip())
        os.kill(process.pid, signal.SIGKILL)
        confirmed |= set((await process.stdout.read()).decode().split("\n")[:-1])
        assert await process.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sequence, payload FROM event ORDER BY sequence").fetchall()
        noted = {row[0] for row in connection.execute("SELECT value FROM meta WHERE key LIKE 'note-%'")}
    assert [sequence for sequence, _ in rows] == list(range(1, len(rows) + 1))
    numbers = [json.loads(payload)["data"]["number"] for _, payload in rows]
    assert set(numbers) == noted, "every state with its event, no event without its state"
    assert len(numbers) == len(noted), "none twice"
    assert confirmed <= noted
    assert len(confirmed) > 500

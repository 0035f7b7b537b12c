"""A database of every released version becomes one of this version, and nothing in it is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.store.schema import MIGRATIONS, VERSION
from tests.conftest import Listen, Mosquitto
from tests.harness import ROOT, SimulatedKiosk, until

FOLDER = Path(__file__).parent / "vectors" / "schema"
VERSIONS = range(1, VERSION + 1)

MAKE = "a version that is not released yet: python -m tests.dump_schema"


def tables(database: sqlite3.Connection) -> set[tuple[str, str]]:
    """Name and text of every table and index; SQLite's own have no text of ours."""
    rows = database.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    return {(name, sql) for name, sql in rows}


def made_by_scripts(version: int) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as database:
        for script in MIGRATIONS[:version]:
            database.executescript(script)
        return tables(database)


def test_every_version_has_a_database() -> None:
    assert {int(file.stem) for file in FOLDER.glob("*.sql")} == set(VERSIONS), MAKE


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_script_is_never_changed(version: int) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript((FOLDER / f"{version}.sql").read_text())
        assert tables(database) == made_by_scripts(version), MAKE


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_database_is_taken_over_with_all_its_events(
    tmp_path: Path, broker: Mosquitto, listen: Listen, version: int
) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        with closing(sqlite3.connect(kiosk.database)) as database:
            database.executescript((FOLDER / f"{version}.sql").read_text())
            unsent = database.execute(
                "SELECT topic, payload FROM event WHERE sent_at IS NULL ORDER BY sequence"
            ).fetchall()
            (last,) = database.execute("SELECT max(sequence) FROM event").fetchone()
        assert unsent, "a database in which nothing waits shows nothing"
        kiosk.start()
        await kiosk.ready()
        started = await kiosk.event("daemon.started", clean=False)
        heard = [(message.topic.removeprefix(f"{ROOT}/"), message.payload) for message in kiosk.listener.messages]
        assert [event for event in heard if event[0].startswith("event/")][: len(unsent)] == unsent
        epoch = json.loads(unsent[0][1])["id"].rpartition("-")[0]
        assert started["id"] == f"{epoch}-{last + 1}"
        assert (await kiosk.ask("ticket/take", service="a"))["status"] == "done"
        await until(lambda: kiosk.events("print.printed"), "a ticket")
        await kiosk.stop()
        with closing(sqlite3.connect(kiosk.database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
            assert tables(database) == made_by_scripts(VERSION)

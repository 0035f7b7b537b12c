"""Writes ``tests/vectors/schema/N.sql``, N being the schema's version: ``python -m tests.dump_schema``.

A real daemon is killed amid its work, so that every table has rows of every kind; what it left is written as SQL.
The file is made once for each released version, and never again after the release.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path

from daemon.store.schema import VERSION
from tests.conftest import Listener, Mosquitto
from tests.harness import SimulatedKiosk, until

FOLDER = Path(__file__).parent / "vectors" / "schema"
VISITS = 3


async def play(directory: Path) -> Path:
    """A short day that ends in the middle of everything; the database it leaves."""
    broker = Mosquitto(directory)
    broker.start()
    listener = Listener(broker.host, broker.port)
    try:
        async with SimulatedKiosk(directory, broker, listener) as kiosk:
            kiosk.start()
            await kiosk.ready()
            for number in range(1, VISITS + 1):
                await kiosk.ask("ticket/take", service="a")
                await kiosk.ask("ticket/next", counter="1")
                await kiosk.ask("ticket/finish", counter="1")
                kiosk.lines["keypad"].command(f"press {number}")
                await kiosk.event("rating.submitted", number)
            await break_off(kiosk, broker)
            return kiosk.database
    finally:
        listener.close()
        broker.kill()


async def break_off(kiosk: SimulatedKiosk, broker: Mosquitto) -> None:
    """A ticket waits, one is called, one has no paper, a rating is open, a phone rings: and the power goes."""
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/take", service="a")
    await kiosk.ask("ticket/next", counter="2")
    await kiosk.ask("ticket/finish", counter="2")
    await kiosk.ask("counter/pause", counter="2", reason="取药去了")
    await kiosk.ask("ticket/next", counter="1")
    kiosk.lines["printer"].command("paper-end")
    await kiosk.device_is("printer-1", "faulted")
    kiosk.send("ticket/take", service="a", deadline_s=3600)
    kiosk.lines["phone"].command("ring 8")
    await kiosk.event("alert.raised", alert="phone-unanswered")
    stored = len(kiosk.events())
    broker.kill()
    kiosk.lines["keypad"].command("press 5")
    await until(lambda: unsent(kiosk.database) > 0, f"an event that nobody has, after {stored}")
    kiosk.kill()


def unsent(database: Path) -> int:
    """How many events no broker has."""
    with sqlite3.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM event WHERE sent_at IS NULL").fetchone()
    connection.close()
    return int(count)


def dump(database: Path) -> str:
    """The whole database as SQL, its version included."""
    connection = sqlite3.connect(database)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    text = "\n".join([*connection.iterdump(), f"PRAGMA user_version = {version};\n"])
    connection.close()
    return text


def main() -> None:
    """Write the file of the present version."""
    with tempfile.TemporaryDirectory() as directory:
        text = dump(asyncio.run(play(Path(directory))))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{VERSION}.sql").write_text(text)


if __name__ == "__main__":
    main()

"""``events/replay``: stored events sent again to a real broker, from a real store, beside new ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.commands import Reply
from daemon.commands.events import REPLAY_MAX
from daemon.envelope import StoredEvent
from daemon.events import PhoneMissed, TicketWaiting
from daemon.events.base import ERASED
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.intake import Intake
from daemon.mqtt.broker import Broker, Incoming
from daemon.mqtt.replay_line import ReplayLine
from daemon.mqtt.uplink import Uplink
from daemon.replayer import BATCH, Replayer
from daemon.settings import Settings
from daemon.statuses import KioskStatus
from daemon.store.database import Transaction
from daemon.store.eraser import Eraser
from daemon.store.store import Store
from tests.broker_client import emit, make_events
from tests.conftest import Cutter, Listen, Listener, Mosquitto, Until
from tests.harness import SimulatedKiosk
from tests.harness import until as wait
from tests.store_rig import open_ledger, other_connection

ROOT = "kioskd/demo/k1"
SETTINGS = Settings({"hall": "demo", "kiosk": "k1"})
TOPIC = f"{ROOT}/event/ticket/waiting"
PRESSED = f"{ROOT}/event/rating/unsolicited"


class Rig:
    """A real store behind a real uplink, with the commands' way in; `replies` are what was answered."""

    def __init__(self, broker: Any, path: Path, tasks: asyncio.TaskGroup, *, tell_s: float) -> None:
        self.path = path / "kioskd.db"
        self.replies: list[Reply] = []
        clock = SystemClock()
        self.store = Store(
            self.path,
            source=f"/{ROOT}",
            clock=clock,
            on_committed=self._committed,
            on_health=lambda _: None,
        )
        where = Broker(broker.host, ROOT, "kioskd-demo-k1", port=broker.port)
        will = KioskStatus(state="offline", boot="b", version="0")
        self.link = Uplink(where, self.store, will=will, on_command=self._received, delays=lambda: iter([0.05] * 999))
        self.intake = Intake(lambda: self.hall, self.store, clock, tasks, self.replies.append, lambda: None)
        self.replayer = Replayer(
            self.store, self.link.replay, clock, self.intake.told, self.intake.settled, tell_s=tell_s
        )
        self.eraser = Eraser(self.store, self.path, clock, self.intake.settled, self.link.replace)
        self.hall = Hall(SETTINGS, Desks({}, {}, {}), further=(self.replayer, self.eraser))

    def _committed(self, events: Sequence[StoredEvent]) -> None:
        self.link.publisher.committed(events)

    def _received(self, message: Incoming) -> None:
        self.intake.receive(message, self.replies.append, message.acknowledge)

    def ask(self, name: str = "events/replay", *, deadline_s: float = 30.0, **data: Any) -> str:
        """Give the command as it comes from the broker; its id."""
        command = uuid.uuid4().hex
        deadline = datetime.now(UTC) + timedelta(seconds=deadline_s)
        body = json.dumps({"id": command, "deadline": deadline.isoformat(), "data": data}).encode()
        self._received(Incoming(f"command/{name}", body, False, None, None, lambda: None))
        return command

    def final(self, command: str) -> Reply | None:
        return next((reply for reply in self.replies if reply.id == command and reply.final), None)

    def has_sent(self, count: int) -> bool:
        """Whether the broker has so many of the replay at work."""
        return self.link.replay.sent >= count

    async def answer(self, until: Until, command: str) -> Reply:
        await until(lambda: self.final(command))
        reply = self.final(command)
        assert reply is not None
        return reply

    async def level(self, until: Until) -> None:
        """Return when the broker has everything that is new, and the store knows it."""
        await until(lambda: self.link.connected and not self.link.publisher.behind)
        await until(lambda: not self._unsent())

    def _unsent(self) -> int:
        with other_connection(self.path) as connection:
            return int(connection.execute("SELECT count(*) FROM event WHERE sent_at IS NULL").fetchone()[0])


@contextlib.asynccontextmanager
async def rig(broker: Any, path: Path, *, events: int = 0, tell_s: float = 5.0) -> AsyncIterator[Rig]:
    async with asyncio.TaskGroup() as tasks:
        made = Rig(broker, path, tasks, tell_s=tell_s)
        made.store.open()
        await made.intake.open()
        make_events(made.store, events)
        running = [tasks.create_task(part.run()) for part in (made.link, made.replayer, made.eraser)]
        yield made
        for task in running:
            task.cancel()
    await made.store.close()


def heard_so_often(listener: Listener, topic: str, count: int) -> bool:
    return len(listener.on(topic)) >= count


def sequences(payloads: list[bytes]) -> list[int]:
    return [int(json.loads(payload)["sequence"]) for payload in payloads]


async def test_a_range_comes_again_to_the_byte(tmp_path: Path, broker: Mosquitto, listen: Listen, until: Until) -> None:
    listener = listen()
    async with rig(broker, tmp_path, events=10) as kiosk:
        await kiosk.level(until)
        reply = await kiosk.answer(until, kiosk.ask(from_sequence=3, to_sequence=6))
        await until(lambda: len(listener.on(TOPIC)) == 14)
    heard = listener.on(TOPIC)
    assert heard[10:] == heard[2:6]
    again = [message for message in listener.messages if message.topic == TOPIC][10:]
    assert {message.properties.ContentType for message in again} == {"application/cloudevents+json"}
    assert not any(message.retain for message in again)
    assert (reply.status, reply.data) == ("done", {"from_sequence": 3, "to_sequence": 6, "count": 4, "sent": 4})


async def test_the_end_is_the_newest_event_or_the_limit(tmp_path: Path, broker: Mosquitto, until: Until) -> None:
    async with rig(broker, tmp_path, events=10) as kiosk:
        await kiosk.level(until)
        beyond = await kiosk.answer(until, kiosk.ask(from_sequence=8, to_sequence=999_999))
        limited = await kiosk.answer(until, kiosk.ask(from_sequence=2, to_sequence=999_999, limit=3))
    assert (beyond.data["to_sequence"], beyond.data["sent"]) == (10, 3)
    assert (limited.data["to_sequence"], limited.data["sent"]) == (4, 3)


async def test_refusals(tmp_path: Path, broker: Mosquitto, until: Until) -> None:
    async with rig(broker, tmp_path, events=10) as kiosk:
        await kiosk.level(until)
        asked = {
            "range-empty": kiosk.ask(from_sequence=11, to_sequence=20),
            "invalid": kiosk.ask(from_sequence=0, to_sequence=20),
        }
        backwards = kiosk.ask(from_sequence=7, to_sequence=6)
        for reason, command in [*asked.items(), ("range-empty", backwards)]:
            reply = await kiosk.answer(until, command)
            assert (reply.status, reply.reason) == ("rejected", reason)
        await kiosk.store.transact(lambda change: change.write("DELETE FROM event WHERE sequence < 5"))
        gone = await kiosk.answer(until, kiosk.ask(from_sequence=3, to_sequence=8))
        assert (gone.reason, gone.detail.split("; ")[1]) == (
            "events-gone",
            "the oldest of the range that is kept is 5",
        )
        assert kiosk.link.replay.left == 0, "a part was sent for the whole"


async def test_a_range_may_be_too_large(tmp_path: Path, broker: Mosquitto, until: Until) -> None:
    async with rig(broker, tmp_path) as kiosk:
        change = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'"
        await kiosk.store.transact(partial(emit, TicketWaiting(ticket="t", number="A1", service="a")))
        await kiosk.store.transact(lambda transaction: transaction.write(change, REPLAY_MAX + 1))
        reply = await kiosk.answer(until, kiosk.ask(from_sequence=1, to_sequence=REPLAY_MAX + 1))
    assert (reply.status, reply.reason) == ("rejected", "range-too-large")


async def test_what_has_to_make_room_meanwhile_is_said(
    tmp_path: Path, mosquitto: Mosquitto, listen: Listen, until: Until
) -> None:
    async with rig(mosquitto, tmp_path, events=3 * BATCH) as kiosk:
        await kiosk.store.transact(lambda change: change.write("UPDATE event SET sent_at = 1"))
        command = kiosk.ask(from_sequence=1, to_sequence=3 * BATCH)
        await until(lambda: kiosk.link.replay.left == BATCH)
        await kiosk.store.transact(lambda change: change.write("DELETE FROM event WHERE sequence = ?", 2 * BATCH))
        await asyncio.to_thread(mosquitto.start)
        reply = await kiosk.answer(until, command)
    assert (reply.status, reply.reason) == ("failed", "events-gone")
    assert 0 < reply.data["sent"] <= BATCH


async def test_a_cut_connection_is_survived_and_nothing_left_out(
    tmp_path: Path, broker: Mosquitto, cutter: Cutter, listen: Listen, until: Until
) -> None:
    listener = listen()
    async with rig(cutter, tmp_path, events=2000) as kiosk:
        await kiosk.level(until)
        await until(lambda: len(listener.on(TOPIC)) == 2000)
        command = kiosk.ask(from_sequence=1, to_sequence=2000)
        for part in (300, 900, 1500):
            await until(partial(kiosk.has_sent, part))
            cutter.cut()
        reply = await kiosk.answer(until, command)
        await until(lambda: len(set(sequences(listener.on(TOPIC)[2000:]))) == 2000)
    assert (reply.status, reply.data["sent"]) == ("done", 2000)
    heard = sequences(listener.on(TOPIC)[2000:])
    assert list(dict.fromkeys(heard)) == list(range(1, 2001)), "first times out of order"


async def test_what_is_erased_meanwhile_is_not_sent_as_it_was(
    tmp_path: Path, broker: Mosquitto, cutter: Cutter, listen: Listen, until: Until
) -> None:
    listener, cutter.refuse = listen(), True
    caller = "13912345678"
    call = PhoneMissed(call="17", phone="p", counter="1", rings=3, ringing_s=9.0, caller=caller, quiet=False)
    async with rig(cutter, tmp_path, events=2) as kiosk:
        await kiosk.store.transact(lambda change: change.emit(call))
        await kiosk.store.transact(lambda change: change.write("UPDATE event SET sent_at = 1"))
        replay = kiosk.ask(from_sequence=1, to_sequence=3)
        await until(lambda: kiosk.link.replay.left == 3)  # read, and no broker to send it to
        erasure = kiosk.ask("events/erase", call="17")
        assert (await kiosk.answer(until, erasure)).data["events"] == 1
        cutter.refuse = False
        assert (await kiosk.answer(until, replay)).status == "done"
        await until(lambda: listener.on(f"{ROOT}/event/phone/missed"))
    assert [json.loads(sent)["data"]["caller"] for sent in listener.on(f"{ROOT}/event/phone/missed")] == [ERASED]


async def test_an_acknowledgement_of_the_replay_before_is_not_taken_for_one_of_this(tmp_path: Path) -> None:
    event, line = StoredEvent(1, "event/ticket/waiting", b"{}"), ReplayLine(ROOT, lambda: None)
    on_their_way = []
    for _ in range(2):
        line.begin()
        line.offer([event])
        on_their_way.append(line.next())
    first, second = on_their_way
    assert first is not None
    assert second is not None
    first.settled(None)
    assert (line.sent, line.left) == (0, 1)
    second.settled(None)
    assert (line.sent, line.left) == (1, 0)


async def test_the_deadline_ends_a_replay_without_a_broker(tmp_path: Path, mosquitto: Mosquitto, until: Until) -> None:
    async with rig(mosquitto, tmp_path, events=5) as kiosk:
        reply = await kiosk.answer(until, kiosk.ask(from_sequence=1, to_sequence=5, deadline_s=0.3))
        assert (reply.status, reply.reason, reply.data["sent"]) == ("expired", "expired", 0)
        await until(lambda: kiosk.link.replay.left == 0)


async def test_progress_is_told_and_too_many_replays_are_refused(
    tmp_path: Path, mosquitto: Mosquitto, until: Until
) -> None:
    async with rig(mosquitto, tmp_path, events=300, tell_s=0.0) as kiosk:
        await kiosk.store.transact(lambda change: change.write("UPDATE event SET sent_at = 1"))
        first = kiosk.ask(from_sequence=1, to_sequence=300)
        await until(lambda: kiosk.link.replay.left)
        others = [kiosk.ask(from_sequence=1, to_sequence=2) for _ in range(9)]
        await until(lambda: any(kiosk.final(command) for command in others))
        refused = [reply for command in others if (reply := kiosk.final(command))]
        assert [(reply.status, reply.reason) for reply in refused] == [("rejected", "busy")]
        await asyncio.to_thread(mosquitto.start)
        await kiosk.answer(until, first)
        told = [reply.data["sent"] for reply in kiosk.replies if reply.id == first]
        for command in set(others) - {refused[0].id}:
            assert (await kiosk.answer(until, command)).status == "done"
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 300)
    assert len(told) > 10


async def test_a_broker_that_takes_no_events_is_named(
    tmp_path: Path, mosquitto: Mosquitto, listen: Listen, until: Until
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic read #\ntopic write {ROOT}/status\n", encoding="utf-8")
    rules.chmod(0o600)
    mosquitto.config += f"acl_file {rules}\n"
    await asyncio.to_thread(mosquitto.start)
    async with rig(mosquitto, tmp_path, events=3) as kiosk:
        await kiosk.store.transact(lambda change: change.write("UPDATE event SET sent_at = 1"))
        reply = await kiosk.answer(until, kiosk.ask(from_sequence=1, to_sequence=3))
    assert (reply.status, reply.reason) == ("failed", "broker-refused")


def emit_5000(change: Transaction) -> None:
    for number in range(5000):
        change.emit(TicketWaiting(ticket=f"t{number}", number="A1", service="a"))


async def test_presses_arrive_once_and_in_order_while_5000_events_come_again(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        ledger.do(emit_5000)
        ledger.do(lambda change: change.write("UPDATE event SET sent_at = unixepoch()"))
        stored = [event.payload for event in ledger.events.stored]
    async with SimulatedKiosk(tmp_path, broker, listen(), bounce_s=0.0) as kiosk:
        kiosk.start()
        await kiosk.ready()
        command = kiosk.send("events/replay", from_sequence=1, to_sequence=5000)
        await wait(partial(heard_so_often, kiosk.listener, TOPIC, 100), "the replay to be under way")
        for press in range(20):
            kiosk.lines["keypad"].command("press 3")
            await wait(partial(heard_so_often, kiosk.listener, PRESSED, press + 1), f"press {press + 1}")
        reply = await kiosk.answer(command)
        await kiosk.stop()
    assert (reply["status"], reply["data"]["sent"]) == ("done", 5000)
    assert kiosk.listener.on(TOPIC) == stored
    heard = [(event["type"], int(event["sequence"])) for event in kiosk.events()]
    new = [sequence for _, sequence in heard if sequence > 5000]
    assert new == list(range(5001, 5001 + len(new))), "new events: twice, out of order, or one is missing"
    kinds = [kind for kind, _ in heard]
    last = len(kinds) - 1 - kinds[::-1].index("kioskd.ticket.waiting")
    assert kinds.index("kioskd.rating.unsolicited") < last, "the presses waited for the replay"


async def test_a_replay_that_a_restart_cuts_off_is_answered_as_interrupted(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        ledger.do(emit_5000)
        ledger.do(lambda change: change.write("UPDATE event SET sent_at = unixepoch()"))
    async with SimulatedKiosk(tmp_path, broker, listen()) as kiosk:
        kiosk.start()
        await kiosk.ready()
        command = kiosk.send("events/replay", from_sequence=1, to_sequence=5000)
        await wait(partial(heard_so_often, kiosk.listener, TOPIC, 100), "100 events")
        kiosk.kill()
        kiosk.start()
        reply = await kiosk.answer(command)
        await kiosk.stop()
    assert (reply["status"], reply["reason"]) == ("failed", "interrupted")

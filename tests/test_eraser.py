"""``events/erase``: nothing personal is left in the file or its log, and every event keeps its place."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon import ratings
from daemon.commands import EventsErase, Reply, Request, Status
from daemon.envelope import StoredEvent
from daemon.events import Event, PhoneMissed, PrintFailed, TicketWaiting
from daemon.events.base import ERASED
from daemon.hall.effects import Effect
from daemon.printing.jobs import enqueue
from daemon.printing.subject import Subject
from daemon.refused import Refused
from daemon.slips.order import SlipOrder
from daemon.store import eraser
from daemon.store.database import Transaction
from daemon.store.eraser import Eraser
from daemon.store.journal import settle_command, take_command
from tests import store_rig
from tests.store_rig import OpenStore, open_store, other_connection

TICKET = "20261121-A001"
NAME, NUMBER, CHARACTERS = "欧阳娜娜娜某某", "13912345678", "no font has 㐀㐁㐂"


class Rig:
    def __init__(self, opened: OpenStore) -> None:
        self.opened = opened
        self.replies: list[Reply] = []
        self.blanked: list[StoredEvent] = []
        self.eraser = Eraser(opened.store, opened.path, opened.clock, self.replies.append, self.blanked.extend)

    async def ask(self, deadline_s: float = 30.0, /, **data: str) -> Reply:
        """As the intake does; the last reply."""
        request = Request(id="c", deadline=self.opened.clock.now() + timedelta(seconds=deadline_s))
        handle = self.eraser.handlers()[EventsErase]

        def prepare(change: Transaction) -> Effect:
            take_command(change, request.id, "f", request.deadline)
            return handle(change, EventsErase.model_validate(data), request)

        effect = await self.opened.store.transact(prepare)
        effect.after()
        await store_rig.until(lambda: self.replies, "the reply")
        return self.replies.pop()

    async def payloads(self) -> list[bytes]:
        rows = await self.opened.store.transact(lambda change: change.rows("SELECT payload FROM event ORDER BY 1"))
        return [row[0] for row in rows]

    def files(self) -> bytes:
        """Every byte of the database and its log, free pages and old frames too."""
        path = self.opened.path
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))

    def holds(self, text: str) -> bool:
        escaped = json.dumps(text)[1:-1].encode()
        return text.encode() in self.files() or escaped in self.files()


def emit(event: Event, change: Transaction) -> None:
    change.emit(event)


def slip(change: Transaction, ticket: str | None, name: str, slip_id: str, state: str = "printed") -> None:
    order = SlipOrder(template="supplement", language="zh-CN", data={"visitor": name, "items": ["证明" * 900]})
    enqueue(change, "printer-1", Subject(ticket, slip_id), order, 0.0, None)
    change.write("UPDATE print_job SET state = ? WHERE slip_id = ?", state, slip_id)


def failed(ticket: str | None, detail: str, slip_id: str = "s") -> PrintFailed:
    about = {"job": "1", "ticket": ticket, "slip": slip_id, "template": "supplement", "printer": "printer-1"}
    return PrintFailed(**about, copy_number=1, reason="unprintable", paper=False, again=False, detail=detail)


def missed(call: str, caller: str) -> PhoneMissed:
    return PhoneMissed(call=call, phone="p", counter="1", rings=3, ringing_s=9.0, caller=caller, quiet=False)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_store(tmp_path / "kioskd.db") as opened:
        made = Rig(opened)
        task = asyncio.create_task(made.eraser.run())
        transact = opened.store.transact
        for event in (
            TicketWaiting(ticket=TICKET, number="A001", service="a"),
            failed(TICKET, CHARACTERS),
            failed("20261121-A002", "of somebody else"),
            missed("17", NUMBER),
            missed("171", "13700000000"),
        ):
            await transact(partial(emit, event))
        await transact(lambda change: slip(change, TICKET, NAME, "s1"))
        await transact(lambda change: slip(change, "20261121-A002", "别人的姓名", "s2"))
        yield made
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_nothing_of_a_ticket_is_left_in_any_byte(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eraser, "CHUNK", 2)
    before = await rig.payloads()
    assert rig.holds(NAME)
    assert rig.holds(CHARACTERS)
    reply = await rig.ask(ticket=TICKET)
    assert (reply.status, reply.data) == ("done", {"ticket": TICKET, "events": 1, "rows": 1, "copies": 0})
    assert "are beyond reach" in reply.detail
    assert not rig.holds(NAME)
    assert not rig.holds(CHARACTERS)
    assert rig.holds("别人的姓名")
    after = await rig.payloads()
    assert [json.loads(payload)["sequence"] for payload in after[:5]] == [f"{n:012d}" for n in range(1, 6)]
    assert json.loads(after[1])["data"] == json.loads(before[1])["data"] | {"detail": ERASED}
    assert json.loads(after[1])["id"] == json.loads(before[1])["id"]
    assert [after[place] == before[place] for place in range(5)] == [True, False, True, True, True]
    assert rig.opened.events.data("events.erased") == [
        {"about": f"ticket {TICKET}", "events": 1, "rows": 1, "copies": 0}
    ]
    assert [(event.topic, event.payload) for event in rig.blanked] == [("event/print/failed", after[1])]


async def test_a_slip_that_is_about_no_ticket(rig: Rig) -> None:
    """A fee list, say, which a cashier's system had printed with a patient's name in it (rule 19)."""
    transact, patient, drug = rig.opened.store.transact, "慕容某某某", "some drug 㐀㐁"
    await transact(lambda change: slip(change, None, patient, "fees-17"))
    await transact(lambda change: slip(change, None, patient, "fees-17"))  # and again
    await transact(lambda change: slip(change, None, "another patient", "fees-171"))
    await transact(partial(emit, failed(None, drug, "fees-17")))
    reply = await rig.ask(slip="fees-17")
    assert (reply.status, reply.data) == ("done", {"slip": "fees-17", "events": 1, "rows": 2, "copies": 0})
    assert not rig.holds(patient)
    assert not rig.holds(drug)
    assert rig.holds("another patient")
    assert rig.opened.events.data("events.erased")[0]["about"] == "slip fees-17"


async def test_a_blanked_event_still_fits_its_model(rig: Rig) -> None:
    await rig.ask(ticket=TICKET)
    payload: dict[str, Any] = json.loads((await rig.payloads())[1])
    assert PrintFailed.model_validate(payload["data"]).detail == ERASED


async def test_the_number_of_a_caller_and_of_no_other(rig: Rig) -> None:
    sql = (
        "INSERT INTO phone_call (id, phone, began_at, rings, caller, quiet, state)"
        " VALUES (17, 'p', 0, 3, ?, 0, 'missed')"
    )
    await rig.opened.store.transact(lambda change: change.write(sql, NUMBER))
    reply = await rig.ask(call="17")
    assert reply.data == {"call": "17", "events": 1, "rows": 1, "copies": 0}
    assert not rig.holds(NUMBER)
    assert rig.holds("13700000000")


async def test_an_item_that_was_rated_without_a_ticket(rig: Rig) -> None:
    transact, item, other = rig.opened.store.transact, "sfz-510102199003071234", "sfz-510102199003079999"
    for name in (other, item):
        session = await transact(lambda change, name=name: ratings.open_session(change, "1", None, name))  # type: ignore[misc]
        await transact(lambda change, session=session: ratings.submit(change, "1", "p", 1, session=session))  # type: ignore[misc]
    with pytest.raises(Refused) as refused:
        await transact(lambda change: ratings.open_session(change, "1", None, item))
    rejection = Reply(id="r", status=Status.REJECTED, reason=refused.value.reason, detail=refused.value.detail)
    await transact(lambda change: take_command(change, "r", "f", rig.opened.clock.now()))
    await transact(lambda change: settle_command(change, rejection))
    assert rig.holds(item)
    reply = await rig.ask(item=item)
    assert (reply.status, reply.data) == ("done", {"item": ERASED, "events": 2, "rows": 1, "copies": 0})
    assert not rig.holds(item)
    assert rig.holds(other)
    assert rig.opened.events.data("events.erased")[0]["about"] == f"item {ERASED}"
    assert item.encode() not in b"".join(await rig.payloads())
    with pytest.raises(Refused):
        await transact(lambda change: ratings.open_session(change, "1", None, item))


async def test_an_item_that_is_rated_while_it_is_being_erased(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The visitor presses while the disk deletes what was put aside, and that takes its time."""
    transact, item = rig.opened.store.transact, "sfz-510102199003071234"
    session = await transact(lambda change: ratings.open_session(change, "1", None, item))
    pressed = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> None:
        await transact(lambda change: ratings.submit(change, "1", "p", 1, session=session))
        pressed.set()

    monkeypatch.setattr(eraser, "call_in_thread", slow)
    assert (await rig.ask(item=item)).status == "done"
    assert pressed.is_set()
    assert rig.opened.events.data("rating.submitted")[0]["item"] == ERASED
    assert not rig.holds(item)


async def test_what_is_put_aside_while_it_is_being_erased_is_deleted_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage comes to light when what is to be erased is looked for; its copy is deleted after all of that."""
    erase_rows = eraser._erase_rows

    def damaged(change: Transaction, field: str, value: str) -> int:
        rig.opened.path.with_name(f"{rig.opened.path.name}.damaged-3ade68b1").write_text(NAME)
        return erase_rows(change, field, value)

    monkeypatch.setattr(eraser, "_erase_rows", damaged)
    reply = await rig.ask(ticket=TICKET)
    assert (reply.status, reply.data["copies"]) == ("done", 1)
    assert not rig.holds(NAME)


async def test_what_was_put_aside_as_damaged_is_deleted_and_told(rig: Rig) -> None:
    folder, name = rig.opened.path.parent, rig.opened.path.name
    for end in (".damaged-3ade68b1", ".damaged-3ade68b1-wal", ".damaged-00c0ffee"):
        (folder / f"{name}{end}").write_text(NAME)
    other = folder / f"other-{name}.damaged-3ade68b1"
    other.write_text(NAME)
    reply = await rig.ask(ticket=TICKET)
    assert (reply.status, reply.data["copies"]) == ("done", 2)
    assert not rig.holds(NAME)
    assert other.exists()
    assert rig.opened.events.data("events.erased")[0]["copies"] == 2


async def test_what_was_put_aside_and_cannot_be_deleted_is_said_and_not_called_done(rig: Rig) -> None:
    copy = rig.opened.path.with_name(f"{rig.opened.path.name}.damaged-3ade68b1")
    copy.mkdir()  # what unlink refuses, whoever asks
    rig.opened.path.with_name(f"{rig.opened.path.name}.damaged-00c0ffee").touch()
    reply = await rig.ask(ticket=TICKET)
    assert (reply.status, reply.reason, reply.data["copies"]) == ("unconfirmed", "store-failed", 1)
    assert str(copy) in reply.detail
    copy.rmdir()
    assert (await rig.ask(ticket=TICKET)).status == "done"


async def test_what_is_being_read_is_said_and_not_called_done(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eraser, "LOG_AGAIN_S", 0.01)
    with other_connection(rig.opened.path) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM event").fetchone() == (5,)
        asking = asyncio.create_task(rig.ask(ticket=TICKET))
        await store_rig.until(lambda: rig.opened.events.data("events.erased"), "the erasure")
        rig.opened.clock.advance(60)
        reply = await asking
        assert (reply.status, reply.reason) == ("unconfirmed", "busy")
        reader.execute("ROLLBACK")
    assert (await rig.ask(ticket=TICKET)).status == "done"
    assert not rig.holds(NAME)


async def test_refusals(rig: Rig) -> None:
    await rig.opened.store.transact(lambda change: slip(change, TICKET, NAME, "s3", "queued"))
    for data, reason in (
        ({}, "invalid"),
        ({"ticket": TICKET, "call": "17"}, "invalid"),
        ({"ticket": TICKET, "slip": "s1"}, "invalid"),
        ({"call": "17", "item": "i-1"}, "invalid"),
        ({"ticket": TICKET}, "in-print"),
        ({"slip": "s3"}, "in-print"),
    ):
        with pytest.raises(Refused) as refused:
            await rig.ask(**data)
        assert refused.value.reason == reason


async def test_too_late(rig: Rig) -> None:
    reply = await rig.ask(-1.0, ticket=TICKET)
    assert (reply.status, reply.reason) == ("expired", "expired")
    assert rig.holds(NAME)

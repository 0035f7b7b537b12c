"""Commands over a real store and the hall's real rules: each is carried out once, whatever happens around it."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon import intake
from daemon.commands import Refusal, Reply, Status
from daemon.display_desk import DisplayDesk
from daemon.hall.effects import Desks
from daemon.hall.hall import Hall
from daemon.intake import Intake
from daemon.settings import Settings, load_settings
from daemon.store import database_file
from drivers.device import DeviceError, Reason
from drivers.display.capability import Shown
from tests.store_rig import OpenStore, locked, open_store, until

HALL = Path(__file__).parent / "hall.toml"


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    retained: bool = False


class FakeBoard:
    """A board that is there, or says at once that it is not."""

    voice = None

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.there = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def show(self, text: str) -> Shown:
        if not self.there:
            raise DeviceError(Reason.DISCONNECTED, "unplugged")
        self.texts.append(text)
        await self.may_answer.wait()
        return Shown.CONFIRMED


class FakeQueue:
    def wake(self) -> None: ...


class Desk:
    """An intake with a board and a printer's queue; `again` makes it anew, as a restart of the daemon does."""

    def __init__(self, rig: OpenStore, settings: Settings, tasks: asyncio.TaskGroup) -> None:
        self.rig = rig
        self.settings = settings
        self.tasks = tasks
        self.board = FakeBoard()
        self.published: list[Reply] = []
        self.acknowledged = 0
        self.again()

    def again(self) -> None:
        display = DisplayDesk("led-1", self.board, self.rig.store, self.tasks, self.settled)
        desks = Desks(boards={"led-1": display}, ratings={}, printers={"printer-1": FakeQueue()})
        hall = Hall(self.settings, desks)
        store, clock = self.rig.store, self.rig.clock
        self.intake = Intake(lambda: hall, store, clock, self.tasks, self.published.append, lambda: None)

    def settled(self, reply: Reply) -> None:
        self.intake.settled(reply)

    def send(self, name: str, command: str = "", deadline_s: float = 30, **data: Any) -> list[Reply]:
        """Send a command; what it is answered, as it comes."""
        deadline = (self.rig.clock.now() + timedelta(seconds=deadline_s)).isoformat()
        body = {"id": command or uuid.uuid4().hex, "deadline": deadline, "data": data}
        answers: list[Reply] = []
        self.intake.receive(Message(f"command/{name}", json.dumps(body).encode()), answers.append, self.acknowledge)
        return answers

    def acknowledge(self) -> None:
        self.acknowledged += 1

    def show(self, text: str, command: str = "") -> list[Reply]:
        return self.send("display/show", command, display="led-1", text=text)

    def take(self, command: str = "") -> list[Reply]:
        return self.send("ticket/take", command, service="a")


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    settings = load_settings(HALL, {})
    async with open_store(tmp_path / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        made = Desk(rig, settings, tasks)
        await made.intake.open()
        yield made


def statuses(answers: list[Reply]) -> list[str]:
    return [str(answer.status) for answer in answers]


def final(answers: list[Reply]) -> Callable[[], bool]:
    return lambda: bool(answers) and answers[-1].final


async def test_a_text_is_shown_at_once_and_answered_once_it_is_stored(desk: Desk) -> None:
    desk.board.may_answer.clear()
    answers = desk.show("欢迎")
    await until(lambda: statuses(answers) == ["accepted"], "accepted")
    assert desk.board.texts == ["欢迎"]
    desk.board.may_answer.set()
    await until(final(answers), "the outcome")
    assert statuses(answers) == ["accepted", "done"]
    await until(lambda: desk.acknowledged == 1, "the acknowledgement")


async def test_a_board_that_answers_sooner_than_the_disk_is_answered_for_all_the_same(desk: Desk) -> None:
    for there, outcome in ((False, "failed"), (True, "done")):
        desk.board.there = there
        for _ in range(20):
            answers = desk.show("A")
            await until(final(answers), "the outcome")
            assert statuses(answers) == ["accepted", outcome]


async def test_a_command_repeated_while_it_is_at_work_is_not_begun_again_and_everybody_hears(desk: Desk) -> None:
    desk.board.may_answer.clear()
    first, second = desk.show("A", "c-1"), desk.show("A", "c-1")
    await until(lambda: second, "the second to be accepted")
    third = desk.show("A", "c-1")
    await until(lambda: third, "the third to be accepted")
    desk.board.may_answer.set()
    await until(lambda: all(map(len, (first[1:], second[1:], third[1:]))), "three outcomes")
    assert [statuses(answers) for answers in (first, second, third)] == [["accepted", "done"]] * 3
    assert desk.board.texts == ["A"]
    fourth = desk.show("A", "c-1")
    await until(final(fourth), "the answer again")
    assert fourth == first[1:]
    assert desk.board.texts == ["A"]


async def test_repetitions_that_wait_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "REPEATS_MAX", 3)
    first = desk.take("c-1")
    await until(lambda: first, "accepted")
    repeated = []
    for _ in range(4):
        repeated.append(desk.take("c-1"))
        await until(lambda: repeated[-1], "an answer")
    assert [answers[0].reason for answers in repeated] == [None, None, "busy", "busy"]
    desk.settled(Reply(id="c-1", status=Status.DONE))
    assert [statuses(answers)[1:] for answers in (first, *repeated)] == [["done"], ["done"], ["done"], [], []]


async def test_too_many_at_work_are_refused_as_busy_and_the_rest_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_AT_WORK", 5)
    sent = [desk.send("ticket/recall", counter="1") for _ in range(12)]
    await until(lambda: all(sent), "every answer")
    assert [answers[0].reason for answers in sent] == ["no-ticket"] * 5 + ["busy"] * 7
    await until(lambda: (desk.intake.refused, desk.acknowledged) == (12, 12), "the acknowledgements")
    later = desk.send("ticket/recall", counter="1")
    await until(lambda: later, "an answer")
    assert later[0].reason == "no-ticket"


async def test_of_many_ids_the_latest_are_remembered_and_none_is_refused_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that gives every command a deadline in another century is served for ever."""
    monkeypatch.setattr(intake, "KNOWN_MAX", 3)
    year_s = 365 * 86_400
    for number in range(8):
        answers = desk.send("ticket/take", f"c-{number}", deadline_s=70 * year_s, service="a")
        await until(lambda answers=answers: answers, "an answer")  # type: ignore[misc]
        assert statuses(answers) == ["accepted"]
    assert list(desk.intake._known) == ["c-5", "c-6", "c-7"]
    again = desk.send("ticket/take", "c-0", deadline_s=70 * year_s, service="a")
    await until(lambda: again, "an answer")
    assert len(desk.rig.events.data("ticket.issued")) == 8, "the store remembers them all"


async def test_the_farthest_deadline_there_is_survives_a_restart(desk: Desk) -> None:
    payload = b'{"id": "c-1", "deadline": "9999-12-31T23:59:59-14:00", "data": {"service": "a"}}'
    answers: list[Reply] = []
    desk.intake.receive(Message("command/ticket/take", payload), answers.append, desk.acknowledge)
    await until(lambda: statuses(answers) == ["accepted"], "an answer")
    desk.again()
    await desk.intake.open()


async def test_what_cannot_be_stored_is_refused_without_effect(desk: Desk) -> None:
    with locked(desk.rig.path):
        answers = desk.take("c-1")
        await until(lambda: answers, "an answer")
        assert [(answer.status, answer.reason) for answer in answers] == [(Status.REJECTED, "store-failed")]
    await until(lambda: desk.acknowledged == 1, "the acknowledgement")
    assert desk.rig.events.names == []
    again = desk.take("c-1")
    await until(lambda: again, "an answer")
    assert statuses(again) == ["accepted"], "its id is not used up"


async def test_a_text_shown_when_the_store_fails_is_said_to_have_failed_and_may_be_sent_again(desk: Desk) -> None:
    with locked(desk.rig.path):
        answers = desk.show("A", "c-1")
        await until(lambda: answers, "an answer")
        assert [(answer.status, answer.reason) for answer in answers] == [(Status.FAILED, "store-failed")]
        assert desk.board.texts == ["A"], "the board need not wait for the disk"
        refused = desk.show("B", "c-2")
        await until(lambda: refused, "an answer")
        assert (refused[0].status, refused[0].reason) == (Status.REJECTED, "store-failed")
        assert desk.board.texts == ["A"], "a disk that is known to fail can record nothing"
    await until(lambda: desk.rig.events.names == ["display.shown"], "what happened to A is told in the end")
    await until(lambda: not desk.rig.store.failing, "the store to work")
    again = desk.show("A", "c-1")
    await until(final(again), "the outcome")
    assert statuses(again) == ["accepted", "done"]
    assert desk.board.texts == ["A", "A"]
    assert len(answers) == 1, "one final answer to the first attempt"
    assert desk.published == []


async def test_what_a_restart_cut_off_is_answered_as_interrupted_once(desk: Desk) -> None:
    desk.board.may_answer.clear()
    printing, showing = desk.take("c-print"), desk.show("A", "c-show")
    await until(lambda: printing and showing, "accepted")
    desk.again()
    await desk.intake.open()
    assert [(reply.id, reply.status, reply.reason) for reply in desk.published] == [
        ("c-show", Status.FAILED, Refusal.INTERRUPTED)
    ], "the outcome of the print job will be told by the job"
    repeated = desk.show("A", "c-show")
    await until(final(repeated), "the answer again")
    assert repeated == desk.published
    assert desk.board.texts == ["A"]
    desk.board.may_answer.set()


async def test_after_a_restart_answers_that_may_still_be_awaited_are_sent_again(desk: Desk) -> None:
    refused = desk.send("ticket/recall", "c-old", deadline_s=5, counter="1")
    awaited = desk.send("ticket/recall", "c-new", deadline_s=60, counter="1")
    await until(lambda: refused and awaited, "both refusals")
    desk.rig.clock.advance(10)
    desk.again()
    await desk.intake.open()
    assert desk.published == awaited


async def test_commands_that_come_before_the_store_works_are_refused_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "OPEN_AGAIN_S", 0.01)
    (tmp_path / "var").write_text("a file where the directory should be")
    settings = load_settings(HALL, {})
    async with open_store(tmp_path / "var" / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        desk = Desk(rig, settings, tasks)
        opening = tasks.create_task(desk.intake.open())
        answers = desk.take("c-1")
        await until(lambda: answers, "an answer")
        assert answers[0].reason == "store-failed"
        (tmp_path / "var").unlink()
        rig.clock.advance(10)
        again = desk.take("c-1")
        await until(lambda: again, "an answer")
        assert statuses(again) == ["accepted"]
        await opening
        assert desk.published == [], "what came after the start was not cut off by it"


async def test_an_end_in_the_middle_leaves_the_command_with_the_broker(desk: Desk) -> None:
    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            desk.tasks = tasks
            desk.again()
            await desk.intake.open()
            desk.rig.store.post(lambda _: stalled.wait())
            desk.take("c-1")
            await asyncio.Event().wait()

    stalled = threading.Event()
    serving = asyncio.create_task(serve())
    await until(lambda: desk.intake._at_work == 1, "the command to be at work")
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    stalled.set()
    await desk.rig.store.transact(lambda _: None)
    assert desk.acknowledged == 0

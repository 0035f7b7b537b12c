"""One board, over a real store: each text has one outcome, and its event and its reply agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon import display_desk
from daemon.commands import Reply, Status
from daemon.display_desk import PATTERN, DisplayDesk
from daemon.store import database_file
from daemon.store.journal import find_command, take_command
from drivers.device import DeviceError, Reason
from drivers.display.capability import Shown, Spoken
from tests.store_rig import OpenStore, locked, open_store, until


class FakeVoice:
    """A voice with the same answer for every text."""

    def __init__(self, answer: Spoken | DeviceError) -> None:
        self.answer = answer

    async def speak(self, _: str) -> Spoken:
        if isinstance(self.answer, DeviceError):
            raise self.answer
        return self.answer


class FakeBoard:
    """A board that answers as it is told, when it is told."""

    voice: FakeVoice | None = None

    def __init__(self) -> None:
        self.answer: Shown | DeviceError = Shown.CONFIRMED
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.texts: list[str] = []

    async def show(self, text: str) -> Shown:
        self.texts.append(text)
        answer = self.answer
        await self.may_answer.wait()
        if isinstance(answer, DeviceError):
            raise answer
        return answer


class Desk:
    def __init__(self, rig: OpenStore, tasks: asyncio.TaskGroup) -> None:
        self.rig = rig
        self.board = FakeBoard()
        self.replies: list[Reply] = []
        self.desk = DisplayDesk("led-1", self.board, rig.store, tasks, self.replies.append)

    async def take(self, command: str) -> None:
        now = self.rig.clock.now()
        await self.rig.store.transact(lambda change: take_command(change, command, "f", now))


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(tmp_path / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        yield Desk(rig, tasks)


UNSHOWABLE = DeviceError(Reason.UNSHOWABLE, "U+20BB7")
GONE = DeviceError(Reason.DISCONNECTED, "unplugged")

OUTCOMES = [
    (Shown.CONFIRMED, Status.DONE, None, "display.shown", {"confirmed": True}),
    (Shown.SENT, Status.UNCONFIRMED, None, "display.shown", {"confirmed": False}),
    (Shown.SUPERSEDED, Status.FAILED, "superseded", "display.failed", {"reason": "superseded"}),
    (UNSHOWABLE, Status.FAILED, "unshowable", "display.failed", {"reason": "unshowable", "detail": "U+20BB7"}),
    (GONE, Status.FAILED, "disconnected", "display.failed", {"reason": "disconnected", "detail": "unplugged"}),
]


@pytest.mark.parametrize(("answer", "status", "reason", "event", "data"), OUTCOMES)
async def test_reply_event_and_journal_agree(
    desk: Desk, answer: Shown | DeviceError, status: Status, reason: str | None, event: str, data: dict[str, object]
) -> None:
    desk.board.answer = answer
    await desk.take("c-1")
    desk.desk.show("请A001到1号窗口", "c-1")
    await until(lambda: desk.replies, "the reply")
    assert [(reply.status, reply.reason) for reply in desk.replies] == [(status, reason)]
    assert desk.rig.events.names == [event]
    told = desk.rig.events.data(event)[0]
    assert told | data == told
    assert (told["display"], told["text"]) == ("led-1", "请A001到1号窗口")
    seen = await desk.rig.store.transact(lambda change: find_command(change, "c-1"))
    assert seen is not None
    assert seen.reply == desk.replies[0]


async def test_a_text_of_the_daemons_own_is_told_as_an_event_alone(desk: Desk) -> None:
    desk.desk.show("1号窗口")
    await until(lambda: desk.rig.events.names == ["display.shown"], "the event")
    assert desk.replies == []


async def test_nobody_is_answered_before_the_outcome_is_stored(desk: Desk) -> None:
    await desk.take("c-1")
    with locked(desk.rig.path):
        desk.desk.show("A", "c-1")
        await until(lambda: desk.rig.store.failing, "the disk to fail")
        assert desk.replies == []
    await until(lambda: desk.replies, "the reply")
    assert desk.rig.events.names == ["display.shown"]


async def test_a_command_that_was_never_taken_is_not_answered_again(desk: Desk) -> None:
    """It was told that the store failed, when it came: what became of its text is an event."""
    desk.desk.show("A", "c-unknown")
    await until(lambda: desk.rig.events.names == ["display.shown"], "the event")
    await desk.rig.store.transact(lambda _: None)
    assert desk.replies == []


async def test_a_slow_board_does_not_hold_up_the_next_text(desk: Desk) -> None:
    desk.board.may_answer.clear()
    desk.desk.show("A")
    desk.desk.show("B")
    await until(lambda: desk.board.texts == ["A", "B"], "both texts at the driver, in their order")
    desk.board.may_answer.set()
    await until(lambda: len(desk.rig.events.names) == 2, "both outcomes")


async def test_a_pattern_gives_the_board_back_what_was_on_its_way_to_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display_desk, "PATTERN_S", 0.0)
    desk.desk.show("请A001到1号窗口")
    await until(lambda: desk.rig.events.names == ["display.shown"], "the call")
    desk.board.may_answer.clear()
    desk.desk.show("1号窗口")
    trying = asyncio.create_task(desk.desk.try_out())
    await until(lambda: "1号窗口" in desk.board.texts, "the newer text at the driver")
    desk.board.may_answer.set()
    await trying
    assert desk.board.texts == ["请A001到1号窗口", "1号窗口", PATTERN, "1号窗口"]


async def test_a_board_that_is_lost_with_the_pattern_on_it_has_its_text_to_show_again(desk: Desk) -> None:
    desk.desk.show("1号窗口")
    await until(lambda: desk.rig.events.names == ["display.shown"], "the text")
    desk.board.answer = GONE
    with pytest.raises(DeviceError):
        await desk.desk.try_out()
    await until(lambda: desk.board.texts == ["1号窗口", PATTERN, "1号窗口"], "the text after the pattern")


async def test_a_check_that_is_given_up_leaves_no_pattern_on_the_board(desk: Desk) -> None:
    desk.desk.show("1号窗口")
    await until(lambda: desk.rig.events.names == ["display.shown"], "the text")
    trying = asyncio.create_task(desk.desk.try_out())
    await until(lambda: desk.board.texts[-1] == PATTERN, "the pattern")
    trying.cancel()
    await until(lambda: desk.board.texts == ["1号窗口", PATTERN, "1号窗口"], "the text after the pattern")


@pytest.mark.parametrize(
    ("answer", "name", "more"),
    [
        (Spoken.CONFIRMED, "display.spoken", {"confirmed": True}),
        (Spoken.SENT, "display.spoken", {"confirmed": False}),
        (
            Spoken.SUPERSEDED,
            "display.speech-failed",
            {"reason": "superseded", "detail": "too many newer texts were to be spoken"},
        ),
        (GONE, "display.speech-failed", {"reason": "disconnected", "detail": "unplugged"}),
    ],
)
async def test_what_became_of_a_spoken_call_is_an_event(
    desk: Desk, answer: Spoken | DeviceError, name: str, more: dict[str, object]
) -> None:
    desk.board.voice = FakeVoice(answer)
    desk.desk.speak("请A012到1号窗口")
    await until(lambda: desk.rig.events.names, "the event")
    assert desk.rig.events.names == [name]
    assert desk.rig.events.data(name) == [{"display": "led-1", "text": "请A012到1号窗口", **more}]


async def test_a_board_without_a_voice_says_nothing_of_it(desk: Desk) -> None:
    desk.desk.speak("请A012到1号窗口")
    desk.desk.show("请A012到1号窗口")
    await until(lambda: desk.rig.events.names, "the event of the text")
    assert desk.rig.events.names == ["display.shown"]

"""One panel at its counter, over a real store: nobody is thanked before the rating is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon import ratings
from daemon.rating_desk import RatingDesk
from daemon.settings import Rating
from daemon.store import database_file
from drivers.device import DeviceError, Reason
from drivers.panel.capability import Press
from tests.store_rig import OpenStore, locked, open_store, until

LONG = Rating(timeout_s=600, bounce_s=0.3)
SHORT = Rating.model_construct(timeout_s=0.05, bounce_s=0.3, after_finish=True)


class FakePanel:
    """A panel that notes what it was asked, and how far the store was then."""

    def __init__(self, rig: OpenStore) -> None:
        self._rig = rig
        self.asked: list[str] = []
        self.stored_when_thanking: list[str] = []
        self.reachable = True

    def _note(self, what: str) -> None:
        if not self.reachable:
            raise DeviceError(Reason.DISCONNECTED, "unplugged")
        self.asked.append(what)

    async def invite(self) -> None:
        self._note("invite")

    async def thank(self) -> None:
        self.stored_when_thanking = self._rig.events.names
        self._note("thank")

    async def dismiss(self) -> None:
        self._note("dismiss")


class Desk:
    def __init__(self, rig: OpenStore, tasks: asyncio.TaskGroup) -> None:
        self.rig = rig
        self.tasks = tasks
        self.panel = FakePanel(rig)
        self.desk = self.make(LONG)
        self._pressed_s = 100.0

    def make(self, rating: Rating) -> RatingDesk:
        desk = RatingDesk("panel-1", "1", rating, self.rig.store, self.tasks)
        desk.connect(self.panel)
        return desk

    async def open_session(self) -> str:
        session = await self.rig.store.transact(lambda change: ratings.open_session(change, "1", None))
        self.desk.opened(session)
        return session

    def press(self, level: int, after_s: float = 1.0) -> None:
        self._pressed_s += after_s
        self.desk.pressed(Press(level, self._pressed_s))

    async def heard(self, *names: str) -> None:
        """Return when exactly these events of ratings were stored, after the opening of sessions."""
        await until(lambda: self._ratings() == list(names), f"{names}")

    def _ratings(self) -> list[str]:
        return [name for name in self.rig.events.names if name.startswith("rating.") and name != "rating.opened"]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(database_file, "BUSY_S", 0.01)
    async with open_store(tmp_path / "kioskd.db") as rig, asyncio.TaskGroup() as tasks:
        made = Desk(rig, tasks)
        yield made
        made.desk.close()


async def test_the_visitor_is_invited_and_thanked_once_the_rating_is_stored(desk: Desk) -> None:
    session = await desk.open_session()
    desk.press(4)
    await until(lambda: desk.panel.asked == ["invite", "thank"], "the thanks")
    assert desk.panel.stored_when_thanking == ["rating.opened", "rating.submitted"]
    assert desk.rig.events.data("rating.submitted")[0]["session"] == session


async def test_only_the_rating_itself_is_thanked(desk: Desk) -> None:
    desk.press(5)
    await desk.open_session()
    for level in (1, 2, 3):
        desk.press(level)
    await desk.heard("rating.unsolicited", "rating.submitted", "rating.repeated", "rating.repeated")
    await desk.rig.store.transact(lambda _: None)  # the desk was told of what was stored before
    await until(lambda: "thank" in desk.panel.asked, "the thanks")
    assert desk.panel.asked == ["invite", "thank"]


async def test_nobody_is_thanked_for_what_could_not_be_stored(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    await desk.open_session()
    with locked(desk.rig.path):
        desk.press(5)
        await until(lambda: "a press of 5 was not stored" in caplog.text, "the failure")
    assert desk.panel.asked == ["invite"]
    desk.press(3)  # not thanked, the visitor presses again
    await until(lambda: desk.panel.asked == ["invite", "thank"], "the thanks")
    assert desk.rig.events.names == ["rating.opened", "rating.submitted"]
    assert desk.rig.events.data("rating.submitted")[0]["level"] == 3


async def test_contact_bounce_is_one_press_and_a_quick_change_of_mind_is_two(desk: Desk) -> None:
    await desk.open_session()
    desk.press(5)
    desk.press(5, after_s=0.01)
    desk.press(5, after_s=0.29)
    desk.press(4, after_s=0.01)
    desk.press(5, after_s=0.31)
    await desk.heard("rating.submitted", "rating.repeated", "rating.repeated")
    assert [data["level"] for data in desk.rig.events.data("rating.repeated")] == [4, 5]


async def test_a_session_without_a_press_times_out_and_the_panel_stops_asking(desk: Desk) -> None:
    desk.desk.follow("1", SHORT)
    session = await desk.open_session()
    await desk.heard("rating.lapsed")
    await until(lambda: desk.panel.asked == ["invite", "dismiss"], "the dismissal")
    assert desk.rig.events.data("rating.lapsed")[0] == {
        "session": session,
        "counter": "1",
        "ticket": None,
        "item": None,
        "reason": "timed-out",
    }
    desk.press(5)
    await desk.heard("rating.lapsed", "rating.unsolicited")


async def test_after_its_time_a_rated_session_is_over_without_a_word(desk: Desk) -> None:
    desk.desk.follow("1", SHORT)
    await desk.open_session()
    desk.press(5)
    await desk.heard("rating.submitted")
    await asyncio.sleep(SHORT.timeout_s * 2)
    desk.press(4)
    await desk.heard("rating.submitted", "rating.unsolicited")
    assert desk.panel.asked == ["invite", "thank"]


async def test_a_time_out_is_stored_however_long_the_disk_takes(desk: Desk) -> None:
    """Or the next passer-by's press would be taken for the visitor's rating."""
    desk.desk.follow("1", SHORT)
    session = await desk.rig.store.transact(lambda change: ratings.open_session(change, "1", None))
    with locked(desk.rig.path):
        desk.desk.opened(session)
        await until(lambda: desk.rig.store.failing, "the disk to fail")
    await desk.heard("rating.lapsed")
    desk.press(5)
    await desk.heard("rating.lapsed", "rating.unsolicited")


async def test_a_session_ended_by_command_stops_the_asking_and_its_clock(desk: Desk) -> None:
    await desk.open_session()
    await desk.rig.store.transact(lambda change: ratings.cancel_session(change, "1"))
    desk.desk.dismissed()
    await until(lambda: desk.panel.asked == ["invite", "dismiss"], "the dismissal")
    desk.press(5)
    await desk.heard("rating.lapsed", "rating.unsolicited")


async def test_a_restart_goes_on_with_the_open_session(desk: Desk) -> None:
    session = await desk.open_session()
    desk.desk.close()
    desk.desk = desk.make(LONG)
    await desk.desk.resume()
    await until(lambda: desk.panel.asked == ["invite", "invite"], "the invitation")
    desk.press(3)
    await desk.heard("rating.submitted")
    assert desk.rig.events.data("rating.submitted")[0]["session"] == session
    desk.press(3)
    await desk.heard("rating.submitted", "rating.repeated")


async def test_a_restart_after_the_sessions_time_ends_it(desk: Desk) -> None:
    await desk.open_session()
    desk.desk.close()
    desk.rig.clock.advance(LONG.timeout_s)
    desk.desk = desk.make(LONG)
    await desk.desk.resume()
    desk.press(3)
    await desk.heard("rating.lapsed", "rating.unsolicited")
    assert desk.panel.asked == ["invite"]


async def test_a_panel_that_cannot_be_told_takes_ratings_all_the_same(desk: Desk) -> None:
    desk.panel.reachable = False
    await desk.open_session()
    desk.press(2)
    await desk.heard("rating.submitted")


async def test_a_panel_that_stands_at_no_counter_says_only_that_it_was_pressed(desk: Desk) -> None:
    desk.desk.follow(None, LONG)
    await desk.desk.resume()
    desk.press(1)
    await desk.heard("rating.unsolicited")
    assert desk.rig.events.data("rating.unsolicited") == [{"panel": "panel-1", "counter": None, "level": 1}]


async def test_a_panel_moved_to_another_counter_leaves_its_session_where_it_was(desk: Desk) -> None:
    desk.desk.follow("1", SHORT)
    session = await desk.open_session()
    desk.desk.follow("2", SHORT)
    await desk.heard("rating.lapsed")
    lapsed = desk.rig.events.data("rating.lapsed")[0]
    assert (lapsed["session"], lapsed["counter"]) == (session, "1")

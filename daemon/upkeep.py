"""What has to be looked at now and then: the clock, the age of what is kept, and whether everything still moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from daemon import followups, ratings, tickets
from daemon.alerts import alerts, promises
from daemon.clock import Clock
from daemon.events import ClockJumped
from daemon.figures.counting import FIRST_YEAR
from daemon.notify import Notifier
from daemon.settings import Settings, Storage
from daemon.store import retention
from daemon.store.database import Transaction
from daemon.store.store import Store, StoreBusy, StoreError

log = logging.getLogger(__name__)

LOOK_S = 1.0
JUMP_S = 2.0
"""The wall clock and the monotonic clock may drift apart by this much between two looks: more is a jump."""

KEEP_HOUSE_S = 600.0
STORE_ANSWERS_S = 10.0


async def watch_clock(clock: Clock, store: Store) -> None:
    """A kiosk without a clock battery starts in the past: an event says when its clock is set.

    Ends the numbers of a day that is over, too: by a clock that was just looked at. By one that was set, and whose jump
    nobody has noted yet, everybody who waits would seem to have waited for years.
    """
    wall, steady_s = clock.now(), clock.monotonic_s()
    began = wall  # of this run, by the present clock
    day_ends_at_s = steady_s
    while True:
        await asyncio.sleep(LOOK_S)
        expected = wall + timedelta(seconds=clock.monotonic_s() - steady_s)
        wall, steady_s = clock.now(), clock.monotonic_s()
        if abs((wall - expected).total_seconds()) > JUMP_S:
            _note_jump(store, began, expected, wall)
            began += wall - expected
        if steady_s >= day_ends_at_s:
            store.post(tickets.withdraw_left_over)
            day_ends_at_s = steady_s + KEEP_HOUSE_S


def _note_jump(store: Store, began: datetime, expected: datetime, wall: datetime) -> None:
    """What happened from `began` on has a time by the clock before, which would be `expected` now and is `wall`.

    By a clock that was never set, so has everything that it timed, in the runs before this one too.
    """
    by_s = (wall - expected).total_seconds()
    since = 0.0 if expected.year < FIRST_YEAR else began.timestamp()
    times = since, expected.timestamp(), by_s
    log.warning("the clock jumped by %+.1f s", by_s)

    def jumped(change: Transaction) -> None:
        change.emit(ClockJumped(before=expected, after=wall, by_s=round(by_s, 3)))
        promises.follow_clock(change, *times)
        alerts.follow_clock(change, *times)
        tickets.follow_clock(change, *times)
        ratings.follow_clock(change, *times)
        followups.follow_clock(change, *times)
        tickets.go_on_numbering(change, expected, wall)

    store.post(jumped)


async def keep_house(settings: Callable[[], Settings], store: Store) -> None:
    """Take away what is too old or too much, a little at a time."""
    while True:
        try:
            await _clean_up(settings().store, store)
        except StoreError as error:
            log.warning("nothing can be taken away: %s", error)
        await asyncio.sleep(KEEP_HOUSE_S)


async def _clean_up(kept: Storage, store: Store) -> None:
    more = True
    while more:
        more = await store.transact(lambda change: retention.forget_old(change, kept.keep_days)) > 0
    more = True
    while more:
        more = await store.transact(lambda change: retention.make_room(change, kept.max_mb << 20)) > 0


async def feed_watchdog(notifier: Notifier, store: Store, devices_alive: Callable[[], bool]) -> None:
    """Tell systemd that we live, only while the store answers and every device loop moves."""
    if notifier.watchdog_s is None:
        return
    while True:
        if devices_alive() and await _answers(store):
            notifier.alive()
        await asyncio.sleep(notifier.watchdog_s / 3)


async def _answers(store: Store) -> bool:
    try:
        async with asyncio.timeout(STORE_ANSWERS_S):
            await store.transact(lambda _: None)
    except (StoreBusy, TimeoutError):
        return False
    except StoreError:
        return True  # a full disk is no reason for a restart: the writer did answer
    return True

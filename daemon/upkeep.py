"""What has to be looked at now and then: the clock, the age of what is kept, and whether everything still moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from daemon import tickets
from daemon.clock import Clock
from daemon.clock_jumps import JUMP_S
from daemon.notify import Notifier
from daemon.settings import Settings, Storage
from daemon.store import retention
from daemon.store.store import Store, StoreBusy, StoreError

log = logging.getLogger(__name__)

LOOK_S = 1.0
KEEP_HOUSE_S = 600.0
STORE_ANSWERS_S = 10.0


async def watch_clock(clock: Clock, store: Store) -> None:
    """Has a clock that was set noted at once, though nothing else is to be stored, and ends the numbers of a day that
    is over.
    """
    wall, steady_s = clock.now(), clock.monotonic_s()
    day_ends_at_s = steady_s
    while True:
        await asyncio.sleep(LOOK_S)
        expected = wall + timedelta(seconds=clock.monotonic_s() - steady_s)
        wall, steady_s = clock.now(), clock.monotonic_s()
        if abs((wall - expected).total_seconds()) > JUMP_S:
            store.post(lambda _: None)  # the store looks at the clock first
        if steady_s >= day_ends_at_s:
            store.post(tickets.withdraw_left_over)
            day_ends_at_s = steady_s + KEEP_HOUSE_S


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

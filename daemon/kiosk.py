"""The whole daemon over one configuration: what is made of what, in which order it starts, and how it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from daemon import __version__, forecast
from daemon.alerts.device_watch import DeviceWatch
from daemon.clock import Clock, machine_start
from daemon.clock_jumps import ClockJumps
from daemon.commands import Reply
from daemon.envelope import StoredEvent
from daemon.events import ConfigurationRejected, ConfigurationReloaded, DaemonStarted, DaemonStopping, DeviceChanged
from daemon.figures import counting as figures
from daemon.figures.board import FiguresBoard
from daemon.hall.hall import Hall
from daemon.hotplug import watch_hotplug
from daemon.intake import Intake
from daemon.mqtt.broker import Incoming
from daemon.mqtt.broker_settings import broker_of
from daemon.mqtt.uplink import Uplink
from daemon.notify import Notifier
from daemon.phones import end_unattended
from daemon.picture import Picture
from daemon.readiness.desk import ReadinessDesk
from daemon.readiness.trials import Trials
from daemon.reload import changes, end_what_is_gone, stale_boards
from daemon.replayer import Replayer
from daemon.settings import Device, Settings
from daemon.slips.book import SlipBook
from daemon.statuses import DeviceStatus, KioskStatus
from daemon.store.database import Transaction
from daemon.store.eraser import Eraser
from daemon.store.store import Store, StoreError
from daemon.units import Surroundings
from daemon.upkeep import feed_watchdog, keep_house, watch_clock
from daemon.workshop import Workshop
from drivers.catalog import Kind
from drivers.device import Condition

log = logging.getLogger(__name__)

DEVICES_END_S = 0.7
STORING_ENDS_S = 0.5
FAREWELL_S = 0.7
UNFINISHED_S = 0.5
"""Together with closing the store these stay below the three seconds that stopping may take."""

COUNT_S = 0.5
"""Refusals that come together change the topic ``status`` once."""

NEEDS_RESTART = frozenset({"hall", "kiosk", "root", "store"})
"""Keys that name the stream of events: a new one begins with a new run."""


class Kiosk:
    """One run of the daemon. `run` it once; `stop` and `reload` may be called from signal handlers of the loop."""

    def __init__(self, settings: Settings, clock: Clock, notifier: Notifier, book: SlipBook) -> None:
        self.settings = settings
        self._book = book
        self._clock = clock
        self._notifier = notifier
        self._boot = secrets.token_hex(4)
        self._since = clock.now()
        self._stopping = asyncio.Event()
        self._store_failure: str | None = None
        self._saying: asyncio.TimerHandle | None = None
        self._store = Store(
            settings.store.path,
            source=f"/{settings.topic_root}",
            clock=clock,
            on_committed=self._committed,
            on_health=self._store_health,
            reactions=(figures.count, forecast.learn),
            first=ClockJumps(machine_start()),
        )
        will = KioskStatus(state="offline", boot=self._boot, version=__version__)
        self._uplink = Uplink(
            broker_of(settings),
            self._store,
            will=will,
            on_command=self._received,
            on_refusals=self._say_online_soon,
        )
        retained = self._uplink.retained
        self._devices = DeviceWatch(clock)
        self._picture = Picture(lambda: self.settings, self._store, self._devices, retained.set, retained.clear)
        self._figures = FiguresBoard(self._devices.states, self._store, clock, retained.set)

    def stop(self) -> None:
        """End in order."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`; everything that happened is stored when it returns, as far as the disk takes it.

        Nothing here waits for the disk: with a full or broken one the devices are served all the same.
        """
        self._store.open()
        try:
            async with asyncio.timeout(None) as end, asyncio.TaskGroup() as tasks:
                await self._serve(tasks)
                end.reschedule(asyncio.get_running_loop().time() + UNFINISHED_S)
        except TimeoutError:
            log.warning("what happened last could not be stored")
        finally:
            await self._store.close()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        tasks.create_task(self._store.keep(self._started))
        store, settle = self._store, self._settled
        self._workshop = Workshop(
            Surroundings(store, self._clock, tasks, settle, self._book, self._show_device, self._device_changed),
            self._forget_device,
        )
        answer, refused = self._uplink.replies.send, self._say_online_soon
        self._intake = Intake(lambda: self._hall, store, self._clock, tasks, answer, refused)
        tasks.create_task(self._intake.open())
        self._replayer = Replayer(store, self._uplink.replay, self._clock, self._intake.told, self._settled)
        self._eraser = Eraser(store, self.settings.store.path, self._clock, self._settled, self._uplink.replace)
        trials = Trials(
            store, self.settings.store.path, self._clock, lambda: self._workshop.units, self._uplink.answers
        )
        show_report = partial(self._uplink.retained.set, "readiness")
        self._readiness = ReadinessDesk(
            lambda: self.settings, store, self._clock, trials, show_report, self._settled, self._workshop.changed
        )
        self._put_in_force(self.settings)
        self._say_online()
        uplink = tasks.create_task(self._uplink.run())
        others = [
            tasks.create_task(self._picture.run()),
            tasks.create_task(self._figures.run()),
            tasks.create_task(self._replayer.run()),
            tasks.create_task(self._eraser.run()),
            tasks.create_task(self._readiness.run()),
            tasks.create_task(watch_clock(self._clock, store)),
            tasks.create_task(keep_house(lambda: self.settings, store)),
            tasks.create_task(feed_watchdog(self._notifier, store, self._workshop.alive)),
            tasks.create_task(watch_hotplug(self._workshop.wake)),
        ]
        self._notifier.ready(self._in_short())
        await self._stopping.wait()
        await self._wind_down(others)
        uplink.cancel()

    async def _wind_down(self, others: list[asyncio.Task[None]]) -> None:
        """Devices first, so that nothing new happens; the broker last, so that it hears of everything."""
        self._notifier.stopping()
        for task in others:
            task.cancel()
        if self._saying is not None:
            self._saying.cancel()
        await self._workshop.close(DEVICES_END_S)
        self._store.post(lambda change: change.emit(DaemonStopping(boot=self._boot)))
        try:
            async with asyncio.timeout(STORING_ENDS_S):
                await self._store.transact(lambda _: None)
        except TimeoutError:
            log.warning("the disk is slow: what is being stored now may not be announced before the end")
        except StoreError as error:
            log.warning("the end cannot be stored: %s", error)
        await self._uplink.farewell(self._status("offline"), FAREWELL_S)

    # the configuration

    def reload(self, settings: Settings) -> None:
        """Put `settings` in force: devices that did not change are not touched."""
        self._notifier.reloading()
        difference = changes(self.settings, settings)
        if settings.mqtt != self.settings.mqtt:
            self._uplink.move(broker_of(settings))
        kept_back = tuple(sorted(difference.keys & NEEDS_RESTART))
        if kept_back:
            log.warning("%s: in force after a restart: systemctl restart kioskd", ", ".join(kept_back))
        self._put_in_force(settings)
        event = ConfigurationReloaded(boot=self._boot, changed=difference.names, after_restart=kept_back)
        self._store.post(lambda change: change.emit(event))
        self._notifier.ready(self._in_short())

    def reject(self, errors: Sequence[str]) -> None:
        """A new configuration has errors: the old one stays in force, and an event says so."""
        event = ConfigurationRejected(boot=self._boot, errors=tuple(errors))
        self._store.post(lambda change: change.emit(event))

    def _put_in_force(self, settings: Settings) -> None:
        before, self.settings = self.settings, settings
        self._book.forget()
        started = self._workshop.arrange(settings)
        self._hall = Hall(
            settings, self._workshop.desks(settings), further=(self._replayer, self._readiness, self._eraser)
        )
        self._tasks.create_task(self._abandon(settings))
        self._tasks.create_task(self._restore_boards(stale_boards(before, settings, started)))
        self._picture.refresh()

    async def _abandon(self, settings: Settings) -> None:
        """End what waits for what is not configured any more."""
        for reply in await self._store.keep(lambda change: end_what_is_gone(change, settings)):
            self._settled(reply)

    async def _restore_boards(self, counters: Sequence[str]) -> None:
        """The counters' boards show what the store knows: a call that is still on, or the counter's name and state."""
        hall = self._hall
        still = [name for name in counters if name in self.settings.counters]
        shows = await self._store.keep(lambda change: [hall.board(change, name) for name in still])
        if hall is not self._hall:  # another configuration is in force by now, with other words and boards
            await self._restore_boards(still)
            return
        for show in shows:
            show()

    # what the parts tell each other

    def _started(self, transaction: Transaction) -> None:
        clean = transaction.meta("clean") in (None, "1")
        transaction.set_meta("clean", "0")
        transaction.emit(DaemonStarted(boot=self._boot, version=__version__, clean=clean), at=self._since)
        end_unattended(transaction, _named(self.settings, Kind.PHONE))

    def _committed(self, events: Sequence[StoredEvent]) -> None:
        self._uplink.publisher.committed(events)
        self._picture.committed(events)
        self._figures.committed(events)

    def _store_health(self, failure: str | None) -> None:
        self._store_failure = failure
        if failure is None:
            log.info("the store works again")
        else:
            log.error("the store fails: %s", failure)
        self._say_online()

    def _received(self, message: Incoming) -> None:
        request = dataclasses.replace(message, payload=b"")  # a reply may be long in coming: kept is what it needs
        self._intake.receive(message, partial(self._uplink.replies.send, request=request), message.acknowledge)

    def _settled(self, reply: Reply) -> None:
        self._intake.settled(reply)

    def _show_device(self, name: str, device: Device, condition: Condition) -> None:
        status = DeviceStatus(**_said(device, condition), since=self._clock.now())
        self._uplink.retained.set(f"device/{name}", status)

    def _device_changed(self, name: str, device: Device, condition: Condition) -> None:
        self._show_device(name, device, condition)
        self._devices.changed(name, condition, self.settings.alerts.device_s)
        event = DeviceChanged(device=name, **_said(device, condition))
        self._store.post(lambda change: change.emit(event))
        self._workshop.changed(name)

    def _forget_device(self, name: str) -> None:
        self._devices.forget(name)
        self._uplink.retained.clear(f"device/{name}")

    def _say_online_soon(self) -> None:
        if self._saying is None:
            self._saying = asyncio.get_running_loop().call_later(COUNT_S, self._say_online)

    def _say_online(self) -> None:
        self._saying = None
        if not self._stopping.is_set():
            self._uplink.retained.set("status", self._status("online"))

    def _status(self, state: Literal["online", "offline"]) -> KioskStatus:
        return KioskStatus(
            state=state,
            boot=self._boot,
            version=__version__,
            since=self._since,
            store="ok" if self._store_failure is None else "failing",
            commands_refused=self._intake.refused,
            events_refused=self._uplink.publisher.refused,
        )

    def _in_short(self) -> str:
        return f"{len(self.settings.devices)} devices, {len(self.settings.counters)} counters"


def _named(settings: Settings, kind: Kind) -> set[str]:
    return {name for name, device in settings.devices.items() if device.kind is kind}


def _said(device: Device, condition: Condition) -> dict[str, Any]:
    return {
        "kind": str(device.kind),
        "state": str(condition.state),
        "reasons": tuple(str(reason) for reason in condition.reasons),
        "detail": condition.detail,
    }

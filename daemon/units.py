"""A device at work: its driver, its supervisor, and the desk that speaks for it in the hall. One unit a device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from daemon.clock import Clock
from daemon.commands import Reply
from daemon.display_desk import DisplayDesk
from daemon.phone_desk import PhoneDesk
from daemon.printing.runner import PrintRunner
from daemon.rating_desk import RatingDesk
from daemon.settings import Device, Settings
from daemon.slips.book import SlipBook
from daemon.store.store import Store
from daemon.supervisor import Supervisor
from drivers.catalog import Driver, Kind
from drivers.device import Checkable, Condition, DeviceError, Reason, State
from drivers.display.capability import Display
from drivers.link.catalog import SCHEMES
from drivers.panel.capability import Panel
from drivers.printer.capability import Printer

CHECK_S = 30.0
"""How long a device may take to say how it is: one that is printing or ringing is asked afterwards."""

LOOK_S = 0.1
"""How often it is looked whether a device has said how it is."""

Desk = PrintRunner | DisplayDesk | RatingDesk | PhoneDesk


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every unit is made with. `tasks` holds short work that must end even when its device is taken away.

    `show` publishes how a device is; `changed` does so and makes it an event.
    """

    store: Store
    clock: Clock
    tasks: asyncio.TaskGroup
    reply: Callable[[Reply], None]
    book: SlipBook
    show: Callable[[str, Device, Condition], None]
    changed: Callable[[str, Device, Condition], None]


@dataclass(slots=True)
class Unit:
    """One device of the configuration, being served."""

    name: str
    device: Device
    driver: Driver
    supervisor: Supervisor
    desk: Desk
    task: asyncio.Task[None] | None = field(default=None)

    async def run(self, before: Collection[asyncio.Task[None]] = ()) -> None:
        """Serve the device, and do its desk's own work, until cancelled. First `before` has to end: those units may
        still hold the same line.
        """
        if before:
            await asyncio.wait(before)
        async with asyncio.TaskGroup() as tasks:
            if isinstance(self.desk, RatingDesk | PhoneDesk):
                tasks.create_task(self.desk.resume())
            elif isinstance(self.desk, PrintRunner):
                await self.desk.resume()
            tasks.create_task(self.supervisor.run(self.driver))
            if isinstance(self.desk, PrintRunner):
                tasks.create_task(self.desk.run())

    @property
    def kind(self) -> Kind:
        """What kind of device it is."""
        return self.device.kind

    async def check(self, *, pattern: bool) -> Condition:
        """How the device is, asked now where it can be asked. `pattern`: a board may show one for a moment."""
        try:
            async with asyncio.timeout(CHECK_S):
                while self.supervisor.condition.state is State.UNKNOWN:  # not tried yet, or just being asked
                    await asyncio.sleep(LOOK_S)
                if isinstance(self.driver, Checkable):
                    await self.driver.check()
                if pattern and isinstance(self.desk, DisplayDesk):
                    await self.desk.try_out()
        except TimeoutError:
            return Condition(State.UNKNOWN, (Reason.NO_ANSWER,), f"no answer in {CHECK_S:g} s")
        except DeviceError as error:
            return self._found_wanting(error)
        return self.supervisor.condition

    def _found_wanting(self, error: DeviceError) -> Condition:
        """The supervisor may hear of it a moment later."""
        condition = self.supervisor.condition
        better = condition.state in (State.READY, State.UNKNOWN)
        return Condition(State.ABSENT, (error.reason,), error.detail) if better else condition

    def end(self) -> None:
        """Stop serving."""
        if self.task is not None:
            self.task.cancel()
        if isinstance(self.desk, RatingDesk):
            self.desk.close()


def make_unit(name: str, device: Device, settings: Settings, around: Surroundings) -> Unit:
    """A unit for `device`, not yet running. Imports the driver."""
    maker = _MAKERS[device.kind]
    open_link, _ = SCHEMES[device.link.scheme]
    changed = partial(around.changed, name, device)
    supervisor = Supervisor(name, partial(open_link, device.link), changed)
    driver, desk = maker(name, device, supervisor, settings, around)
    return Unit(name, device, driver, supervisor, desk)


def counter_of(settings: Settings, role: str, device: str) -> str | None:
    """The counter whose `role` (panel, phone) is `device`."""
    return next((name for name, counter in settings.counters.items() if getattr(counter, role) == device), None)


def _printer(
    name: str, device: Device, supervisor: Supervisor, settings: Settings, around: Surroundings
) -> tuple[Driver, Desk]:
    driver = device.entry.make(device.options, supervisor.report, _silent)
    desk = PrintRunner(
        name,
        cast("Printer", driver),
        lambda: supervisor.condition,
        around.book,
        around.store,
        around.clock,
        around.reply,
        settings.ticket.on_failure,
    )
    return driver, desk


def _display(
    name: str, device: Device, supervisor: Supervisor, _: Settings, around: Surroundings
) -> tuple[Driver, Desk]:
    driver = device.entry.make(device.options, supervisor.report, _silent)
    return driver, DisplayDesk(name, cast("Display", driver), around.store, around.tasks, around.reply)


def _panel(
    name: str, device: Device, supervisor: Supervisor, settings: Settings, around: Surroundings
) -> tuple[Driver, Desk]:
    desk = RatingDesk(name, counter_of(settings, "panel", name), settings.rating, around.store, around.tasks)
    driver = device.entry.make(device.options, supervisor.report, desk.pressed)
    desk.connect(cast("Panel", driver))
    return driver, desk


def _phone(
    name: str, device: Device, supervisor: Supervisor, settings: Settings, around: Surroundings
) -> tuple[Driver, Desk]:
    counter = counter_of(settings, "phone", name)
    desk = PhoneDesk(name, counter, settings.phone, settings.working_time, around.store, around.tasks)
    return device.entry.make(device.options, supervisor.report, desk.happened), desk


def _silent(event: Any) -> None:
    raise AssertionError(f"a device that says nothing said {event!r}")


_MAKERS = {Kind.PRINTER: _printer, Kind.DISPLAY: _display, Kind.PANEL: _panel, Kind.PHONE: _phone}

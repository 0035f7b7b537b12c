"""All devices of the configuration: started, told, rearranged when the configuration changes, and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from daemon.display_desk import DisplayDesk
from daemon.hall.effects import Desks
from daemon.phone_desk import PhoneDesk
from daemon.printing.runner import PrintRunner
from daemon.rating_desk import RatingDesk
from daemon.settings import Settings
from daemon.units import Surroundings, Unit, counter_of, make_unit

log = logging.getLogger(__name__)


class Workshop:
    """The units by name. `forget` is told of a device that is no longer configured."""

    def __init__(self, around: Surroundings, forget: Callable[[str], None]) -> None:
        self._around = around
        self._forget = forget
        self._units: dict[str, Unit] = {}

    def arrange(self, settings: Settings) -> frozenset[str]:
        """Serve the devices of `settings`: new ones are started, changed ones anew, the others go on untouched.

        The names of those that were started.
        """
        ended = [
            self._end(unit) for unit in list(self._units.values()) if settings.devices.get(unit.name) != unit.device
        ]
        for unit in ended:
            if unit.name not in settings.devices:
                self._forget(unit.name)
        started = frozenset(settings.devices.keys() - self._units.keys())
        for name, device in settings.devices.items():
            if name in started:
                self._units[name] = make_unit(name, device, settings, self._around)
                self._start(self._units[name], list(_tasks(ended)))
        for unit in self._units.values():
            _apply_rules(unit, settings)
        return started

    def _start(self, unit: Unit, before: list[asyncio.Task[None]]) -> None:
        self._around.show(unit.name, unit.device, unit.supervisor.condition)
        unit.task = self._around.tasks.create_task(unit.run(before), name=f"device {unit.name}")

    def _end(self, unit: Unit) -> Unit:
        unit.end()
        return self._units.pop(unit.name)

    def desks(self, settings: Settings) -> Desks:
        """The desks that the hall speaks to."""
        units = self._units
        return Desks(
            boards={name: unit.desk for name, unit in units.items() if isinstance(unit.desk, DisplayDesk)},
            printers={name: unit.desk for name, unit in units.items() if isinstance(unit.desk, PrintRunner)},
            ratings={
                counter: unit.desk
                for name, unit in units.items()
                if isinstance(unit.desk, RatingDesk) and (counter := counter_of(settings, "panel", name)) is not None
            },
        )

    @property
    def units(self) -> Mapping[str, Unit]:
        """The devices that are served now, in the order of their names."""
        return dict(sorted(self._units.items()))

    def changed(self, name: str) -> None:
        """The condition of device `name` changed: whoever waits for it should look again."""
        unit = self._units.get(name)
        if unit is not None and isinstance(unit.desk, PrintRunner):
            unit.desk.wake()

    def wake(self) -> None:
        """Something was plugged in: every absent device is tried at once."""
        for unit in self._units.values():
            unit.supervisor.wake()

    def alive(self) -> bool:
        """Whether every device loop moves."""
        stuck = [name for name, unit in self._units.items() if not unit.supervisor.alive]
        if stuck:
            log.error("stuck: %s", ", ".join(stuck))
        return not stuck

    async def close(self, within_s: float) -> None:
        """End every device."""
        for unit in self._units.values():
            unit.end()
        tasks = list(_tasks(self._units.values()))
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)


def _tasks(units: Iterable[Unit]) -> Iterable[asyncio.Task[None]]:
    return (unit.task for unit in units if unit.task is not None)


def _apply_rules(unit: Unit, settings: Settings) -> None:
    if isinstance(unit.desk, RatingDesk):
        unit.desk.follow(counter_of(settings, "panel", unit.name), settings.rating)
    elif isinstance(unit.desk, PhoneDesk):
        unit.desk.follow(counter_of(settings, "phone", unit.name), settings.phone, settings.working_time)
    elif isinstance(unit.desk, PrintRunner):
        unit.desk.follow(settings.ticket.on_failure)

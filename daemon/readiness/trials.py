"""Everything that visitors rely on, tried: the devices, and the kiosk's own clock, disk and broker."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Literal, Protocol

from daemon.clock import Clock
from daemon.doctor.clock import RELEASED
from daemon.readiness.report import CheckedItem, Shortcoming
from daemon.store.store import PROBE_BYTES, Store, StoreError
from drivers.catalog import Kind
from drivers.device import Condition, Reason, State

ANSWER_S = 5.0
"""How long disk and broker may take."""

FREE_BYTES_MIN = 200_000_000
"""Less is a disk that may be full before the day is over."""

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""There once systemd-timesyncd has set the clock in this run of the machine: systemd-timesyncd.service(8)."""


class Tried(Protocol):
    """A device that can be tried."""

    @property
    def kind(self) -> Kind: ...

    async def check(self, *, pattern: bool) -> Condition:
        """How the device is, asked now where it can be asked. `pattern`: a board may show one for a moment."""
        ...


class Trials:
    """Tries everything at once. `devices` are those of the configuration in force; `broker_answers` asks the broker."""

    def __init__(
        self,
        store: Store,
        path: Path,
        clock: Clock,
        devices: Callable[[], Mapping[str, Tried]],
        broker_answers: Callable[[float], Awaitable[bool]],
        *,
        synchronised: Path = SYNCHRONISED,
    ) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._devices = devices
        self._broker_answers = broker_answers
        self._synchronised = synchronised

    async def run(self, patterns: Collection[str]) -> tuple[CheckedItem, ...]:
        """Try everything; the boards `patterns` show one. Devices come last, in the order of the configuration."""
        devices = self._devices()
        async with asyncio.TaskGroup() as tasks:
            disk = tasks.create_task(self._disk())
            broker = tasks.create_task(self._broker())
            tried = [tasks.create_task(self._device(name, pattern=name in patterns)) for name in devices]
        found = (task.result() for task in tried)
        return (self._time(), disk.result(), broker.result(), *(item for item in found if item is not None))

    async def _device(self, name: str, *, pattern: bool) -> CheckedItem | None:
        """How it is; a reload may have replaced it meanwhile, or taken it away: then None."""
        while (device := self._devices().get(name)) is not None:
            condition = await device.check(pattern=pattern)
            if self._devices().get(name) is device:
                return _item(name, device.kind, condition)
        return None

    def _time(self) -> CheckedItem:
        now = self._clock.now()
        if now < RELEASED:
            return _own("clock", False, Shortcoming.CLOCK_WRONG, f"it says {now:%Y-%m-%d %H:%M}")
        if not self._synchronised.exists():
            return _own("clock", None, Shortcoming.CLOCK_UNCONFIRMED)
        return _own("clock", True)

    async def _disk(self) -> CheckedItem:
        trouble = await self._store_trouble()
        if trouble is not None:
            return _own("disk", False, Shortcoming.CANNOT_STORE, trouble)
        free_bytes = shutil.disk_usage(self._path.parent).free
        if free_bytes < FREE_BYTES_MIN:
            return _own("disk", False, Shortcoming.DISK_LOW, f"{free_bytes // 1_000_000} MB are free")
        return _own("disk", True)

    async def _store_trouble(self) -> str | None:
        """Why nothing can be stored; None when something just was."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._store.transact(lambda change: change.set_meta("probe", "." * PROBE_BYTES))
        except StoreError as error:
            return str(error)
        except TimeoutError:
            return f"nothing was stored in {ANSWER_S:g} s"
        return None

    async def _broker(self) -> CheckedItem:
        if await self._broker_answers(ANSWER_S):
            return _own("broker", True)
        return _own("broker", False, Shortcoming.NO_BROKER, f"nothing was acknowledged in {ANSWER_S:g} s")


def _own(
    what: Literal["clock", "disk", "broker"], ok: bool | None, reason: Shortcoming | None = None, detail: str = ""
) -> CheckedItem:
    """An item of the kiosk itself."""
    state: State = {True: State.READY, False: State.FAULTED, None: State.UNKNOWN}[ok]
    reasons = () if reason is None else (reason,)
    return CheckedItem(item=what, kind=what, ok=ok, state=state.value, reasons=reasons, detail=detail)


def _item(name: str, kind: Kind, condition: Condition) -> CheckedItem:
    reasons = tuple(map(str, condition.reasons))
    return CheckedItem(
        item=name,
        kind=kind.value,
        ok=_is_ok(condition),
        state=condition.state.value,
        reasons=reasons,
        detail=condition.detail,
    )


def _is_ok(condition: Condition) -> bool | None:
    """Whether the device is as it should be before opening: what wants attention soon wants it now."""
    if SILENT & set(condition.reasons) or condition.state is State.UNKNOWN:
        return None
    return condition.state is State.READY


SILENT = {Reason.NO_ANSWER, Reason.NEVER_ANSWERS}

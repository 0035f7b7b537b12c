"""The whole examination, in the order in which things depend on each other."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.doctor.ask import Told, ask_daemon
from daemon.doctor.broker import as_doctor, check_broker
from daemon.doctor.clock import check_clock
from daemon.doctor.devices import LOG, as_told, same_nodes, try_out, untouched
from daemon.doctor.finding import Finding, Level, about, found, well
from daemon.doctor.fonts import check_fonts
from daemon.doctor.machine import Machine
from daemon.doctor.processes import Process
from daemon.doctor.store import check_store, holder, may_be_running
from daemon.mqtt.broker_settings import broker_of
from daemon.settings import ConfigurationError, Settings, load_configuration
from daemon.texts import Text
from drivers.catalog import Kind
from drivers.printer.escpos_text import RASTER

Progress = Callable[[Text], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to look at. `only`: these devices, or all; `rates`: try other baud rates where nothing is understood."""

    path: Path
    only: tuple[str, ...] = ()
    rates: bool = False


class UnknownDevice(Exception):
    """The request names a device that is not configured."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.text = Text(
            f"没有设备“{name}”；有：{', '.join(known)}", f"there is no device {name!r}; there are: {', '.join(known)}"
        )


@dataclass(frozen=True, slots=True)
class Running:
    """What is known of a daemon that may be serving the devices now."""

    daemon: Process | None
    holder: Process | None
    certain: bool

    @property
    def perhaps(self) -> bool:
        return self.daemon is not None or not self.certain


async def examine(request: Request, machine: Machine, progress: Progress) -> AsyncIterator[Finding]:
    """Everything found, well or not, as it is found; raises UnknownDevice."""
    findings, settings = _read(request, machine)
    for finding in findings:
        yield finding
    if settings is None:
        return
    running = find_daemon(settings, machine)
    for finding in _standing(settings, machine, running):
        yield finding
    progress(Text("正在连接消息服务器", "connecting to the broker"))
    broker = as_doctor(broker_of(settings))
    hidden = broker.username is not None and broker.password is None and machine.password_file is not None
    findings, version = await check_broker(broker, machine, log_in=not hidden)
    told = await ask_daemon(broker, version) if version and running.perhaps else Told()
    for finding in (*findings, *_told(told, running, connected=version is not None)):
        yield finding
    async for finding in _devices(request, settings, machine, running, told, progress):
        yield finding


def _read(request: Request, machine: Machine) -> tuple[list[Finding], Settings | None]:
    """The settings, if there are any to go on with; raises UnknownDevice."""
    subject, path, now = about("configuration"), request.path, datetime.now(UTC).astimezone()
    if not _may_read(path):
        return [found("configuration-closed", subject, "sudo kioskd doctor", path=path)], None
    try:
        settings = _load(path, machine)
    except ConfigurationError as error:
        return [*check_clock(now, [path]), *_wrong(error, path)], None
    for name in request.only:
        if name not in settings.devices:
            raise UnknownDevice(name, settings.devices)
    return [well(subject, "configuration", path=path), *check_clock(now, [path, settings.store.path])], settings


def _may_read(path: Path) -> bool:
    try:
        return not path.exists() or os.access(path, os.R_OK, effective_ids=True)
    except PermissionError:
        return False


def _load(path: Path, machine: Machine) -> Settings:
    """The settings, with the password that the unit hands to the service, as far as it may be read."""
    settings = load_configuration(path, machine.environment).settings
    secret = machine.password_file
    if settings.mqtt.username is None or settings.mqtt.password is not None or secret is None:
        return settings
    if not os.access(secret, os.R_OK, effective_ids=True):
        return settings
    return load_configuration(path, {**machine.environment, "KIOSKD_MQTT__PASSWORD_FILE": str(secret)}).settings


def _wrong(error: ConfigurationError, path: Path) -> Iterator[Finding]:
    again = (f"kioskd check --config {path}", "systemctl reload-or-restart kioskd")
    for problem in error.problems:
        yield Finding(
            Level.FAULT,
            about("configuration"),
            "configuration",
            Text(problem.to("zh-CN"), problem.to("en")),
            Text("改正后检查，再让服务重新读取", "mend it, check again, and have the service read it"),
            again,
        )


def find_daemon(settings: Settings, machine: Machine) -> Running:
    """Who holds the store of these settings."""
    try:
        held_by = holder(settings.store.path, machine)
    except PermissionError:
        return Running(None, None, certain=not may_be_running(machine))
    return Running(held_by if held_by and held_by.is_kioskd else None, held_by, certain=True)


def _standing(settings: Settings, machine: Machine, running: Running) -> Iterator[Finding]:
    """What can be seen without asking anybody."""
    if not machine.is_root and machine.unit is not None and machine.user != "root":
        yield found("as-root", about("doctor"), "sudo kioskd doctor", level=Level.NOTE)
    if machine.account is None:
        install = "install -m 644 /opt/kioskd/lib/kioskd/systemd/kioskd.sysusers /etc/sysusers.d/kioskd.conf"
        yield found("no-account", about("service"), install, "systemd-sysusers", user=machine.user)
    yield from check_store(settings.store.path, machine, running.holder)
    printers = [device for device in settings.devices.values() if device.kind is Kind.PRINTER]
    if printers:
        all_drawn = any(getattr(device.options, "encoding", "") == RASTER for device in printers)
        yield from check_fonts(machine.fonts, all_drawn=all_drawn)
    yield from same_nodes(settings.devices)
    if running.daemon:
        stop = "systemctl stop kioskd"
        yield found("running", about("doctor"), stop, level=Level.NOTE, pid=running.daemon.pid)
    elif running.perhaps:
        yield found("perhaps-running", about("doctor"), "sudo kioskd doctor", level=Level.NOTE)


def _told(told: Told, running: Running, *, connected: bool) -> Iterator[Finding]:
    if told.status is None:
        if connected and running.daemon:
            yield found("mute", about("service"), LOG)
        return
    if told.status.events_refused:
        mend = ("grep -n pattern /etc/mosquitto/kioskd.acl", "systemctl reload mosquitto")
        yield found("events-refused", about("broker"), *mend, count=told.status.events_refused)
    if told.status.store == "failing":
        yield found("store-failing", about("store"), LOG)


async def _devices(
    request: Request, settings: Settings, machine: Machine, running: Running, told: Told, progress: Progress
) -> AsyncIterator[Finding]:
    daemon = running.daemon.pid if running.daemon else None
    for name, device in settings.devices.items():
        if request.only and name not in request.only:
            continue
        progress(Text(f"正在检查设备 {name}", f"looking at device {name}"))
        seen = untouched(name, device, machine, daemon)
        for finding in seen:
            yield finding
        if running.perhaps:
            for finding in as_told(name, told, seen):
                yield finding
        elif not any(finding.level is Level.FAULT for finding in seen):
            async for finding in try_out(name, device, rates=request.rates):
                yield finding

"""Every configured device: first what can be seen without touching it, then what it or the running daemon says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from daemon.attached import usb_printers
from daemon.doctor.ask import Told
from daemon.doctor.finding import Finding, Level, about, found, well
from daemon.doctor.machine import Machine
from daemon.doctor.nodes import check_node, check_taken
from daemon.doctor.talk import explain, look_closer, try_device
from daemon.settings import Device
from daemon.texts import Text
from drivers.device import Condition, DeviceError, Reason, State
from drivers.link.evdev import device_nodes
from drivers.link.usb import usb_options

PIP = "/opt/kioskd/bin/pip install"
LOG = "journalctl -u kioskd -n 50"

NODES = ("serial", "file", "evdev")
"""Links that lead to a device node."""

UNCLEAR = (Reason.GARBLED, Reason.NO_ANSWER, Reason.WRONG_DEVICE)
"""What may be the wrong rate or address, and nothing worse."""


def same_nodes(devices: Mapping[str, Device]) -> Iterator[Finding]:
    """Devices whose links differ and lead to one node. Equal links are an error of the configuration already."""
    first: dict[Path, str] = {}
    for name, device in devices.items():
        if device.link.scheme in NODES and (node := Path(device.link.path).resolve()).exists():
            other = first.setdefault(node, name)
            if other != name:
                yield found("same-node", about("device", name), "kioskd scan", other=other, node=node)


def untouched(name: str, device: Device, machine: Machine, daemon: int | None) -> list[Finding]:
    """What keeps the service from `device`, without opening anything."""
    subject = about("device", name)
    if device.link.scheme == "usb":
        return list(_check_usb(subject, device, machine, daemon))
    if device.link.scheme not in NODES:
        return []
    path = Path(device.link.path)
    nodes = device_nodes(path, machine.sysfs / "class/input") if device.link.scheme == "evdev" else (path,)
    findings = [finding for node in nodes for finding in check_node(subject, node, machine, daemon)]
    if device.link.scheme == "evdev":
        if find_spec("evdev") is None:
            findings.append(found("no-evdev", subject, f"{PIP} evdev-binary"))
    elif not findings:
        findings += check_taken(subject, path, machine, daemon)
    return findings


def _check_usb(subject: Text, device: Device, machine: Machine, daemon: int | None) -> Iterator[Finding]:
    yield from _check_packages(subject)
    wanted = usb_options(device.link)
    name = f"{wanted.vendor:04x}:{wanted.product:04x}"
    printers = usb_printers(machine.sysfs)
    there = [
        printer
        for printer in printers
        if f"{printer.usb.vendor}:{printer.usb.product}" == name
        and wanted.serial in ("", printer.usb.serial)
        and wanted.path in ("", printer.usb.place)
    ]
    if not there:
        present = ", ".join(f"{p.usb.vendor}:{p.usb.product} ({p.usb.place})" for p in printers) or "–"
        yield found("not-present", subject, "kioskd scan", path=str(device.link), present=present)
    for printer in there[:1]:
        yield from check_node(subject, printer.node, machine, daemon)
        yield from check_taken(subject, printer.node, machine, daemon)
        if printer.driver not in ("", "usbfs"):
            # the link takes it from the driver by itself, where nothing else keeps the driver busy
            remove = (
                f"echo 'blacklist {printer.driver}' >/etc/modprobe.d/kioskd.conf",
                f"modprobe -r {printer.driver}",
            )
            yield found("kernel-driver", subject, *remove, level=Level.NOTE, driver=printer.driver, device=name)


def _check_packages(subject: Text) -> Iterator[Finding]:
    for module, package in (("usb", "pyusb"), ("libusb_package", "libusb-package")):
        if find_spec(module) is None:
            yield found("no-pyusb", subject, f"{PIP} {package}", package=package)


async def try_out(name: str, device: Device, *, rates: bool) -> AsyncIterator[Finding]:
    """What `device` itself says, with its own driver. Only while no daemon serves it."""
    subject = about("device", name)
    outcome = await try_device(device)
    condition = _condition(outcome)
    if not set(condition.reasons) & set(UNCLEAR):
        for finding in explain(subject, condition):
            yield finding
        return
    closer = await look_closer(subject, device, rates=rates)
    for finding in closer or [_unclear(subject, name, condition, device, rates=rates)]:
        yield finding


def _condition(outcome: Condition | DeviceError) -> Condition:
    if isinstance(outcome, Condition):
        return outcome
    return Condition(State.ABSENT, (outcome.reason,), outcome.detail)


def _unclear(subject: Text, name: str, condition: Condition, device: Device, *, rates: bool) -> Finding:
    if device.link.scheme != "serial" or condition.reasons[0] not in (Reason.GARBLED, Reason.NO_ANSWER):
        return next(explain(subject, condition))
    code = str(condition.reasons[0])
    detail = f" ({condition.detail})" if condition.detail else ""
    return found(code, subject, *([] if rates else [f"kioskd doctor --rates {name}"]), detail=detail)


def as_told(name: str, told: Told, seen: list[Finding]) -> Iterator[Finding]:
    """What the running daemon says of a device. Where its cause was `seen`, that says it better."""
    condition = told.devices.get(name)
    subject = about("device", name)
    if condition is None:
        return
    if condition.state is State.READY:
        yield well(subject, "ready", state=condition.state)
    elif not any(finding.level is Level.FAULT for finding in seen):
        yield from explain(subject, condition)

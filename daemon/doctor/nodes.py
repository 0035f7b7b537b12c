"""Why a device node cannot be opened: missing, closed to the service, kept out by its sandbox, or taken."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.doctor.finding import Finding, found
from daemon.doctor.machine import Account, Machine, group_name, user_name
from daemon.doctor.processes import groups_of, node_holders
from daemon.texts import Text

RULES = "/etc/udev/rules.d/98-kiosk-devices.rules"
"""After Debian's own rules, which name the links, and before 99-kioskd.rules."""

GROUPS = {"tty": "dialout", "input": "input", "usbmisc": "lp", "usb": "lp"}
"""Subsystem → the group that Debian gives its nodes (50-udev-default.rules)."""

NEIGHBOURS = 6
"""How many other nodes are named when one is missing."""

RESTART = "systemctl restart kioskd"


def check_node(subject: Text, path: Path, machine: Machine, daemon: int | None) -> Iterator[Finding]:
    """Everything that keeps the service from `path`. `daemon`: its process, which may hold the node."""
    try:
        status = path.stat()
    except FileNotFoundError:
        yield found("not-present", subject, "kioskd scan", path=path, present=_present(path))
        return
    except OSError as error:
        yield found("not-present", subject, path=f"{path} ({error.strerror})", present=_present(path))
        return
    if not stat.S_ISCHR(status.st_mode):
        yield found("wrong-device", subject, "kioskd scan", path=path)
        return
    node = path.resolve()
    if machine.account is not None:
        yield from _check_permission(subject, node, machine.account, machine, daemon)
    yield from _check_sandbox(subject, node, machine)


def check_taken(subject: Text, path: Path, machine: Machine, daemon: int | None) -> Iterator[Finding]:
    """Who else has `path` open."""
    others = [holder for holder in node_holders(path, machine.proc) if holder.pid != daemon]
    if others:
        stop = [f"kill {other.pid}" for other in others if not _services(other.name)]
        stop += [f"systemctl stop {name}" for other in others for name in _services(other.name)]
        yield found("busy", subject, *stop, path=path, holders=", ".join(map(str, others)))


def _services(name: str) -> list[str]:
    known = {"ModemManager": "ModemManager", "brltty": "brltty", "cupsd": "cups", "gpsd": "gpsd"}
    return [known[name]] if name in known else []


def _present(path: Path) -> str:
    """What is there in its place."""
    folder = path.parent
    kind = re.sub(r"\d+$", "", path.name)
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return "–"
    alike = names if folder.name in ("by-path", "by-id") else [name for name in names if name.startswith(kind)]
    shown = ", ".join(alike[:NEIGHBOURS]) + (", …" if len(alike) > NEIGHBOURS else "")
    return f"{folder}: {shown}" if shown else "–"


def _check_permission(
    subject: Text, node: Path, account: Account, machine: Machine, daemon: int | None
) -> Iterator[Finding]:
    status = node.stat()
    group = group_name(status.st_gid)
    if account.may(node):
        running = groups_of(daemon, machine.proc) if daemon else frozenset()
        by_group = status.st_uid != account.uid and not status.st_mode & 0o006
        if running and by_group and status.st_gid not in running and account.uid != 0:
            yield found("restart-for-groups", subject, RESTART, user=account.name, group=group)
        return
    values: dict[str, Any] = {
        "path": node,
        "user": account.name,
        "owner": user_name(status.st_uid),
        "group": group,
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
    }
    if status.st_gid in account.groups and status.st_mode & 0o060 == 0o060:
        yield found("closed", subject, f"namei -l {node}", f"getfacl {node}", **values)
    elif status.st_gid != 0 and status.st_mode & 0o060 == 0o060:
        yield found("wrong-group", subject, f"usermod -aG {group} {account.name}", RESTART, **values)
    else:
        yield found("no-udev-rule", subject, *_rule(node, machine), **values)


def _rule(node: Path, machine: Machine) -> list[str]:
    subsystem = subsystem_of(node, machine)
    group = GROUPS.get(subsystem, "dialout")
    name = re.sub(r"\d+", "[0-9]*", node.name)
    match = f'SUBSYSTEM=="{subsystem}", KERNEL=="{name}"' if subsystem != "usb" else _usb_match(node, machine)
    return [
        f"""printf '%s\\n' '{match}, GROUP="{group}", MODE="0660"' >>{RULES}""",
        "udevadm control --reload",
        f"udevadm trigger --action=change --name-match={node}",
    ]


def subsystem_of(node: Path, machine: Machine) -> str:
    """What the kernel calls the class of `node`."""
    rdev = node.stat().st_rdev
    link = machine.sysfs / f"dev/char/{os.major(rdev)}:{os.minor(rdev)}/subsystem"
    return link.resolve().name if link.exists() else "tty"


def _usb_match(node: Path, machine: Machine) -> str:
    rdev = node.stat().st_rdev
    device = machine.sysfs / f"dev/char/{os.major(rdev)}:{os.minor(rdev)}"
    try:
        vendor, product = ((device / name).read_text().strip() for name in ("idVendor", "idProduct"))
    except OSError:
        return 'SUBSYSTEM=="usb", ENV{ID_USB_INTERFACES}=="*:0701*:"'
    return f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}"'


# the unit's sandbox

DROP_IN = "/etc/systemd/system/kioskd.service.d/devices.conf"


def _check_sandbox(subject: Text, node: Path, machine: Machine) -> Iterator[Finding]:
    if machine.unit is None or sandbox_allows(node, machine):
        return
    major = os.major(node.stat().st_rdev)
    lines = ["[Service]", f"DeviceAllow=char-{major} rw"]
    if machine.unit.last("PrivateDevices") in YES:
        lines.append("PrivateDevices=no")
    text = "\\n".join(lines)
    yield found(
        "sandbox",
        subject,
        f"install -d {Path(DROP_IN).parent}",
        f"printf '{text}\\n' >>{DROP_IN}",
        "systemctl daemon-reload",
        RESTART,
        path=node,
        major=major,
    )


YES = ("yes", "true", "on", "1")


def sandbox_allows(node: Path, machine: Machine) -> bool:
    """Whether the unit's DeviceAllow= lets the service open `node`: systemd.resource-control(5)."""
    unit = machine.unit
    if unit is None:
        return True
    if unit.last("PrivateDevices") in YES:
        return False
    allowed = [line.split() for line in unit.service.get("DeviceAllow", ())]
    policy = unit.last("DevicePolicy", "auto")
    if policy == "auto" and not allowed:
        return True
    rdev = node.stat().st_rdev
    return any(_covers(words[0], rdev, machine) for words in allowed if "w" in (words[1:] or ["rwm"])[0])


def _covers(what: str, rdev: int, machine: Machine) -> bool:
    if what.startswith("/"):
        return Path(what).exists() and Path(what).stat().st_rdev == rdev
    kind, _, name = what.partition("-")
    if kind != "char":
        return False
    if name == "*":
        return True
    major = int(name) if name.isdecimal() else _major(name, machine)
    return major == os.major(rdev)


def _major(name: str, machine: Machine) -> int | None:
    """The number of a class of devices, if its driver is loaded now."""
    listed = (machine.proc / "devices").read_text().partition("Block devices:")[0]
    pattern = re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")
    match = re.search(rf"^ *(\d+) {pattern}$", listed, re.MULTILINE)
    return int(match[1]) if match else None

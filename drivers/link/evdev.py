"""``evdev:///dev/input/by-path/…`` links: an input device of the kernel, taken for this process alone.

Many keypads show themselves as several event nodes, one for each USB interface. All of them are opened and
grabbed, or the keys on the nodes left alone would type into the console. Nodes belong to one device when their
``phys`` in sysfs is the same up to ``/inputN`` (the USB port, so that two equal keypads stay apart) and bus,
vendor, product and ``uniq`` are equal. A node without such a ``phys`` stands alone.
"""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from drivers.device import DeviceError, LinkLost, Reason
from drivers.link.input_link import InputLink, InputNode
from drivers.link.node import open_node
from drivers.link.options import take_options
from drivers.link.url import LinkUrl, LinkUrlError

if TYPE_CHECKING:
    import evdev as evdev_types

SYSFS_INPUT = Path("/sys/class/input")

SETTLE_S = 0.1
"""The kernel probes the interfaces of a new device one after the other: its nodes are all there when no more
have come for this long."""

_PHYS = re.compile(r"(?P<port>.+)/input\d+")

_IDENTITY = ("id/bustype", "id/vendor", "id/product", "uniq")

_REASONS = {
    errno.ENOENT: Reason.NOT_PRESENT,
    errno.ENODEV: Reason.NOT_PRESENT,
    errno.ENXIO: Reason.NOT_PRESENT,
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EBUSY: Reason.BUSY,  # another process holds the grab
    errno.ENOTTY: Reason.WRONG_DEVICE,
    errno.EINVAL: Reason.WRONG_DEVICE,
    errno.ENOTDIR: Reason.WRONG_DEVICE,
}


def check_evdev(url: LinkUrl) -> None:
    """Check `url` without opening it; raises LinkUrlError."""
    if url.host or url.port or not url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected evdev:///dev/input/by-path/… (three slashes)")
    take_options(url, ())


async def open_evdev(url: LinkUrl) -> InputLink:
    """Open and grab every node of the device at `url.path`; raises DeviceError with what stood in the way."""
    check_evdev(url)
    with ExitStack() as undo:
        nodes: list[InputNode] = []
        for path in await _all_nodes(Path(url.path)):
            node, close = await open_node(str(path), partial(_grab, path), lambda node: node.close())
            undo.callback(close)
            nodes.append(replace(node, close=close))
        link = InputLink(nodes)
        undo.pop_all()  # they are the link's now
        return link


async def _all_nodes(node: Path) -> tuple[Path, ...]:
    found = device_nodes(node)
    while True:
        await asyncio.sleep(SETTLE_S)
        again = device_nodes(node)
        if again == found:
            return found
        found = again


def device_nodes(node: Path, sysfs: Path = SYSFS_INPUT) -> tuple[Path, ...]:
    """Every event node of the device that `node` (a node, or a link to one) belongs to; `node` itself first."""
    first = node.resolve()
    identity = _identity(sysfs / first.name)
    if identity is None:
        return (first,)
    others = sorted(entry.name for entry in sysfs.glob("event*") if entry.name != first.name)
    return (first, *(first.with_name(name) for name in others if _identity(sysfs / name) == identity))


def _identity(event: Path) -> tuple[str, ...] | None:
    try:
        port = _PHYS.fullmatch((event / "device/phys").read_text().strip())
        rest = [(event / "device" / name).read_text().strip() for name in _IDENTITY]
    except OSError:
        return None  # no such node, or it went while it was looked at
    return (port["port"], *rest) if port else None


def _grab(node: Path) -> InputNode:
    evdev = _import_evdev()
    with _device_errors(node):
        device: evdev_types.InputDevice[str] = evdev.InputDevice(str(node))
        try:
            device.grab()
        except OSError:
            device.close()
            raise
    return InputNode(str(node), device.fd, lambda: _held_keys(device, node), device.close)


def _import_evdev() -> ModuleType:
    try:
        return import_module("evdev")
    except ImportError as error:
        needed = "evdev links need the Python package evdev-binary (x86_64) or evdev (needs a C compiler)"
        raise DeviceError(Reason.UNSUPPORTED, f"{needed}: {error}") from error


@contextmanager
def _device_errors(node: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DeviceError(_REASONS.get(error.errno or 0, Reason.NOT_PRESENT), f"{node}: {error}") from error
    except SystemError as error:
        # python-evdev 2.0 forgets the error number of some ioctls; they fail on a node whose device has gone
        raise DeviceError(Reason.NOT_PRESENT, f"{node}: {error}") from error


def _held_keys(device: evdev_types.InputDevice[str], node: Path) -> list[int]:
    try:
        keys: list[int] = device.active_keys()
    except (OSError, SystemError) as error:  # SystemError: see _device_errors
        raise LinkLost(Reason.DISCONNECTED, f"{node}: {error}") from error
    return keys

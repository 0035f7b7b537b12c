"""Hot-plug messages as a wake-up call: what was plugged in is tried at once, without polling.

Sources: netlink(7), family NETLINK_KOBJECT_UEVENT. Multicast group 1 is the kernel: one datagram for each change,
``action@devpath`` and then ``KEY=value`` fields, each ended by a zero byte. Group 2 is udev (systemd,
``device-monitor.c``): the same fields behind a header that begins with ``libudev``, sent once its rules have been
applied, so that the node has its group and its links by then.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
UDEV_GROUP = 2
GROUPS = KERNEL_GROUP | UDEV_GROUP  # netlink(7): bind takes a bit mask, in which the first two are their numbers
MESSAGE_BYTES = 16_384

UDEV_HEADER = b"libudev\0"
ACTIONS = (b"add", b"bind", b"change")
WAKING = tuple(action + b"@" for action in ACTIONS)
UDEV_WAKING = tuple(b"\0ACTION=" + action + b"\0" for action in ACTIONS)
SETTLE_S = (0.0, 0.3, 1.0)
"""The kernel's message comes with the node, which may not be permitted yet. Where no udev says when it is (a
container), it is tried at each of these times."""


async def watch_hotplug(wake: Callable[[], None]) -> None:
    """Call `wake` whenever the kernel says that a device came. Where it may not be asked, do nothing, and say so."""
    loop = asyncio.get_running_loop()
    try:
        messages = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)
    except OSError as error:
        log.info("no hot-plug messages here (%s): devices are found by trying again", error)
        return
    with messages:
        messages.setblocking(False)
        try:
            messages.bind((0, GROUPS))
        except OSError as error:
            log.info("no hot-plug messages here (%s): devices are found by trying again", error)
            return
        tries: list[asyncio.TimerHandle] = []
        try:
            while True:
                if is_arrival(await _next_message(loop, messages)):
                    _cancel(tries)
                    tries = [loop.call_later(delay_s, wake) for delay_s in SETTLE_S]
        finally:
            _cancel(tries)


def _cancel(tries: list[asyncio.TimerHandle]) -> None:
    for handle in tries:
        handle.cancel()


async def _next_message(loop: asyncio.AbstractEventLoop, messages: socket.socket) -> bytes:
    try:
        return await loop.sock_recv(messages, MESSAGE_BYTES)
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return WAKING[0]  # more came than the kernel keeps: something among it may have been ours


def is_arrival(message: bytes) -> bool:
    """Whether a message of the kernel or of udev says that a device came, or became usable."""
    if message.startswith(UDEV_HEADER):
        return any(action in message for action in UDEV_WAKING)
    return message.startswith(WAKING)

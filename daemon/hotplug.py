"""Kernel hot-plug messages as a wake-up call: what was plugged in is tried at once, without polling.

Source: udev(7) and the kernel's netlink(7), family NETLINK_KOBJECT_UEVENT, multicast group 1: one datagram for each
change, ``action@devpath`` and then ``KEY=value`` fields, each ended by a zero byte.
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
MESSAGE_BYTES = 16_384

WAKING = (b"add@", b"bind@", b"change@")
SETTLE_S = (0.0, 0.3, 1.0)
"""A node appears first and gets its permissions from udev a moment later: it is tried at each of these times."""


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
            messages.bind((0, KERNEL_GROUP))
        except OSError as error:
            log.info("no hot-plug messages here (%s): devices are found by trying again", error)
            return
        while True:
            if is_arrival(await _next_message(loop, messages)):
                for delay_s in SETTLE_S:
                    loop.call_later(delay_s, wake)


async def _next_message(loop: asyncio.AbstractEventLoop, messages: socket.socket) -> bytes:
    try:
        return await loop.sock_recv(messages, MESSAGE_BYTES)
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return WAKING[0]  # more came than the kernel keeps: something among it may have been ours


def is_arrival(message: bytes) -> bool:
    """Whether a kernel message says that a device came, or became usable."""
    return message.startswith(WAKING)

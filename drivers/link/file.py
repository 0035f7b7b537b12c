"""``file:///dev/usb/lp0`` links: a character device that only has to be opened, such as the kernel's printer driver."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import stat

from drivers.device import DeviceError, Reason
from drivers.link.node import open_node
from drivers.link.options import take_options
from drivers.link.stream import DescriptorLink
from drivers.link.url import LinkUrl, LinkUrlError

STALL_S = 10.0
"""A device that is not ready for more in this time is not draining."""

NOTHING_READ_S = 0.05
"""How long to rest when there was nothing to read after all, before looking again."""

_REASONS = {
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EBUSY: Reason.BUSY,  # usblp lets in one at a time
    errno.EISDIR: Reason.WRONG_DEVICE,
    errno.ENOTDIR: Reason.WRONG_DEVICE,
}


def check_file(url: LinkUrl) -> None:
    """Check `url` without opening it; raises LinkUrlError."""
    if url.host or url.port or not url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected file:///dev/usb/lp0 (three slashes)")
    take_options(url, ())


async def open_file(url: LinkUrl) -> FileLink:
    """Open the device node at `url.path`; raises DeviceError with what stood in the way."""
    check_file(url)
    descriptor, close = await open_node(url.path, lambda: _open(url), os.close)
    return FileLink(descriptor, close, stall_s=STALL_S)


def _open(url: LinkUrl) -> int:
    try:
        descriptor = os.open(url.path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceError(_REASONS.get(error.errno or 0, Reason.NOT_PRESENT), f"{url}: {error}") from error
    if wrong := _what_is_wrong(descriptor):
        os.close(descriptor)
        raise DeviceError(Reason.WRONG_DEVICE, f"{url}: {wrong}")
    return descriptor


def _what_is_wrong(descriptor: int) -> str:
    """Why the open `descriptor` cannot be a link; empty if it can."""
    if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
        return "no character device"
    if os.isatty(descriptor):
        return "a serial port has a baud rate: use a serial:// link"
    with select.epoll() as events:
        try:
            events.register(descriptor)
        except PermissionError:
            return "its driver cannot say when there is something to read"
    return ""


class FileLink(DescriptorLink):
    """A Link over a character device.

    From usblp, reading nothing means that the printer had nothing to say (drivers/usb/class/usblp.c of Linux); a
    printer that was pulled is an error. It takes the next bytes when the printer has the last.
    """

    async def _read_nothing(self) -> None:
        await asyncio.sleep(NOTHING_READ_S)

    async def drain(self) -> None:
        """Wait until the driver is ready for more: then it has nothing left to send."""
        self._check_open()
        if not await self._writable():
            raise self._stalled(0)
        self._check_open()

    def _queued(self, sent: int = 0) -> int:
        self._check_open(sent)
        return 0  # it does not say

"""``evdev+unix:///path`` links: a simulated input device, for machines without ``/dev/uinput``.

For simulators only. The simulator listens on a Unix socket and writes the same ``struct input_event`` that the
kernel would; everything behind the descriptor is what real input devices use. What is missing is the kernel:
there is nothing to grab, and the state of the keys cannot be asked for.
"""

from __future__ import annotations

import errno
import socket

from drivers.device import DeviceError, Reason
from drivers.link.input_link import InputLink, InputNode
from drivers.link.options import take_options
from drivers.link.url import LinkUrl, LinkUrlError

MAX_PATH_BYTES = 107
"""Size of ``sun_path`` in linux/un.h, less the final NUL."""

_REASONS = {
    errno.ENOENT: Reason.NOT_PRESENT,
    errno.ECONNREFUSED: Reason.NOT_PRESENT,  # a socket left behind: no simulator listens
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EAGAIN: Reason.BUSY,
    errno.EPROTOTYPE: Reason.WRONG_DEVICE,
    errno.ENOTSOCK: Reason.WRONG_DEVICE,
}


def check_evdev_unix(url: LinkUrl) -> None:
    """Check `url` without opening it; raises LinkUrlError."""
    if url.host or url.port or not url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected evdev+unix:///path/to/socket (three slashes)")
    if len(url.path.encode()) > MAX_PATH_BYTES:
        raise LinkUrlError(f"{url}: the path of a Unix socket has at most {MAX_PATH_BYTES} bytes")
    take_options(url, ())


async def open_evdev_unix(url: LinkUrl) -> InputLink:
    """Connect to the simulator listening at `url.path`; raises DeviceError with what stood in the way."""
    check_evdev_unix(url)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(url.path)  # to a Unix socket this never waits
    except OSError as error:
        connection.close()
        raise DeviceError(_REASONS.get(error.errno or 0, Reason.NOT_PRESENT), f"{url}: {error}") from error
    return InputLink([InputNode(url.path, connection.fileno(), tuple, connection.close)])

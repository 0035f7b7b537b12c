"""``serial://`` links: a tty opened and configured by pyserial, then read and written without blocking."""

from __future__ import annotations

import errno
import termios
from contextlib import suppress
from dataclasses import dataclass

import serial

from drivers.device import DeviceError, Reason
from drivers.link.node import open_node
from drivers.link.options import choice, flag, integer, take_options
from drivers.link.stream import DescriptorLink
from drivers.link.url import LinkUrl, LinkUrlError

STALL_S = 5.0
"""A serial device that takes no byte for this long is held by flow control or dead."""

_REASONS = {
    errno.ENOENT: Reason.NOT_PRESENT,
    errno.ENODEV: Reason.NOT_PRESENT,
    errno.ENXIO: Reason.NOT_PRESENT,
    errno.EIO: Reason.NOT_PRESENT,
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EBUSY: Reason.BUSY,
    errno.EAGAIN: Reason.BUSY,  # another process holds the exclusive lock
    errno.ENOTTY: Reason.WRONG_DEVICE,
    errno.EINVAL: Reason.UNSUPPORTED,  # a parity or number of bits that this tty has not
}


@dataclass(frozen=True, slots=True)
class SerialOptions:
    """The options of a serial link. `flow`: none, rtscts or xonxoff."""

    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop: int = 1
    flow: str = "none"
    dtr: bool = True


def serial_options(url: LinkUrl) -> SerialOptions:
    """The options in `url`; raises LinkUrlError naming the one that is wrong."""
    if url.host or url.port or not url.path.strip("/"):
        raise LinkUrlError(f"{url}: expected serial:///dev/… (three slashes)")
    given = take_options(url, ("baud", "bits", "parity", "stop", "flow", "dtr"))
    return SerialOptions(
        baud=integer(given, "baud", 9600, 50, 4_000_000),
        bits=integer(given, "bits", 8, 7, 8),
        parity=choice(given, "parity", "N", ("N", "E", "O")),
        stop=integer(given, "stop", 1, 1, 2),
        flow=choice(given, "flow", "none", ("none", "rtscts", "xonxoff")),
        dtr=flag(given, "dtr", True),
    )


async def open_serial(url: LinkUrl) -> DescriptorLink:
    """Open the tty at `url.path`, for this process alone.

    Raises DeviceError with what stood in the way.
    """
    options = serial_options(url)
    port, close = await open_node(url.path, lambda: _open(url, options), _close)
    return DescriptorLink(port.fileno(), close, stall_s=STALL_S)


def _open(url: LinkUrl, options: SerialOptions) -> serial.Serial:
    port = serial.Serial(
        baudrate=options.baud,
        bytesize=options.bits,
        parity=options.parity,
        stopbits=options.stop,
        rtscts=options.flow == "rtscts",
        xonxoff=options.flow == "xonxoff",
        timeout=0,
        inter_byte_timeout=0,  # makes VMIN 1: with 0 a tty that has nothing to say reads as end of file
        write_timeout=0,
        exclusive=True,
    )
    port.port = url.path
    if not options.dtr:
        port.dtr = False
    try:
        port.open()
    except (serial.SerialException, OSError, termios.error, ValueError) as error:
        raise DeviceError(_reason(error), f"{url}: {error}") from error
    return port


def _close(port: serial.Serial) -> None:
    """Close; drop what was not sent first, where the driver can: else the kernel waits for it."""
    with suppress(OSError, termios.error):  # the tty has gone, and what it had not sent with it
        if port.out_waiting:
            port.reset_output_buffer()
    port.close()


def _reason(error: Exception) -> Reason:
    """What `error` of pyserial means.

    It wraps the first OSError and keeps its number, wraps a termios.error and drops it, lets others through as they
    are, and says ValueError for a baud rate that the tty cannot do.
    """
    number = _number(error) or _number(error.__context__)
    if number is None and isinstance(error, ValueError):
        return Reason.UNSUPPORTED
    return _REASONS.get(number or 0, Reason.NOT_PRESENT)


def _number(error: BaseException | None) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    if isinstance(error, termios.error) and error.args:
        return int(error.args[0])
    return None

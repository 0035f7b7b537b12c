"""``serial://`` links: a tty opened and configured by pyserial, then read and written without blocking."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import serial

from drivers.device import DeviceError, Reason
from drivers.link.options import choice, flag, integer, take_options
from drivers.link.stream import DescriptorLink
from drivers.link.url import LinkUrl

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
    port = serial.Serial(
        baudrate=options.baud,
        bytesize=options.bits,
        parity=options.parity,
        stopbits=options.stop,
        rtscts=options.flow == "rtscts",
        xonxoff=options.flow == "xonxoff",
        timeout=0,
        write_timeout=0,
        exclusive=True,
    )
    port.port = url.path
    if not options.dtr:
        port.dtr = False
    try:
        port.open()
    except (serial.SerialException, OSError) as error:
        raise DeviceError(_reason(error), str(error)) from error
    return DescriptorLink(port.fileno(), port.close, stall_s=STALL_S)


def _reason(error: OSError) -> Reason:
    # pyserial wraps the first OSError and keeps its number; a failed exclusive lock comes without one
    number = error.errno if error.errno is not None else getattr(error.__context__, "errno", None)
    return _REASONS.get(number or 0, Reason.NOT_PRESENT)

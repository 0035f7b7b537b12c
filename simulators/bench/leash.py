"""``python -m simulators.bench.leash PARENT COMMAND…``: become COMMAND, which ends when process PARENT ends.

The kernel keeps the promise (Linux prctl(2), PR_SET_PDEATHSIG), so it holds for ``kill -9`` of the bench too. It
survives the exec of an ordinary program; one that changes its user afterwards loses it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_GONE = 3


def main(arguments: list[str]) -> None:
    """Never returns. Exits with PARENT_GONE when there is nobody left to hold the leash."""
    parent, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):  # it went before the kernel knew of the promise
        sys.exit(PARENT_GONE)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])

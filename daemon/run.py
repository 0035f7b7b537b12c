"""``kioskd run``: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from daemon.clock import SystemClock
from daemon.kiosk import Kiosk
from daemon.log import configure_log
from daemon.notify import Notifier
from daemon.settings import DEFAULT_PATH, ConfigurationError, Settings, load_settings
from daemon.slips.book import SlipBook

log = logging.getLogger(__name__)

CONFIGURATION_WRONG = 78
"""EX_CONFIG of sysexits.h: the unit does not restart on it for ever, as no restart would mend it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``kioskd run``."""
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="the configuration (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="log what is only of interest when something is wrong")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again. 78 when it is wrong at the start."""
    configure_log(logging.DEBUG if args.verbose else logging.INFO)
    try:
        settings = load_settings(args.config, os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            log.error("%s", problem)
        return CONFIGURATION_WRONG
    asyncio.run(serve(settings, args.config))
    return 0


async def serve(settings: Settings, path: Path) -> None:
    """Run a kiosk until a signal ends it."""
    kiosk = Kiosk(settings, SystemClock(), Notifier(), SlipBook(path))
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, kiosk.stop)
    loop.add_signal_handler(signal.SIGHUP, _reload, kiosk, path)
    await kiosk.run()


def _reload(kiosk: Kiosk, path: Path) -> None:
    try:
        settings = load_settings(path, os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            log.error("the old configuration stays in force: %s", problem)
        kiosk.reject([str(problem) for problem in error.problems])
        return
    kiosk.reload(settings)

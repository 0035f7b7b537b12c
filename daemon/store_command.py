"""What the commands that look into the store have in common: which database is meant, and what stands in the way."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from daemon.settings import DEFAULT_PATH, ConfigurationError, load_settings
from daemon.store.database import Fault

OK = 0
FAILED = 1


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which database is meant."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="PATH", help="default: %(default)s")
    where.add_argument("--store", type=Path, metavar="PATH", help="the database itself, instead of the configuration's")


def look_into_store(args: argparse.Namespace, look: Callable[[Path], None]) -> int:
    """Call `look` with the path of the database that is meant; the exit code.

    A configuration with errors, and a Fault of the database, are told in the language of `args`.
    """
    try:
        look(args.store or load_settings(args.config, os.environ).store.path)
    except ConfigurationError as error:
        print("\n".join(problem.to(args.language) for problem in error.problems), file=sys.stderr)
        return FAILED
    except Fault as error:
        print(error, file=sys.stderr)
        return FAILED
    return OK

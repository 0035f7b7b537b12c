"""What is asked about readiness."""

from __future__ import annotations

from daemon.commands.base import Command
from daemon.model import Name


class ReadinessCheck(Command):
    """Try everything that visitors rely on, now; the report is printed, too, on the printer that is named."""

    printer: Name | None = None

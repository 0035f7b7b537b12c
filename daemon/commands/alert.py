"""What is asked of alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from daemon.commands.base import Command
from daemon.events import Alert
from daemon.model import Words


class AlertAcknowledge(Command):
    """Somebody has seen an open alert and sees to it. It stays open until its cause is gone."""

    alert: Alert
    about: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    by: Words

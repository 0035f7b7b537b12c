"""The commands of alerts."""

from __future__ import annotations

from daemon.alerts import alerts
from daemon.commands import AlertAcknowledge, Request
from daemon.hall.effects import Effect, Handlers
from daemon.store.database import Transaction


class AlertCommands:
    """What is asked of the open alerts. They are of no configuration: one of before a reload is open all the same."""

    def handlers(self) -> Handlers:
        """What does each command's change."""
        return {AlertAcknowledge: self._acknowledge}

    def _acknowledge(self, transaction: Transaction, command: AlertAcknowledge, _: Request) -> Effect:
        seen = alerts.acknowledge(transaction, command.alert, command.about, command.by)
        return Effect({"acknowledged_by": seen.acknowledged_by})

"""Every code that stands in a status, an event or a reply: what it means, and what to do about it."""

from __future__ import annotations

from daemon.explanations.alerts import ALERTS
from daemon.explanations.commands import REFUSALS, STATUSES
from daemon.explanations.devices import REASONS, SHORTCOMINGS, STATES
from daemon.explanations.explanation import Explanation

__all__ = ["ALERTS", "REASONS", "REFUSALS", "SHORTCOMINGS", "STATES", "STATUSES", "Explanation"]

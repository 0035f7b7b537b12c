"""The report of a check of readiness on paper, for whoever opens the hall (三提前: A art. 26)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from daemon.printing.jobs import enqueue
from daemon.printing.subject import Subject
from daemon.readiness.report import CheckedItem, ReadinessReport
from daemon.settings import Settings
from daemon.slips.order import SlipOrder
from daemon.store.database import Transaction
from daemon.texts import SlipLanguage

TEMPLATE = "readiness"

WANTED_FOR = timedelta(minutes=15)
"""For how long after the check its report may come out: afterwards nobody reads it."""

KINDS: Mapping[str, Mapping[SlipLanguage, str]] = {
    "printer": {"zh-CN": "打印机", "zh-TW": "印表機", "en": "printer"},
    "display": {"zh-CN": "显示屏", "zh-TW": "顯示屏", "en": "display"},
    "panel": {"zh-CN": "评价器", "zh-TW": "評價器", "en": "panel"},
    "phone": {"zh-CN": "电话", "zh-TW": "電話", "en": "phone"},
    "clock": {"zh-CN": "时钟", "zh-TW": "時鐘", "en": "clock"},
    "disk": {"zh-CN": "磁盘", "zh-TW": "磁碟", "en": "disk"},
    "broker": {"zh-CN": "服务器", "zh-TW": "伺服器", "en": "broker"},
}


def order_report(settings: Settings, report: ReadinessReport) -> SlipOrder:
    """The slip of `report`. What did not say how it is stands there as unknown, never as ready."""
    language = settings.ticket.language or settings.language
    data = {
        "hall": settings.ticket.hall_name,
        "kiosk": settings.kiosk,
        "opens_at": f"{report.opens_at:%H:%M}" if report.opens_at is not None else "",
        "checked_at": report.checked_at.isoformat(),
        "devices": [_line(item, language) for item in report.items],
    }
    return SlipOrder(template=TEMPLATE, language=language, data=data)


def _line(item: CheckedItem, language: SlipLanguage) -> dict[str, str]:
    return {
        "name": item.item,
        "kind": KINDS[item.kind][language],
        "state": "unknown" if item.ok is None else item.state,
        "reason": ", ".join(item.reasons),
    }


def queue_report(
    transaction: Transaction, settings: Settings, printer: str, slip: str, report: ReadinessReport
) -> None:
    """Have `report` printed as the slip of this id."""
    deadline = (report.checked_at + WANTED_FOR).timestamp()
    enqueue(transaction, printer, Subject(slip=slip), order_report(settings, report), deadline, command=None)

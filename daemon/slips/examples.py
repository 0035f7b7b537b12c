"""Made-up data for every kind of slip: to try templates with, and to begin from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.slips.models import SLIPS, Slip
from daemon.texts import SlipLanguage, Text


def example(name: str, language: SlipLanguage = "zh-CN") -> Slip:
    """A slip of this kind."""
    return SLIPS[name].model_validate(example_data(name, language))


def example_data(name: str, language: SlipLanguage = "zh-CN") -> dict[str, Any]:
    """The same as ``--data`` takes it."""
    said = {**_COMMON, **_EXAMPLES[name]}
    return {field: _to(value, language) for field, value in said.items()}


def _to(value: Any, language: SlipLanguage) -> Any:
    if isinstance(value, Text):
        return value.zh.translate(_TRADITIONAL) if language == "zh-TW" else value.to(language)
    if isinstance(value, list):
        return [_to(each, language) for each in value]
    if isinstance(value, dict):
        return {key: _to(each, language) for key, each in value.items()}
    return value


_TRADITIONAL = str.maketrans(
    "业个产价务动单医号后图场复对开执报择无显条样楼册点检汇监盖种窗节经结综胶脉荣营补规许评诊该请过采门阅静项齐区权东气内机打办",
    "業個產價務動單醫號後圖場複對開執報擇無顯條樣樓冊點檢匯監蓋種窗節經結綜膠脈榮營補規許評診該請過採門閱靜項齊區權東氣內機打辦",
)
"""The same examples in traditional characters: these words have one for one."""

_COMMON: Mapping[str, Any] = {
    "hall": Text("区政务服务中心", "District Service Centre"),
    "complaint_phone": "12345",
}
_TICKET: Mapping[str, Any] = {
    "notice": Text("过号请重新取号", "A number that was missed is not called again"),
    "number": "A012",
    "service": Text("综合业务（企业开办）", "General services (business registration)"),
    "windows": [Text("1号窗口", "Window 1"), Text("3号窗口", "Window 3")],
    "ahead": 3,
    "issued_at": "2026-03-02T09:05:00",
    "promise": Text("受理后3个工作日办结", "Done within 3 working days"),
}
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ticket": _TICKET,
    "ticket-large": _TICKET,
    "supplement": {
        "number": "A012",
        "item": Text("食品经营许可（新办）", "Food business licence (new)"),
        "applicant": Text("王*明", "J. S."),
        "legal_basis": [Text("《食品经营许可管理办法》第十二条", "Food Business Licensing Measures, art. 12")],
        "missing": [
            {
                "name": Text("营业执照复印件", "Copy of the business licence"),
                "note": Text("1份，加盖公章", "1 copy, with seal"),
            },
            {"name": Text("经营场所平面图", "Plan of the premises"), "note": ""},
            {
                "name": Text("食品安全管理制度", "Food safety rules"),
                "note": Text("原件核对", "bring the original"),
            },
        ],
        "limit": Text("材料补齐后5个工作日内办结", "Done within 5 working days once complete"),
        "window": Text("3号窗口", "Window 3"),
        "staff": "0312",
        "phone": "0931-1234567",
        "issued_at": "2026-03-02T09:20:00",
    },
    "referral": {
        "number": "A012",
        "from_window": Text("3号窗口", "Window 3"),
        "service": Text("不动产登记", "Land registration"),
        "window": Text("12号窗口", "Window 12"),
        "place": Text("二楼东侧B区", "Second floor, east side, area B"),
        "reason": Text("该事项由不动产登记中心办理", "Land registration is done there"),
        "staff": "0312",
        "phone": "0931-1234567",
        "issued_at": "2026-03-02T09:20:00",
    },
    "report-pickup": {
        "hall": Text("市人民医院", "City Hospital"),
        "patient": Text("王*明", "J. S."),
        "record": "00123456",
        "examination": Text("生化全项", "Biochemistry, complete"),
        "taken_at": "2026-03-02T09:20:00",
        "due_at": "2026-03-02T15:20:00",
        "place": Text("门诊一楼自助取单机", "Self-service terminal, ground floor"),
        "hours": "08:00-17:30",
        "code": "R202603020912",
        "phone": "0931-1234567",
    },
    "fee-list": {
        "hall": Text("市人民医院", "City Hospital"),
        "patient": Text("王*明", "J. S."),
        "record": "00123456",
        "items": [
            {
                "name": Text("阿莫西林胶囊0.25g×24粒", "Amoxicillin capsules 0.25 g × 24"),
                "unit": Text("盒", "box"),
                "quantity": 2,
                "price": "12.50",
                "amount": "25.00",
            },
            {
                "name": Text("静脉采血", "Venous blood sample"),
                "unit": Text("次", "time"),
                "quantity": 1,
                "price": "6.00",
                "amount": "6.00",
            },
            {
                "name": Text("生化全项", "Biochemistry, complete"),
                "unit": Text("次", "time"),
                "quantity": 1,
                "price": "1180.00",
                "amount": "1180.00",
            },
        ],
        "total": "1211.00",
        "insurance": "968.80",
        "personal": "242.20",
        "issued_at": "2026-03-02T10:02:00",
    },
    "readiness": {
        "kiosk": "k1",
        "opens_at": "09:00",
        "checked_at": "2026-03-02T08:30:00",
        "devices": [
            {"name": "printer-1", "kind": Text("打印机", "printer"), "state": "ready", "reason": ""},
            {"name": "led-1", "kind": Text("显示屏", "display"), "state": "unknown", "reason": "no-answer"},
            {"name": "panel-1", "kind": Text("评价器", "panel"), "state": "absent", "reason": "not-present"},
        ],
    },
    "test-page": {
        "kiosk": "k1",
        "printer": "printer-1",
        "encoding": "gb18030",
        "printed_at": "2026-03-02T08:31:00",
    },
}

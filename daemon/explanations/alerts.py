"""What each alert asks of a person."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.events import Alert
from daemon.explanations.explanation import Explanation, why

ALERTS: Mapping[Alert, Explanation] = {
    Alert.QUEUE_TOO_LONG: why(
        "一项业务排队的人太多",
        "too many people wait for a service",
        "增开窗口",
        "open another counter for it",
    ),
    Alert.WAIT_TOO_LONG: why(
        "一项业务等候太久，或现在取号预计要等太久",
        "somebody waits too long for a service, or whoever takes a number now will",
        "增开窗口",
        "open another counter for it",
    ),
    Alert.PROMISE_DUE: why("一张小票即将超过承诺时限", "a ticket is soon due", "尽快办结", "finish it soon"),
    Alert.PROMISE_BROKEN: why(
        "一张小票已超过承诺时限", "a ticket is past its promised time", "马上办理并说明原因", "see to it, and say why"
    ),
    Alert.PHONE_UNANSWERED: why(
        "电话铃响超过规定次数仍无人接听", "a telephone rings longer than it may", "马上接听", "answer it"
    ),
    Alert.BAD_RATING: why(
        "收到不满意或非常不满意的评价",
        "a visitor was dissatisfied, or very dissatisfied",
        "核实并整改，然后销号",
        "find out why, put it right, and close its follow-up",
    ),
    Alert.COUNTER_UNATTENDED: why(
        "窗口开着，有人在等，却长时间无人叫号或办理",
        "a counter is open, people wait for it, and nobody calls or serves there",
        "派人到窗口，或暂停、关闭该窗口",
        "send somebody there, or pause or close the counter",
    ),
    Alert.DEVICE_FAULT: why(
        "设备长时间无法工作或没有连接",
        "a device has not worked, or was not there, for a while",
        "看 device/… 中的原因代码",
        "see the reason codes in device/…",
    ),
    Alert.PAPER_LOW: why(
        "打印机的纸快用完或已用完", "a printer's paper is nearly used up, or out", "换纸", "put in a new roll"
    ),
    Alert.NOT_READY: why(
        "开门前检查发现问题",
        "the check before opening found something wrong",
        "看检查报告，开门前处理",
        "see its report, and mend it before opening",
    ),
}

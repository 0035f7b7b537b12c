"""What becomes of a command, and why one is refused."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.commands import Refusal, Status
from daemon.explanations.explanation import Explanation, why

STATUSES: Mapping[Status, Explanation] = {
    Status.ACCEPTED: why("已收下并已存盘，结果随后", "taken and on the disk; the outcome follows"),
    Status.DONE: why("已完成", "done"),
    Status.REJECTED: why(
        "拒绝，什么都没有做",
        "refused before anything happened",
        "看原因代码，改正后用新的 id 再发",
        "see the reason code; send it mended, with a new id",
    ),
    Status.FAILED: why("试过，没有成功", "tried, and it did not work", "看原因代码", "see the reason code"),
    Status.UNCONFIRMED: why(
        "看来已完成，但设备没有确认",
        "done as far as anybody can tell; the device never confirmed it",
        "到现场看一眼；不要盲目重发",
        "look at the device itself; do not send it again blindly",
    ),
    Status.EXPIRED: why(
        "没赶上截止时间，没有做",
        "its deadline passed first; it was not done",
        "需要的话用新的 id 再发",
        "send it again with a new id if it is still wanted",
    ),
}

REFUSALS: Mapping[Refusal, Explanation] = {
    Refusal.RETAINED: why(
        "命令带有保留标志（retain）",
        "the command was a retained message",
        "命令不要带 retain；清除主题上的保留消息",
        "publish commands without retain; clear the retained message from the topic",
    ),
    Refusal.TOO_LARGE: why("命令太大", "the command is too large", "缩短内容", "send less"),
    Refusal.NOT_UTF8: why("不是 UTF-8", "it is not UTF-8", "用 UTF-8 编码", "encode it as UTF-8"),
    Refusal.NOT_JSON: why("不是 JSON", "it is not JSON", "检查引号和括号", "check quotes and brackets"),
    Refusal.INVALID: why(
        "不符合此命令的格式",
        "it does not fit the command's model",
        "详细说明列出了有误的字段",
        "the detail names the fields that are wrong",
    ),
    Refusal.UNKNOWN_COMMAND: why(
        "没有这个命令", "there is no such command", "检查主题的最后两级", "check the last two levels of the topic"
    ),
    Refusal.EXPIRED: why(
        "到达时已过截止时间",
        "its deadline had passed when it came",
        "检查双方的时钟；截止时间放宽",
        "check both clocks; give it a later deadline",
    ),
    Refusal.ID_REUSED: why(
        "这个 id 已用于另一个命令",
        "the id belongs to another command already",
        "每个命令用新的 id",
        "give every command an id of its own",
    ),
    Refusal.UNKNOWN_SERVICE: why(
        "配置中没有这个业务", "the configuration has no such service", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_COUNTER: why(
        "配置中没有这个窗口", "the configuration has no such counter", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_DISPLAY: why(
        "配置中没有这个显示屏", "the configuration has no such display", "见 kioskd check", "see kioskd check"
    ),
    Refusal.COUNTER_CLOSED: why(
        "窗口已停止服务，不能叫号，也不能转到该窗口",
        "the counter is closed: nothing can be called or sent to it",
        "先打开窗口：counter/open",
        "open it first: counter/open",
    ),
    Refusal.COUNTER_PAUSED: why(
        "窗口暂停服务，不能叫号",
        "the counter is paused: nothing can be called to it",
        "先恢复窗口：counter/open",
        "open it again first: counter/open",
    ),
    Refusal.UNKNOWN_ALERT: why(
        "没有这个未解除的告警",
        "no such alert is open",
        "见主题 alerts；可能刚刚解除",
        "see the topic alerts; it may have been cleared just now",
    ),
    Refusal.QUEUE_MODE: why(
        "这个命令不适用于现在的排队方式（queue.mode）",
        "the command does not fit who keeps the queue (queue.mode)",
        "own：ticket/take、ticket/next；external：ticket/print、ticket/register、ticket/call",
        "own: ticket/take and ticket/next; external: ticket/print, ticket/register and ticket/call",
    ),
    Refusal.SERVICE_CLOSED: why(
        "业务不在受理时间内，不发号",
        "the service is closed: it gives no numbers now",
        "见 data 中的 opens_at",
        "see opens_at in the data",
    ),
    Refusal.LIMIT_REACHED: why(
        "业务当天的限号已满",
        "the service has given as many numbers as it serves in a day",
        "见 data 中的 opens_at，或调大该业务的 daily_max",
        "see opens_at in the data, or set a higher daily_max for the service",
    ),
    Refusal.NUMBERS_EXHAUSTED: why(
        "当天的号码已发完",
        "the day's numbers are used up",
        "调大该业务的 last",
        "set a higher last for the service",
    ),
    Refusal.NUMBER_IN_USE: why(
        "当天已有这个号码",
        "there is a ticket with this number today",
        "另一系统当天不可重复给号；补打用 ticket/reprint",
        "the other system gives a number once a day; to print it again there is ticket/reprint",
    ),
    Refusal.UNKNOWN_TICKET: why(
        "没有这张小票",
        "there is no such ticket",
        "检查编号：日期-号码，如 20261121-A012",
        "check its id: day and number, such as 20261121-A012",
    ),
    Refusal.TICKET_OVER: why(
        "这个号码已办结、缺席或作废",
        "the number was finished, withdrawn or put aside",
        "缺席的用 ticket/return 恢复，否则重新取号",
        "bring one that was put aside back with ticket/return, or take a new number",
    ),
    Refusal.NOT_WAITING: why(
        "这个号码不在等候：正在打印，或已被呼叫",
        "the number does not wait: its slip is being printed, or it was called",
        "详细说明中有它现在的状态",
        "the detail says how it stands",
    ),
    Refusal.NOT_ABSENT: why(
        "这个号码没有缺席，不必恢复",
        "the number is not absent: there is nothing to bring back",
        "详细说明中有它现在的状态",
        "the detail says how it stands",
    ),
    Refusal.NOT_SERVED: why(
        "这个窗口不办理该号码的业务，或号码只等另一窗口",
        "the counter does not serve what the number waits for, or it waits for another counter alone",
        "换一个窗口，或先转办（ticket/transfer）",
        "choose another counter, or transfer it first (ticket/transfer)",
    ),
    Refusal.TOO_LATE: why(
        "超过撤销呼叫的时限（queue.undo_s）",
        "the call is too old to be taken back (queue.undo_s)",
        "用 ticket/skip 或 ticket/transfer",
        "there are ticket/skip and ticket/transfer",
    ),
    Refusal.IN_PRINT: why(
        "这张小票或单据正在打印",
        "the slip is on its way to paper already",
        "等打印结果",
        "wait for what becomes of it",
    ),
    Refusal.UNKNOWN_PRINTER: why(
        "配置中没有这台打印机", "the configuration has no such printer", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_SLIP: why(
        "没有打印过这张单据，或时间太久",
        "no such slip was printed, or it was too long ago",
        "检查编号（首次打印的命令 id），或用 slip/print 重新打印",
        "check its id, which is that of the command that printed it first; or print it anew with slip/print",
    ),
    Refusal.NO_PANEL: why(
        "窗口没有配置评价器",
        "the counter has no rating panel",
        "在 counters 表中填写 panel",
        "give the counter a panel in its table",
    ),
    Refusal.NO_TICKET: why(
        "窗口当前没有号码", "the counter serves no number now", "先呼叫下一号", "call the next number first"
    ),
    Refusal.NOTHING_WAITING: why("没有人在等", "nobody is waiting"),
    Refusal.NO_SESSION: why(
        "窗口没有打开的评价", "the counter has no open rating session", "先打开评价", "open one first"
    ),
    Refusal.ALREADY_RATED: why(
        "这张小票或这一事项已经评价过，或正在另一窗口评价（一次一评）",
        "the ticket or item was rated already, or is being rated at another counter: one rating each",
        "不必处理",
        "nothing",
    ),
    Refusal.UNKNOWN_FOLLOWUP: why(
        "没有这个差评整改事项",
        "there is no such follow-up",
        "检查编号：即 bad-rating 告警的 about",
        "check its id: it is what the alert bad-rating is about",
    ),
    Refusal.FOLLOWUP_CLOSED: why("这个差评整改事项已经办结", "the follow-up was closed already", "不必处理", "nothing"),
    Refusal.RANGE_EMPTY: why(
        "这个范围内没有事件",
        "there is no event in this range",
        "检查序号；详细说明中有最新的序号",
        "check the sequence numbers; the detail has the newest",
    ),
    Refusal.RANGE_TOO_LARGE: why(
        "一次要求重发的事件太多",
        "more events than are sent again at a time",
        "分成几段，或给出 limit",
        "ask for a part of it, or give a limit",
    ),
    Refusal.EVENTS_GONE: why(
        "范围内有些事件已不再保存（keep_days）",
        "some events of the range are not kept any more (keep_days)",
        "从详细说明中的序号开始再要求",
        "begin at the sequence that the detail names",
    ),
    Refusal.BROKER_REFUSED: why(
        "MQTT 服务器拒绝了事件",
        "the broker refused an event",
        "检查服务器上自助机的发布权限",
        "check what the kiosk may publish there",
    ),
    Refusal.STORE_FAILED: why(
        "无法存盘，因此没有做",
        "it could not be stored, and so was not done",
        "检查磁盘：是否已满、只读或损坏",
        "look at the disk: full, read-only or damaged",
    ),
    Refusal.BUSY: why("要做的事太多，收不下", "too much is waiting already", "稍后再发", "send it again later"),
    Refusal.INTERRUPTED: why(
        "执行中 kioskd 重新启动，结果不明",
        "kioskd was restarted while it was being done; how it ended is not known",
        "到现场看一眼，再决定是否重发",
        "look at the device itself before you send it again",
    ),
}

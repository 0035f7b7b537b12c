"""Every code that stands in a status, an event or a reply: what it means, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.commands import Refusal, Status
from daemon.events import Alert
from daemon.readiness_report import Shortcoming
from daemon.texts import Text
from drivers.device import Reason, State


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, and what a person should do; `action` is None where there is nothing to do."""

    meaning: Text
    action: Text | None = None


def _why(zh: str, en: str, zh_do: str = "", en_do: str = "") -> Explanation:
    return Explanation(Text(zh, en), Text(zh_do, en_do) if en_do else None)


STATES: Mapping[State, Explanation] = {
    State.READY: _why("可以使用", "it can be relied on"),
    State.DEGRADED: _why(
        "可以使用，但需要尽快处理",
        "it works, and wants attention soon",
        "看原因代码",
        "look at its reason codes",
    ),
    State.FAULTED: _why(
        "已连接并有应答，但无法工作",
        "it is attached and answers, and cannot do its work",
        "看原因代码",
        "look at its reason codes",
    ),
    State.ABSENT: _why(
        "无法打开，或不再应答；kioskd 会一直重试",
        "it cannot be opened, or does not answer any more; kioskd keeps trying",
        "看原因代码，检查电源和连线",
        "look at its reason codes; check power and cable",
    ),
    State.UNKNOWN: _why(
        "已连接，但尚未报告自身状况；不等于正常",
        "it is attached and has not said how it is; this is not the same as well",
        "等它应答；一直如此则检查波特率和型号",
        "wait for its answer; if it stays so, check baud rate and model",
    ),
}

REASONS: Mapping[Reason, Explanation] = {
    Reason.NOT_PRESENT: _why(
        "没有这个设备节点",
        "there is no such device node",
        "插好连线，检查 link 中的路径",
        "plug it in; check the path in its link",
    ),
    Reason.PERMISSION: _why(
        "kioskd 无权打开设备",
        "kioskd may not open the device",
        "kioskd doctor 会指出缺少的是组、udev 规则还是沙箱放行，以及要输入的命令",
        "kioskd doctor says whether a group, a udev rule or the sandbox is to blame, and what to type",
    ),
    Reason.BUSY: _why(
        "设备被别的程序占用",
        "another program holds the device",
        "用 fuser 找出并停掉那个程序（例如 ModemManager）",
        "find that program with fuser and stop it (ModemManager, for example)",
    ),
    Reason.REFUSED: _why(
        "网络设备拒绝连接",
        "the network device refused the connection",
        "检查端口号；许多打印机一次只接受一个连接",
        "check the port; many printers take one connection at a time",
    ),
    Reason.UNREACHABLE: _why(
        "网络上找不到设备",
        "the device cannot be reached over the network",
        "检查地址、网线和设备电源",
        "check address, cable and power",
    ),
    Reason.DISCONNECTED: _why(
        "连接在使用中断开",
        "the line went while it was in use",
        "检查插头和电源；恢复后会自动继续",
        "check plug and power; work goes on by itself when it is back",
    ),
    Reason.NO_ANSWER: _why(
        "设备在限定时间内没有应答",
        "the device did not answer in time",
        "检查电源、波特率和设备地址",
        "check power, baud rate and the device's address",
    ),
    Reason.NOT_DRAINING: _why(
        "设备长时间不接收数据",
        "the device takes no data",
        "检查流控设置（flow）和设备是否缺纸、卡死",
        "check the flow control setting, and whether it is out of paper or hangs",
    ),
    Reason.GARBLED: _why(
        "收到的数据无法识别",
        "what arrives cannot be understood",
        "检查波特率、接线、接地和终端电阻",
        "check baud rate, wiring, earth and line termination",
    ),
    Reason.WRONG_DEVICE: _why(
        "接在这里的是别的设备",
        "something else is plugged in here",
        "检查 link 和 driver 是否对应",
        "check that link and driver belong together",
    ),
    Reason.UNSUPPORTED: _why(
        "这里做不到：设备没有这个功能，或缺少软件包",
        "it cannot be done here: the device has no such function, or a package is missing",
        "看详细说明（detail）",
        "read the detail",
    ),
    Reason.NEVER_ANSWERS: _why(
        "此类设备从不应答：不是故障，也不能证明正常",
        "this kind of device never answers: no fault, and no proof that it is well",
        "到现场看一眼",
        "look at the device itself",
    ),
    Reason.PAPER_NEAR_END: _why("纸快用完", "the paper is nearly used up", "准备换纸", "have a new roll at hand"),
    Reason.PAPER_END: _why("没有纸", "there is no paper", "换纸并合上盖", "put in a new roll and close the cover"),
    Reason.COVER_OPEN: _why("机盖打开", "the cover is open", "合上机盖", "close the cover"),
    Reason.CUTTER_ERROR: _why(
        "切刀卡住", "the cutter is stuck", "断电，取出卡纸，再通电", "switch off, take out the jammed paper, switch on"
    ),
    Reason.HEAD_HOT: _why("打印头过热", "the print head is too hot", "等它冷却", "let it cool; it goes on by itself"),
    Reason.RECOVERABLE_ERROR: _why(
        "可恢复的打印机错误",
        "a printer error that can be recovered from",
        "排除卡纸等原因，必要时断电重启",
        "remove its cause (a jam, mostly); switch off and on if it stays",
    ),
    Reason.UNRECOVERABLE_ERROR: _why(
        "不可恢复的打印机错误",
        "a printer error that cannot be recovered from",
        "断电重启；仍然如此则报修",
        "switch off and on; have it repaired if it comes again",
    ),
    Reason.FEED_BUTTON: _why("有人按着走纸键", "somebody holds the feed button", "松开走纸键", "release the button"),
    Reason.OFFLINE: _why(
        "打印机报告脱机，未说明原因",
        "the printer says that it is off line, and not why",
        "看打印机面板上的指示灯",
        "look at the lamps on the printer",
    ),
    Reason.UNPRINTABLE: _why(
        "文字中有此打印机印不出的字，未打印",
        "the text holds characters that this printer cannot print; nothing was printed",
        "详细说明中有这些字和所需字体的软件包：安装它，或改文字",
        "the detail names them, and the package of a font that has them: install it, or change the text",
    ),
    Reason.REJECTED: _why(
        "显示屏控制卡拒绝了内容",
        "the display's controller said no",
        "详细说明中有控制卡自己的代码；检查屏幕尺寸和字库设置",
        "the detail has the controller's own code; check the screen size and fonts set in it",
    ),
    Reason.TOO_LONG: _why(
        "文字超出显示屏", "the text is longer than the display takes", "缩短文字", "make the text shorter"
    ),
    Reason.SUPERSEDED: _why(
        "还没发出就被更新的文字取代",
        "a newer text took its place before it was sent",
        "不必处理",
        "nothing",
    ),
    Reason.UNSHOWABLE: _why(
        "文字中有此显示屏显示不了的字",
        "the text holds characters that this display cannot show",
        "改文字；详细说明中列出了这些字",
        "change the text; the detail names the characters",
    ),
    Reason.KEY_STUCK: _why("按键卡住", "a key is stuck", "检查评价器上的按键", "look at the panel's keys"),
    Reason.COMMAND_FAILED: _why(
        "调制解调器拒绝了必要的指令",
        "the modem refused a command that is needed",
        "检查型号；看详细说明",
        "check the model; read the detail",
    ),
    Reason.STOPPED: _why("kioskd 已停止或正在停止", "kioskd has stopped, or is stopping"),
}

STATUSES: Mapping[Status, Explanation] = {
    Status.ACCEPTED: _why("已收下并已存盘，结果随后", "taken and on the disk; the outcome follows"),
    Status.DONE: _why("已完成", "done"),
    Status.REJECTED: _why(
        "拒绝，什么都没有做",
        "refused before anything happened",
        "看原因代码，改正后用新的 id 再发",
        "see the reason code; send it mended, with a new id",
    ),
    Status.FAILED: _why("试过，没有成功", "tried, and it did not work", "看原因代码", "see the reason code"),
    Status.UNCONFIRMED: _why(
        "看来已完成，但设备没有确认",
        "done as far as anybody can tell; the device never confirmed it",
        "到现场看一眼；不要盲目重发",
        "look at the device itself; do not send it again blindly",
    ),
    Status.EXPIRED: _why(
        "没赶上截止时间，没有做",
        "its deadline passed first; it was not done",
        "需要的话用新的 id 再发",
        "send it again with a new id if it is still wanted",
    ),
}

REFUSALS: Mapping[Refusal, Explanation] = {
    Refusal.RETAINED: _why(
        "命令带有保留标志（retain）",
        "the command was a retained message",
        "命令不要带 retain；清除主题上的保留消息",
        "publish commands without retain; clear the retained message from the topic",
    ),
    Refusal.TOO_LARGE: _why("命令太大", "the command is too large", "缩短内容", "send less"),
    Refusal.NOT_UTF8: _why("不是 UTF-8", "it is not UTF-8", "用 UTF-8 编码", "encode it as UTF-8"),
    Refusal.NOT_JSON: _why("不是 JSON", "it is not JSON", "检查引号和括号", "check quotes and brackets"),
    Refusal.INVALID: _why(
        "不符合此命令的格式",
        "it does not fit the command's model",
        "详细说明列出了有误的字段",
        "the detail names the fields that are wrong",
    ),
    Refusal.UNKNOWN_COMMAND: _why(
        "没有这个命令", "there is no such command", "检查主题的最后两级", "check the last two levels of the topic"
    ),
    Refusal.EXPIRED: _why(
        "到达时已过截止时间",
        "its deadline had passed when it came",
        "检查双方的时钟；截止时间放宽",
        "check both clocks; give it a later deadline",
    ),
    Refusal.ID_REUSED: _why(
        "这个 id 已用于另一个命令",
        "the id belongs to another command already",
        "每个命令用新的 id",
        "give every command an id of its own",
    ),
    Refusal.UNKNOWN_SERVICE: _why(
        "配置中没有这个业务", "the configuration has no such service", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_COUNTER: _why(
        "配置中没有这个窗口", "the configuration has no such counter", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_DISPLAY: _why(
        "配置中没有这个显示屏", "the configuration has no such display", "见 kioskd check", "see kioskd check"
    ),
    Refusal.COUNTER_CLOSED: _why(
        "窗口已停止服务，不能叫号，也不能转到该窗口",
        "the counter is closed: nothing can be called or sent to it",
        "先打开窗口：counter/open",
        "open it first: counter/open",
    ),
    Refusal.COUNTER_PAUSED: _why(
        "窗口暂停服务，不能叫号",
        "the counter is paused: nothing can be called to it",
        "先恢复窗口：counter/open",
        "open it again first: counter/open",
    ),
    Refusal.UNKNOWN_ALERT: _why(
        "没有这个未解除的告警",
        "no such alert is open",
        "见主题 alerts；可能刚刚解除",
        "see the topic alerts; it may have been cleared just now",
    ),
    Refusal.QUEUE_MODE: _why(
        "这个命令不适用于现在的排队方式（queue.mode）",
        "the command does not fit who keeps the queue (queue.mode)",
        "own：ticket/take、ticket/next；external：ticket/print、ticket/register、ticket/call",
        "own: ticket/take and ticket/next; external: ticket/print, ticket/register and ticket/call",
    ),
    Refusal.SERVICE_CLOSED: _why(
        "业务不在受理时间内，不发号",
        "the service is closed: it gives no numbers now",
        "见 data 中的 opens_at",
        "see opens_at in the data",
    ),
    Refusal.LIMIT_REACHED: _why(
        "业务当天的限号已满",
        "the service has given as many numbers as it serves in a day",
        "见 data 中的 opens_at，或调大该业务的 daily_max",
        "see opens_at in the data, or set a higher daily_max for the service",
    ),
    Refusal.NUMBERS_EXHAUSTED: _why(
        "当天的号码已发完",
        "the day's numbers are used up",
        "调大该业务的 last",
        "set a higher last for the service",
    ),
    Refusal.NUMBER_IN_USE: _why(
        "当天已有这个号码",
        "there is a ticket with this number today",
        "另一系统当天不可重复给号；补打用 ticket/reprint",
        "the other system gives a number once a day; to print it again there is ticket/reprint",
    ),
    Refusal.UNKNOWN_TICKET: _why(
        "没有这张小票",
        "there is no such ticket",
        "检查编号：日期-号码，如 20261121-A012",
        "check its id: day and number, such as 20261121-A012",
    ),
    Refusal.TICKET_OVER: _why(
        "这个号码已办结、缺席或作废",
        "the number was finished, withdrawn or put aside",
        "缺席的用 ticket/return 恢复，否则重新取号",
        "bring one that was put aside back with ticket/return, or take a new number",
    ),
    Refusal.NOT_WAITING: _why(
        "这个号码不在等候：正在打印，或已被呼叫",
        "the number does not wait: its slip is being printed, or it was called",
        "详细说明中有它现在的状态",
        "the detail says how it stands",
    ),
    Refusal.NOT_ABSENT: _why(
        "这个号码没有缺席，不必恢复",
        "the number is not absent: there is nothing to bring back",
        "详细说明中有它现在的状态",
        "the detail says how it stands",
    ),
    Refusal.NOT_SERVED: _why(
        "这个窗口不办理该号码的业务，或号码只等另一窗口",
        "the counter does not serve what the number waits for, or it waits for another counter alone",
        "换一个窗口，或先转办（ticket/transfer）",
        "choose another counter, or transfer it first (ticket/transfer)",
    ),
    Refusal.TOO_LATE: _why(
        "超过撤销呼叫的时限（queue.undo_s）",
        "the call is too old to be taken back (queue.undo_s)",
        "用 ticket/skip 或 ticket/transfer",
        "there are ticket/skip and ticket/transfer",
    ),
    Refusal.IN_PRINT: _why(
        "这张小票或单据正在打印",
        "the slip is on its way to paper already",
        "等打印结果",
        "wait for what becomes of it",
    ),
    Refusal.UNKNOWN_PRINTER: _why(
        "配置中没有这台打印机", "the configuration has no such printer", "见 kioskd check", "see kioskd check"
    ),
    Refusal.UNKNOWN_SLIP: _why(
        "没有打印过这张单据，或时间太久",
        "no such slip was printed, or it was too long ago",
        "检查编号（首次打印的命令 id），或用 slip/print 重新打印",
        "check its id, which is that of the command that printed it first; or print it anew with slip/print",
    ),
    Refusal.NO_PANEL: _why(
        "窗口没有配置评价器",
        "the counter has no rating panel",
        "在 counters 表中填写 panel",
        "give the counter a panel in its table",
    ),
    Refusal.NO_TICKET: _why(
        "窗口当前没有号码", "the counter serves no number now", "先呼叫下一号", "call the next number first"
    ),
    Refusal.NOTHING_WAITING: _why("没有人在等", "nobody is waiting"),
    Refusal.NO_SESSION: _why(
        "窗口没有打开的评价", "the counter has no open rating session", "先打开评价", "open one first"
    ),
    Refusal.ALREADY_RATED: _why(
        "这张小票或这一事项已经评价过，或正在另一窗口评价（一次一评）",
        "the ticket or item was rated already, or is being rated at another counter: one rating each",
        "不必处理",
        "nothing",
    ),
    Refusal.UNKNOWN_FOLLOWUP: _why(
        "没有这个差评整改事项",
        "there is no such follow-up",
        "检查编号：即 bad-rating 告警的 about",
        "check its id: it is what the alert bad-rating is about",
    ),
    Refusal.FOLLOWUP_CLOSED: _why(
        "这个差评整改事项已经办结", "the follow-up was closed already", "不必处理", "nothing"
    ),
    Refusal.RANGE_EMPTY: _why(
        "这个范围内没有事件",
        "there is no event in this range",
        "检查序号；详细说明中有最新的序号",
        "check the sequence numbers; the detail has the newest",
    ),
    Refusal.RANGE_TOO_LARGE: _why(
        "一次要求重发的事件太多",
        "more events than are sent again at a time",
        "分成几段，或给出 limit",
        "ask for a part of it, or give a limit",
    ),
    Refusal.EVENTS_GONE: _why(
        "范围内有些事件已不再保存（keep_days）",
        "some events of the range are not kept any more (keep_days)",
        "从详细说明中的序号开始再要求",
        "begin at the sequence that the detail names",
    ),
    Refusal.BROKER_REFUSED: _why(
        "MQTT 服务器拒绝了事件",
        "the broker refused an event",
        "检查服务器上自助机的发布权限",
        "check what the kiosk may publish there",
    ),
    Refusal.STORE_FAILED: _why(
        "无法存盘，因此没有做",
        "it could not be stored, and so was not done",
        "检查磁盘：是否已满、只读或损坏",
        "look at the disk: full, read-only or damaged",
    ),
    Refusal.BUSY: _why("要做的事太多，收不下", "too much is waiting already", "稍后再发", "send it again later"),
    Refusal.INTERRUPTED: _why(
        "执行中 kioskd 重新启动，结果不明",
        "kioskd was restarted while it was being done; how it ended is not known",
        "到现场看一眼，再决定是否重发",
        "look at the device itself before you send it again",
    ),
}

ALERTS: Mapping[Alert, Explanation] = {
    Alert.QUEUE_TOO_LONG: _why(
        "一项业务排队的人太多",
        "too many people wait for a service",
        "增开窗口",
        "open another counter for it",
    ),
    Alert.WAIT_TOO_LONG: _why(
        "一项业务等候太久，或现在取号预计要等太久",
        "somebody waits too long for a service, or whoever takes a number now will",
        "增开窗口",
        "open another counter for it",
    ),
    Alert.PROMISE_DUE: _why("一张小票即将超过承诺时限", "a ticket is soon due", "尽快办结", "finish it soon"),
    Alert.PROMISE_BROKEN: _why(
        "一张小票已超过承诺时限", "a ticket is past its promised time", "马上办理并说明原因", "see to it, and say why"
    ),
    Alert.PHONE_UNANSWERED: _why(
        "电话铃响超过规定次数仍无人接听", "a telephone rings longer than it may", "马上接听", "answer it"
    ),
    Alert.BAD_RATING: _why(
        "收到不满意或非常不满意的评价",
        "a visitor was dissatisfied, or very dissatisfied",
        "核实并整改，然后销号",
        "find out why, put it right, and close its follow-up",
    ),
    Alert.COUNTER_UNATTENDED: _why(
        "窗口开着，有人在等，却长时间无人叫号或办理",
        "a counter is open, people wait for it, and nobody calls or serves there",
        "派人到窗口，或暂停、关闭该窗口",
        "send somebody there, or pause or close the counter",
    ),
    Alert.DEVICE_FAULT: _why(
        "设备长时间无法工作或没有连接",
        "a device has not worked, or was not there, for a while",
        "看 device/… 中的原因代码",
        "see the reason codes in device/…",
    ),
    Alert.PAPER_LOW: _why(
        "打印机的纸快用完或已用完", "a printer's paper is nearly used up, or out", "换纸", "put in a new roll"
    ),
    Alert.NOT_READY: _why(
        "开门前检查发现问题",
        "the check before opening found something wrong",
        "看检查报告，开门前处理",
        "see its report, and mend it before opening",
    ),
}

SHORTCOMINGS: Mapping[Shortcoming, Explanation] = {
    Shortcoming.CLOCK_WRONG: _why(
        "时钟早于 kioskd 的发布日期",
        "the clock is earlier than kioskd itself",
        "校准时钟：timedatectl；更换主板电池",
        "set the clock: timedatectl; a new battery keeps it",
    ),
    Shortcoming.CLOCK_UNCONFIRMED: _why(
        "时钟看来正确，但没有与时间服务器对过时",
        "the clock may be right, and no time server has confirmed it",
        "对照手表看一眼；最好配置时间服务器",
        "compare it with your watch; better still, name a time server",
    ),
    Shortcoming.DISK_LOW: _why("磁盘快满", "the disk is nearly full", "清理磁盘", "make room on it"),
    Shortcoming.CANNOT_STORE: _why(
        "无法存盘",
        "nothing can be stored",
        "检查磁盘：是否已满、只读或损坏；kioskd doctor",
        "look at the disk: full, read-only or damaged; kioskd doctor",
    ),
    Shortcoming.NO_BROKER: _why(
        "MQTT 服务器没有应答",
        "the broker does not answer",
        "检查网线和服务器；事件都已保存，恢复后会送达",
        "check network and broker; events are kept, and arrive when it is back",
    ),
}

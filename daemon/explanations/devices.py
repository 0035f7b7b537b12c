"""What a device's states and reasons mean, and what the check before opening finds short."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.explanations.explanation import Explanation, why
from daemon.readiness.report import Shortcoming
from drivers.device import Reason, State

STATES: Mapping[State, Explanation] = {
    State.READY: why("可以使用", "it can be relied on"),
    State.DEGRADED: why(
        "可以使用，但需要尽快处理",
        "it works, and wants attention soon",
        "看原因代码",
        "look at its reason codes",
    ),
    State.FAULTED: why(
        "已连接并有应答，但无法工作",
        "it is attached and answers, and cannot do its work",
        "看原因代码",
        "look at its reason codes",
    ),
    State.ABSENT: why(
        "无法打开，或不再应答；kioskd 会一直重试",
        "it cannot be opened, or does not answer any more; kioskd keeps trying",
        "看原因代码，检查电源和连线",
        "look at its reason codes; check power and cable",
    ),
    State.UNKNOWN: why(
        "已连接，但尚未报告自身状况；不等于正常",
        "it is attached and has not said how it is; this is not the same as well",
        "等它应答；一直如此则检查波特率和型号",
        "wait for its answer; if it stays so, check baud rate and model",
    ),
}

REASONS: Mapping[Reason, Explanation] = {
    Reason.NOT_PRESENT: why(
        "没有这个设备节点",
        "there is no such device node",
        "插好连线，检查 link 中的路径",
        "plug it in; check the path in its link",
    ),
    Reason.PERMISSION: why(
        "kioskd 无权打开设备",
        "kioskd may not open the device",
        "kioskd doctor 会指出缺少的是组、udev 规则还是沙箱放行，以及要输入的命令",
        "kioskd doctor says whether a group, a udev rule or the sandbox is to blame, and what to type",
    ),
    Reason.BUSY: why(
        "设备被别的程序占用",
        "another program holds the device",
        "用 fuser 找出并停掉那个程序（例如 ModemManager）",
        "find that program with fuser and stop it (ModemManager, for example)",
    ),
    Reason.REFUSED: why(
        "网络设备拒绝连接",
        "the network device refused the connection",
        "检查端口号；许多打印机一次只接受一个连接",
        "check the port; many printers take one connection at a time",
    ),
    Reason.UNREACHABLE: why(
        "网络上找不到设备",
        "the device cannot be reached over the network",
        "检查地址、网线和设备电源",
        "check address, cable and power",
    ),
    Reason.DISCONNECTED: why(
        "连接在使用中断开",
        "the line went while it was in use",
        "检查插头和电源；恢复后会自动继续",
        "check plug and power; work goes on by itself when it is back",
    ),
    Reason.NO_ANSWER: why(
        "设备在限定时间内没有应答",
        "the device did not answer in time",
        "检查电源、波特率和设备地址",
        "check power, baud rate and the device's address",
    ),
    Reason.NOT_DRAINING: why(
        "设备长时间不接收数据",
        "the device takes no data",
        "检查流控设置（flow）和设备是否缺纸、卡死",
        "check the flow control setting, and whether it is out of paper or hangs",
    ),
    Reason.GARBLED: why(
        "收到的数据无法识别",
        "what arrives cannot be understood",
        "检查波特率、接线、接地和终端电阻",
        "check baud rate, wiring, earth and line termination",
    ),
    Reason.WRONG_DEVICE: why(
        "接在这里的是别的设备",
        "something else is plugged in here",
        "检查 link 和 driver 是否对应",
        "check that link and driver belong together",
    ),
    Reason.UNSUPPORTED: why(
        "这里做不到：设备没有这个功能，或缺少软件包",
        "it cannot be done here: the device has no such function, or a package is missing",
        "看详细说明（detail）",
        "read the detail",
    ),
    Reason.NEVER_ANSWERS: why(
        "此类设备从不应答：不是故障，也不能证明正常",
        "this kind of device never answers: no fault, and no proof that it is well",
        "到现场看一眼",
        "look at the device itself",
    ),
    Reason.PAPER_NEAR_END: why("纸快用完", "the paper is nearly used up", "准备换纸", "have a new roll at hand"),
    Reason.PAPER_END: why("没有纸", "there is no paper", "换纸并合上盖", "put in a new roll and close the cover"),
    Reason.COVER_OPEN: why("机盖打开", "the cover is open", "合上机盖", "close the cover"),
    Reason.CUTTER_ERROR: why(
        "切刀卡住", "the cutter is stuck", "断电，取出卡纸，再通电", "switch off, take out the jammed paper, switch on"
    ),
    Reason.HEAD_HOT: why("打印头过热", "the print head is too hot", "等它冷却", "let it cool; it goes on by itself"),
    Reason.RECOVERABLE_ERROR: why(
        "可恢复的打印机错误",
        "a printer error that can be recovered from",
        "排除卡纸等原因，必要时断电重启",
        "remove its cause (a jam, mostly); switch off and on if it stays",
    ),
    Reason.UNRECOVERABLE_ERROR: why(
        "不可恢复的打印机错误",
        "a printer error that cannot be recovered from",
        "断电重启；仍然如此则报修",
        "switch off and on; have it repaired if it comes again",
    ),
    Reason.FEED_BUTTON: why("有人按着走纸键", "somebody holds the feed button", "松开走纸键", "release the button"),
    Reason.OFFLINE: why(
        "打印机报告脱机，未说明原因",
        "the printer says that it is off line, and not why",
        "看打印机面板上的指示灯",
        "look at the lamps on the printer",
    ),
    Reason.UNPRINTABLE: why(
        "文字中有此打印机印不出的字，未打印",
        "the text holds characters that this printer cannot print; nothing was printed",
        "详细说明中有这些字和所需字体的软件包：安装它，或改文字",
        "the detail names them, and the package of a font that has them: install it, or change the text",
    ),
    Reason.REJECTED: why(
        "显示屏控制卡拒绝了内容",
        "the display's controller said no",
        "详细说明中有控制卡自己的代码；检查屏幕尺寸和字库设置",
        "the detail has the controller's own code; check the screen size and fonts set in it",
    ),
    Reason.TOO_LONG: why(
        "文字超出显示屏", "the text is longer than the display takes", "缩短文字", "make the text shorter"
    ),
    Reason.SUPERSEDED: why(
        "还没发出就被更新的文字取代",
        "a newer text took its place before it was sent",
        "不必处理",
        "nothing",
    ),
    Reason.UNSHOWABLE: why(
        "文字中有此显示屏显示不了的字",
        "the text holds characters that this display cannot show",
        "改文字；详细说明中列出了这些字",
        "change the text; the detail names the characters",
    ),
    Reason.KEY_STUCK: why("按键卡住", "a key is stuck", "检查评价器上的按键", "look at the panel's keys"),
    Reason.COMMAND_FAILED: why(
        "调制解调器拒绝了必要的指令",
        "the modem refused a command that is needed",
        "检查型号；看详细说明",
        "check the model; read the detail",
    ),
    Reason.STOPPED: why("kioskd 已停止或正在停止", "kioskd has stopped, or is stopping"),
}

SHORTCOMINGS: Mapping[Shortcoming, Explanation] = {
    Shortcoming.CLOCK_WRONG: why(
        "时钟早于 kioskd 的发布日期",
        "the clock is earlier than kioskd itself",
        "校准时钟：timedatectl；更换主板电池",
        "set the clock: timedatectl; a new battery keeps it",
    ),
    Shortcoming.CLOCK_UNCONFIRMED: why(
        "时钟看来正确，但没有与时间服务器对过时",
        "the clock may be right, and no time server has confirmed it",
        "对照手表看一眼；最好配置时间服务器",
        "compare it with your watch; better still, name a time server",
    ),
    Shortcoming.DISK_LOW: why("磁盘快满", "the disk is nearly full", "清理磁盘", "make room on it"),
    Shortcoming.CANNOT_STORE: why(
        "无法存盘",
        "nothing can be stored",
        "检查磁盘：是否已满、只读或损坏；kioskd doctor",
        "look at the disk: full, read-only or damaged; kioskd doctor",
    ),
    Shortcoming.NO_BROKER: why(
        "MQTT 服务器没有应答",
        "the broker does not answer",
        "检查网线和服务器；事件都已保存，恢复后会送达",
        "check network and broker; events are kept, and arrive when it is back",
    ),
}

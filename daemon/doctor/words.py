"""The doctor's sentences: what is wrong, and what to do. The commands to type stand with the checks."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.texts import Text

SUBJECTS: Mapping[str, Text] = {
    "configuration": Text("配置", "configuration"),
    "service": Text("服务", "service"),
    "device": Text("设备 {name}", "device {name}"),
    "broker": Text("消息服务器", "broker"),
    "store": Text("数据库", "store"),
    "clock": Text("时钟", "clock"),
    "fonts": Text("字体", "fonts"),
    "doctor": Text("本次检查", "this check"),
}

WELL: Mapping[str, Text] = {
    "configuration": Text("{path} 正确", "{path} is correct"),
    "answers": Text("应答正常", "it answers, and is ready"),
    "never-answers": Text(
        "可以打开；此类设备从不应答，请到现场看一眼",
        "it can be opened; this kind never answers, so look at it yourself",
    ),
    "ready": Text("运行中的 kioskd 报告：{state}", "the running kioskd says: {state}"),
    "connected": Text("{host}:{port} 接受了连接（MQTT {version}）", "{host}:{port} takes us (MQTT {version})"),
    "store": Text("{path} 可写，剩余 {free_mb} MB", "{path} can be written; {free_mb} MB are free"),
    "clock": Text("{now}", "{now}"),
    "fonts": Text("{path}", "{path}"),
}

WORDS: Mapping[str, tuple[Text, Text]] = {
    # configuration and service
    "configuration-closed": (
        Text("当前用户无权读取 {path}", "you may not read {path}"),
        Text("以 root 身份再次运行", "run it again as root"),
    ),
    "same-node": (
        Text("与设备 {other} 指向同一个节点 {node}", "its link leads to {node}, and so does that of device {other}"),
        Text("改正其中一个 link；用 scan 查看各设备的路径", "mend one of the links; scan shows where each device is"),
    ),
    "no-account": (
        Text("服务用户 {user} 不存在", "the service's user {user} does not exist"),
        Text("安装随附的 sysusers 文件", "install the sysusers file that comes with kioskd"),
    ),
    "as-root": (
        Text(
            "不是 root：看不到其他用户的进程和服务的文件",
            "without root, other users' processes and the service's files stay hidden",
        ),
        Text("以 root 身份再次运行可以看到更多", "run it again as root to see more"),
    ),
    "running": (
        Text(
            "kioskd 正在运行（进程 {pid}），因此没有打开任何设备，只询问了它",
            "kioskd is running (process {pid}): no device was opened, it was asked instead",
        ),
        Text("要直接检查设备，先停止服务", "to try the devices themselves, stop the service first"),
    ),
    "perhaps-running": (
        Text(
            "看不出 kioskd 是否在运行，因此没有打开任何设备",
            "whether kioskd is running cannot be seen, so no device was opened",
        ),
        Text("以 root 身份再次运行", "run it again as root"),
    ),
    "mute": (
        Text("kioskd 正在运行，但服务器上没有它的状态", "kioskd is running, and the broker has no status of it"),
        Text("看它的日志", "read its log"),
    ),
    # nodes
    "not-present": (
        Text("没有 {path}", "there is no {path}"),
        Text(
            "插好设备；路径变了则改 link。现有：{present}",
            "plug it in; if it is plugged in elsewhere now, change its link. There are: {present}",
        ),
    ),
    "wrong-device": (
        Text("{path} 不是设备节点", "{path} is no device node"),
        Text("检查 link 中的路径", "check the path in its link"),
    ),
    "wrong-group": (
        Text(
            "{path} 属于组 {group}，而 {user} 不在此组",
            "{path} belongs to group {group}, and {user} is not in it",
        ),
        Text("把 {user} 加入该组，再重启服务", "put {user} into the group, and restart the service"),
    ),
    "no-udev-rule": (
        Text(
            "{path} 只对 {owner}:{group} 开放（{mode}）：缺少 udev 规则",
            "{path} is open to {owner}:{group} only ({mode}): a udev rule is missing",
        ),
        Text("添加规则，让 udev 重新处理", "add a rule, and have udev apply it"),
    ),
    "closed": (
        Text("{user} 无权打开 {path}（{mode} {owner}:{group}）", "{user} may not open {path} ({mode} {owner}:{group})"),
        Text("检查上级目录和访问控制列表", "look at the folders above it and at its access control list"),
    ),
    "restart-for-groups": (
        Text(
            "{user} 已加入组 {group}，但正在运行的服务还不知道",
            "{user} is in group {group} now, and the running service does not know it yet",
        ),
        Text("重启服务", "restart the service"),
    ),
    "sandbox": (
        Text(
            "服务的沙箱不允许打开 {path}（主设备号 {major}）",
            "the service's sandbox keeps {path} closed (major number {major})",
        ),
        Text("用 drop-in 放行", "allow it in a drop-in"),
    ),
    "busy": (
        Text("{path} 被占用：{holders}", "{path} is taken by {holders}"),
        Text("停掉那个程序", "stop that program"),
    ),
    "kernel-driver": (
        Text(
            "内核驱动 {driver} 占用了打印机 {device}",
            "the kernel's driver {driver} holds the printer {device}",
        ),
        Text("让内核放开它", "have the kernel let go of it"),
    ),
    "no-evdev": (
        Text("没有安装 Python 包 evdev", "the Python package evdev is not installed"),
        Text("安装它", "install it"),
    ),
    "no-pyusb": (
        Text("没有安装 Python 包 {package}", "the Python package {package} is not installed"),
        Text("安装它", "install it"),
    ),
    # what a device says
    "wrong-baud": (
        Text("在 {configured} 下无法识别，在 {baud} 下应答正常", "it answers at {baud} baud, not at {configured}"),
        Text("把 link 中的 baud 改为 {baud}：{link}", "write baud={baud} into its link: {link}"),
    ),
    "garbled": (
        Text(
            "收到的数据无法识别：多半是波特率不对{detail}",
            "what arrives makes no sense: mostly a wrong baud rate{detail}",
        ),
        Text(
            "试其他波特率（打印机可能印出几个乱码）",
            "have other rates tried (a printer may print a few stray characters)",
        ),
    ),
    "no-answer": (
        Text("没有应答{detail}", "it does not answer{detail}"),
        Text(
            "检查电源和连线；波特率也可能不对，可以试其他的（打印机可能印出几个乱码）",
            "check power, cable and baud rate: have other rates tried (a printer may print stray characters)",
        ),
    ),
    "wrong-address": (
        Text(
            "地址 {configured} 没有应答，但有控制卡以地址 {address} 应答",
            "nobody answers as address {configured}, and a board does as {address}",
        ),
        Text(
            "把 address 改为 {address}（65534 表示任意一块，仅当线上只有一块时）",
            "write address = {address} for it (65534: whichever is there, where it is alone on its line)",
        ),
    ),
    # broker
    "name-unknown": (
        Text("找不到主机名 {host}：{detail}", "the name {host} is not known: {detail}"),
        Text("检查 host 和域名服务器", "check host, and the name server"),
    ),
    "broker-down": (
        Text("{host}:{port} 拒绝连接：服务器没有运行或端口不对", "{host}:{port} refuses: no broker runs there"),
        Text("启动服务器，或改正 port", "start it, or mend the port"),
    ),
    "broker-unreachable": (
        Text("连不上 {host}:{port}：{detail}", "{host}:{port} cannot be reached: {detail}"),
        Text("检查网线、地址和防火墙", "check cable, address and firewall"),
    ),
    "not-tls": (
        Text("{host}:{port} 上没有 TLS：{detail}", "{host}:{port} does not speak TLS: {detail}"),
        Text("改正 port（TLS 通常为 8883），或设 tls = false", "mend the port (8883, mostly), or tls = false"),
    ),
    "not-plain": (
        Text("{host}:{port} 不应答：它可能只接受 TLS", "{host}:{port} says nothing to us: it may want TLS"),
        Text("设 tls = true，或改正 port", "tls = true, or mend the port"),
    ),
    "certificate-expired": (
        Text("服务器的证书已过期", "the broker's certificate has expired"),
        Text("在服务器上更换证书；本机时钟也要正确", "renew it at the broker; and the clock here must be right"),
    ),
    "certificate-not-yet": (
        Text(
            "服务器的证书尚未生效：本机时钟可能不对", "the broker's certificate is not valid yet: is the clock wrong?"
        ),
        Text("校准本机时钟", "set the clock"),
    ),
    "certificate-name": (
        Text("服务器的证书不是给 {host} 的：{detail}", "the broker's certificate is not for {host}: {detail}"),
        Text(
            "host 写证书中的名称，或重新制作证书",
            "write the name of the certificate as host, or make one for this name",
        ),
    ),
    "certificate-authority": (
        Text("服务器的证书不受信任：{detail}", "the broker's certificate is not trusted: {detail}"),
        Text("ca_file 应为签发它的机构的证书", "ca_file must be the authority that signed it"),
    ),
    "own-certificate": (
        Text("{detail}", "{detail}"),
        Text("更换 cert_file 和 key_file，不需要重启", "renew cert_file and key_file; no restart is needed"),
    ),
    "own-certificate-expired": (
        Text("本机证书 {path} 已于 {date} 过期", "our certificate {path} expired on {date}"),
        Text("更换 cert_file 和 key_file，不需要重启", "renew cert_file and key_file; no restart is needed"),
    ),
    "own-certificate-soon": (
        Text("本机证书 {path} 将于 {date} 过期", "our certificate {path} expires on {date}"),
        Text("在此之前更换，不需要重启", "renew it before; no restart is needed"),
    ),
    "tls-file": (
        Text("{detail}", "{detail}"),
        Text("改正文件或其权限", "mend the file, or who may read it"),
    ),
    "file-closed": (
        Text("{user} 无权读取 {path}", "{user} may not read {path}"),
        Text("放开组的读权限", "let its group read it"),
    ),
    "password-hidden": (
        Text(
            "可以连到，但当前用户无权读取密码，因此没有登录",
            "it can be reached; you may not read the password, so no log-in was tried",
        ),
        Text("以 root 身份再次运行", "run it again as root"),
    ),
    "wrong-password": (
        Text("服务器拒绝了用户 {user}：{detail}", "the broker refuses the user {user}: {detail}"),
        Text(
            "核对用户名和密码，或在服务器上重设",
            "check user name and password, or set the password anew at the broker",
        ),
    ),
    "broker-refuses": (
        Text("服务器拒绝了连接：{detail}", "the broker refuses us: {detail}"),
        Text("看服务器的日志", "read the broker's log"),
    ),
    "acl": (
        Text(
            "服务器不允许用户 {user} 发布到 {topic}：{detail}",
            "the broker does not let the user {user} publish to {topic}: {detail}",
        ),
        Text("改正服务器上的访问控制表（docs/broker.zh-CN.md）", "mend the broker's access list (docs/broker.md)"),
    ),
    "events-refused": (
        Text("服务器拒收 {count} 个事件（已保存，会再发）", "the broker refuses {count} events (kept, offered again)"),
        Text("改正服务器上的访问控制表（docs/broker.zh-CN.md）", "mend the broker's access list (docs/broker.md)"),
    ),
    # store
    "store-permission": (
        Text("{user} 不能写 {path}", "{user} may not write {path}"),
        Text("改正属主", "mend its owner"),
    ),
    "store-missing": (
        Text("没有目录 {path}", "there is no folder {path}"),
        Text("建立它", "make it"),
    ),
    "store-read-only": (
        Text("{path} 所在的文件系统是只读的", "the file system of {path} is read-only"),
        Text(
            "看内核日志（多半是磁盘故障），然后重新挂载",
            "read the kernel's log (a failing disk, mostly), then mount it anew",
        ),
    ),
    "disk-full": (
        Text("{path} 所在的磁盘已满：剩余 {free_mb} MB", "the disk of {path} is full: {free_mb} MB are free"),
        Text("腾出空间；什么占用最多：", "make room; what takes most:"),
    ),
    "store-held": (
        Text(
            "{path} 被进程 {pid}（{name}）占用，它不是本服务",
            "{path} is held by process {pid} ({name}), which is not the service",
        ),
        Text("停掉它，再启动服务", "stop it, and start the service"),
    ),
    "store-damaged": (
        Text("{path} 不是 kioskd 的数据库", "{path} is no database of kioskd"),
        Text(
            "kioskd 启动时会另存它并新建一个；有备份则先恢复",
            "kioskd puts it aside and begins a new one; restore a backup first if there is one",
        ),
    ),
    "store-failing": (
        Text("运行中的 kioskd 报告：无法存盘", "the running kioskd says that it cannot store"),
        Text("看它的日志；磁盘恢复后会自动继续", "read its log; it goes on by itself once the disk does"),
    ),
    # the rest
    "clock-past": (
        Text(
            "现在是 {now}，早于 {mark}（{what}）：时钟不对",
            "it says {now}, which is before {mark} ({what}): it is wrong",
        ),
        Text(
            "校准时钟；断电后又错则更换主板电池", "set it; if it is wrong again after a power cut, change its battery"
        ),
    ),
    "no-font": (
        Text("没有安装中文字体", "no Chinese font is installed"),
        Text(
            "安装一个：打印机字库没有的字要用它来画",
            "install one: it draws the characters that a printer's own font lacks",
        ),
    ),
    "no-rare-font": (
        Text("没有安装生僻字字体", "no font for rare characters is installed"),
        Text(
            "安装一个：没有它，姓名里有 {example} 这类字的小票会被拒绝",
            "install one: without it a slip with a name such as {example} in it is refused",
        ),
    ),
    "no-latin-font": (
        Text("没有安装西文等宽字体", "no monospaced Latin font is installed"),
        Text(
            '安装一个：encoding = "raster" 的打印机，字母和数字也要用它来画',
            'install one: for a printer of encoding = "raster" letters and digits are drawn, too',
        ),
    ),
}

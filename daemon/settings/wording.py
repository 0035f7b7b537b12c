"""The sentences of configuration errors and warnings. No sentence has a place for a value that could be a secret."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.texts import Text

EXPECTED: Mapping[str, Text] = {
    # by pydantic's error types; the placeholders are its contexts'
    "missing": Text("缺少此项，必须填写", "missing: it has no default"),
    "int_type": Text("应为整数", "expected a whole number"),
    "int_parsing": Text("应为整数", "expected a whole number"),
    "int_from_float": Text("应为整数", "expected a whole number"),
    "int_parsing_size": Text("数值过大", "the number is too large"),
    "float_type": Text("应为数字", "expected a number"),
    "float_parsing": Text("应为数字", "expected a number"),
    "finite_number": Text("应为有限的数字", "expected a finite number"),
    "bool_type": Text("应为 true 或 false", "expected true or false"),
    "bool_parsing": Text("应为 true 或 false", "expected true or false"),
    "string_type": Text("应为文字", "expected a text in quotes"),
    "string_unicode": Text("应为有效的 UTF-8 文字", "expected valid UTF-8 text"),
    "string_too_short": Text("不能为空", "must not be empty"),
    "string_too_long": Text("最多 {max_length} 个字符", "expected at most {max_length} characters"),
    "greater_than": Text("应大于 {gt}", "expected more than {gt}"),
    "greater_than_equal": Text("应不小于 {ge}", "expected at least {ge}"),
    "less_than": Text("应小于 {lt}", "expected less than {lt}"),
    "less_than_equal": Text("应不大于 {le}", "expected at most {le}"),
    "literal_error": Text("应为下列之一：{expected}", "expected one of {expected}"),
    "enum": Text("应为下列之一：{expected}", "expected one of {expected}"),
    "tuple_type": Text('应为列表，例如 ["a", "b"]', 'expected a list, for example ["a", "b"]'),
    "list_type": Text('应为列表，例如 ["a", "b"]', 'expected a list, for example ["a", "b"]'),
    "too_short": Text("至少应有 {min_length} 项", "expected at least {min_length}"),
    "too_long": Text("最多 {max_length} 项", "expected at most {max_length}"),
    "dict_type": Text("应为表", "expected a table"),
    "mapping_type": Text("应为表", "expected a table"),
    "model_type": Text("应为表", "expected a table"),
    # kioskd's own
    "unknown-key": Text("没有这个设置项", "there is no such key"),
    "name": Text(
        "应为 1 到 32 个小写字母、数字、- 或 _（用于 MQTT 主题）",
        "expected 1 to 32 lower-case letters, digits, - or _ (it stands in MQTT topics)",
    ),
    "one-line": Text("应为一行文字，不含控制字符", "expected one line without control characters"),
    "limit": Text('应为时限，如 "10 min"、"6 h"、"4 days"', 'expected a limit like "10 min", "6 h" or "4 days"'),
    "time": Text('应为时刻，如 "07:30"', 'expected a time like "07:30"'),
    "calendar": Text("日历文件 {path}：{detail}", "in {path}: {detail}"),
    "opening": Text(
        '应为时段，如 "08:30-11:30"，或 "calendar"（日历的工作时间）',
        'expected hours like "08:30-11:30", or "calendar" for those of the calendar',
    ),
    "letters": Text("应为最多 3 个大写字母", "expected up to 3 capital letters"),
    "host": Text("应为主机名或地址，不带协议和端口", "expected a host name or address, without scheme and port"),
    "root": Text(
        "应为 MQTT 主题，各级不为空，不含 + # 和控制字符，占位符只有 {hall} 和 {kiosk}",
        "expected an MQTT topic without empty levels, +, # and control characters; it may hold {hall} and {kiosk}",
    ),
    "call": Text(
        "应含 {number}（号码），可含 {counter}（窗口），没有其他花括号",
        "expected a text with {number} in it, perhaps {counter}, and no other braces",
    ),
    "quiet": Text(
        '应为时段，如 "12:00-13:30"，不跨午夜',
        'expected hours like "12:00-13:30", which end after they begin and by 24:00',
    ),
    "absolute": Text("应为绝对路径", "expected an absolute path"),
    "range": Text("last 应不小于 first", "expected last to be at least first"),
    "tls-off": Text("只在 tls = true 时有效", "has a meaning only with tls = true"),
    "pair": Text("cert_file 与 key_file 必须同时填写", "cert_file and key_file are given together or not at all"),
    "username": Text("有密码时必须填写用户名", "missing: a password needs a user name"),
    "profile": Text("没有这种窗口类型；可用：{known}", "there is no such profile; known are {known}"),
    "driver": Text("没有这种驱动；可用：{known}", "there is no such driver; known are {known}"),
    "scheme": Text("驱动 {driver} 只能用：{known}", "driver {driver} is plugged into {known} links"),
    "link": Text("连接地址有误：{detail}", "not a link: {detail}"),
    "no-user": Text("连接地址不带用户名和密码", "a link carries no user name or password"),
    "same-link": Text("与设备 {other} 的连接相同", "device {other} has the same link"),
    "no-device": Text("没有设备“{name}”", "there is no device {name!r}"),
    "wrong-kind": Text("设备 {name} 不是{zh_kind}", "device {name} is no {kind}: its driver makes it a {is_kind}"),
    "no-service": Text("没有业务“{name}”", "there is no service {name!r}"),
    "named-twice": Text("重复列出“{name}”", "{name!r} is listed twice"),
    "taken": Text("设备 {name} 已属于窗口 {counter}", "device {name} belongs to counter {counter} already"),
    "same-prefix": Text("与业务 {other} 的前缀相同", "service {other} has the same prefix"),
    "password-in-file": Text(
        "密码不写在此文件中：请用 password_file、systemd 凭据 mqtt-password 或环境变量",
        "no password stands in this file: use password_file, the systemd credential mqtt-password or the environment",
    ),
    "said": Text("{detail}", "{detail}"),
    # the file and the environment as wholes
    "no-file": Text("没有这个文件", "there is no such file"),
    "not-readable": Text("无法读取：{detail}", "cannot be read: {detail}"),
    "not-regular": Text("不是普通文件", "is not a regular file"),
    "too-large": Text("文件大于 {bytes} 字节", "the file is larger than {bytes} bytes"),
    "not-utf8": Text("不是 UTF-8 编码，请另存为 UTF-8", "not UTF-8: save it as UTF-8"),
    "syntax": Text("TOML 语法错误：{detail}", "TOML syntax error: {detail}"),
    "variable": Text(
        "变量名应为 KIOSKD_KEY、KIOSKD_TABLE__KEY 或 KIOSKD_TABLE__NAME__KEY",
        "expected KIOSKD_KEY, KIOSKD_TABLE__KEY or KIOSKD_TABLE__NAME__KEY",
    ),
    "overlap": Text("同时设置了整个表和表中的项", "a table and a key inside it are both set"),
    "secret": Text("应为一行文字（UTF-8），不为空", "expected a file with one line of UTF-8 text"),
}

WARNINGS: Mapping[str, Text] = {
    "world-readable": Text("{path}：任何用户都可读取此密码文件", "{path}: every user can read this password file"),
    "not-readable": Text("mqtt.{key}：无法读取文件 {path}", "mqtt.{key}: {path} cannot be read"),
    "unserved": Text("services.{name}：没有窗口办理此业务", "services.{name}: no counter serves it"),
}

KINDS: Mapping[str, Text] = {
    "printer": Text("打印机", "printer"),
    "display": Text("显示屏", "display"),
    "panel": Text("评价器", "panel"),
    "phone": Text("电话", "phone"),
}

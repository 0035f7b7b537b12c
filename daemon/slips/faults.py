"""What is wrong with a slip: with its template, at which line, or with its data, at which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.texts import Language, Text


@dataclass(frozen=True, slots=True)
class SlipFault:
    """One error. `line` counts the template's own lines; `nearest` is what would have been right."""

    what: Text
    line: int | None = None
    file: str = ""
    nearest: str | None = None

    def to(self, language: Language) -> str:
        """The whole error in one line."""
        place = ":".join(part for part in (self.file, str(self.line) if self.line and self.file else "") if part)
        if self.line and not self.file:
            place = Text(f"第 {self.line} 行", f"line {self.line}").to(language)
        hint = Text(f"；是否应为“{self.nearest}”？", f"; did you mean {self.nearest!r}?").to(language)
        return ": ".join(part for part in (place, self.what.to(language)) if part) + (hint if self.nearest else "")


class SlipError(Exception):
    """The slip cannot be laid out. No ValueError: pydantic passes it through as it is."""

    def __init__(self, what: Text, line: int | None = None, *, file: str = "", nearest: str | None = None) -> None:
        self.fault = SlipFault(what, line, file, nearest)
        super().__init__(self.fault.to("en"))

    def at(self, line: int | None = None, file: str = "") -> SlipError:
        """The same error, with its place where it had none."""
        mine = self.fault
        return SlipError(mine.what, mine.line or line, file=mine.file or file, nearest=mine.nearest)


def sentence(name: str, /, **values: object) -> Text:
    """A sentence of `SENTENCES` with its values in place."""
    return SENTENCES[name].fill(**values)


SENTENCES: Mapping[str, Text] = {
    # the markup
    "control": Text("含控制字符 {code}", "holds the control character {code}"),
    "backslash": Text("行尾不能是单独的 \\", "ends in a lone \\"),
    "hex": Text("\\x 之后应为两位十六进制数", "expected two hexadecimal digits after \\x"),
    "braces": Text(
        "{{ }} 只用于单独一行的属性；作为文字请写 \\{{ 和 \\}}",
        "{{ and }} enclose properties, which stand alone in their line; as text they are \\{{ and \\}}",
    ),
    "single": Text("属性应单独占一行，不能与其他列并列", "a property stands alone in its line"),
    "member": Text("属性应写成 名称:值，多项之间用 ;", "expected key:value, with ; between several"),
    "key": Text("没有属性“{key}”；可用：{known}", "there is no property {key!r}; known are {known}"),
    "command": Text(
        "不支持 command：模板不能直接向打印机发送指令",
        "command is not supported: no template sends bytes of its own to a printer",
    ),
    "one-of": Text("{key} 应为下列之一：{known}", "{key}: expected one of {known}"),
    "widths": Text(
        "width 应为 auto，或各列宽度：数字或 *，用空格或逗号隔开",
        "width: expected auto, or the columns' widths: numbers or *, with spaces or commas between",
    ),
    "option": Text("option 不能有“{word}”", "option: {word!r} is none"),
    "empty-code": Text("code 没有内容", "code: there is no data"),
    "long-code": Text("二维码内容最多 {most} 字节", "code: a QR code holds at most {most} bytes here"),
    "code": Text("code 有误：{detail}", "code: {detail}"),
    "image": Text("image 应为 Base64 编码的 PNG", "image: expected a PNG picture in Base64"),
    # the layout
    "too-many-columns": Text(
        "{wanted} 列放不下：纸宽只有 {columns} 个字符",
        "{wanted} columns do not stand side by side on paper {columns} characters wide",
    ),
    "too-wide": Text(
        "“{character}”放大后宽 {needed}，所在列只有 {width}",
        "{character!r} is {needed} wide at this size, and its column only {width}",
    ),
    "code-too-wide": Text(
        "码宽 {dots} 点，这里只有 {room} 点", "the code is {dots} dots wide, and there is room for {room} here"
    ),
    "image-too-large": Text(
        "图片 {width}×{height} 点，最大 {room}×{most}",
        "the picture is {width}×{height} dots; there is room for {room}×{most}",
    ),
    "too-long": Text("内容超过 {most} 行", "the slip has more than {most} lines"),
    # the template
    "not-readable": Text("无法读取：{detail}", "cannot be read: {detail}"),
    "too-large": Text("模板大于 {bytes} 字节", "the template is larger than {bytes} bytes"),
    "not-utf8": Text("不是 UTF-8 编码，请另存为 UTF-8", "not UTF-8: save it as UTF-8"),
    "syntax": Text("模板语法错误：{detail}", "template syntax: {detail}"),
    "tag": Text(
        "不支持此标签；可用 if、for、set 变量 = 值", "this tag is not supported; if, for, and set name = value are"
    ),
    "unknown-field": Text("没有字段“{name}”", "there is no field {name!r}"),
    "failed": Text("模板出错：{detail}", "the template failed: {detail}"),
    "no-text": Text(
        "{kind} 不能直接打印，请用过滤器（date、time、moment、money）",
        "a {kind} is no text: use a filter (date, time, moment, money)",
    ),
    "no-reprint-mark": Text(
        "补打的小票上看不出是补打。请在号码上方加三行：{{% if reprint %}}、`~补打~`、{{% endif %}}（{marks} 都可以）",
        "a reprint looks like the first slip. Add three lines above the number: {{% if reprint %}}, `~补打~`, "
        "{{% endif %}} (any of {marks} will do)",
    ),
    "unknown-template": Text("没有模板“{name}”", "there is no template {name!r}"),
    "unknown-language": Text("没有语言“{name}”", "there is no language {name!r}"),
    # what becomes of it
    "no-font": Text(
        "没有安装可用的字体：apt install {package}", "no font with these characters is installed: apt install {package}"
    ),
    "unprintable": Text("打印机无法打印：{detail}", "no printer can print it: {detail}"),
    # the data
    "field": Text("{field}: {expected}", "{field}: {expected}"),
    "data-control": Text("含控制字符 {code}，不能打印", "holds the control character {code}, which no slip carries"),
    "not-json": Text("数据不是 JSON：{detail}", "the data is not JSON: {detail}"),
    "not-object": Text("数据应为 JSON 对象", "expected a JSON object"),
    "sum": Text("应等于各项之和 {sum}", "expected the sum of the items, {sum}"),
    "shares": Text("与其他支付之和应等于 total", "expected the parts paid to add up to total"),
    "no-items": Text("至少应有一项", "expected at least one"),
}

"""What kioskd says to people, on boards and on the terminal: Simplified Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

SlipLanguage = Literal["zh-CN", "zh-TW", "en"]
SLIP_LANGUAGES: tuple[SlipLanguage, ...] = get_args(SlipLanguage)
"""What slips are in: their words stand in templates, of which there may be one more language."""


class Text(NamedTuple):
    """The same words in both languages; `{name}` stands for a value."""

    zh: str
    en: str

    def to(self, language: Language) -> str:
        return self.zh if language == "zh-CN" else self.en

    def fill(self, **values: object) -> Text:
        """The text with its values in place. A value is never read as a placeholder itself."""
        return Text(self.zh.format(**values), self.en.format(**values))


WORDS: Mapping[str, Text] = {
    # boards
    "call": Text("请{number}到{counter}", "{number} to {counter}"),
    "open": Text("正在服务", "Open"),
    "paused": Text("暂停服务", "Paused"),
    "closed": Text("停止服务", "Closed"),
    "staff": Text("工号{staff}", "No. {staff}"),
    # after personal data was erased
    "beyond-reach": Text(
        "已发送给订阅者的事件和数据库的备份不在其内，请在那里另行删除",
        "what subscribers have received, and backups of the database, are beyond reach: erase it there too",
    ),
    # the five levels of 好差评
    "level-5": Text("非常满意", "Very satisfied"),
    "level-4": Text("满意", "Satisfied"),
    "level-3": Text("基本满意", "Fairly satisfied"),
    "level-2": Text("不满意", "Dissatisfied"),
    "level-1": Text("非常不满意", "Very dissatisfied"),
}


def word(key: str, language: Language, **values: object) -> str:
    """The words for `key`, with its values in place; raises KeyError for a key, or for a value that is not given."""
    return WORDS[key].fill(**values).to(language)


def terminal_language(environ: Mapping[str, str]) -> Language:
    """The language of whoever sits at the terminal, by the order in which POSIX reads its variables."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "zh-CN" if locale.lower().startswith("zh") else "en"

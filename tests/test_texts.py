"""The words for people: both languages say the same, with the same values, and no code goes unexplained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

from daemon import __main__ as command
from daemon import explanations, texts
from daemon.commands import Refusal, Status
from daemon.events import Alert
from daemon.explanations import ALERTS, REASONS, REFUSALS, SHORTCOMINGS, STATES, STATUSES, Explanation
from daemon.readiness.report import Shortcoming
from daemon.settings import wording
from daemon.texts import LANGUAGES, Language, Text, terminal_language, word
from drivers.device import Reason, State

DOCS = Path(__file__).parent.parent / "docs"
PAGES: Mapping[Language, str] = {"en": "statuses.md", "zh-CN": "statuses.zh-CN.md"}
TABLES: tuple[Mapping[StrEnum, Explanation], ...] = (
    *(STATES, REASONS, STATUSES, REFUSALS),
    *(ALERTS, SHORTCOMINGS),
)  # type: ignore[assignment]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def every_text() -> Iterator[tuple[str, Text]]:
    for words in (texts.WORDS, wording.EXPECTED, wording.WARNINGS, wording.KINDS):
        yield from words.items()
    for name, (_, summary) in command.COMMANDS.items():
        yield f"command {name}", summary
    for module in (command, explanations):
        yield from ((name, value) for name, value in vars(module).items() if isinstance(value, Text))
    for table in TABLES:
        for code, why in table.items():
            yield str(code), why.meaning
            if why.action:
                yield str(code), why.action


@pytest.mark.parametrize(("key", "text"), [pytest.param(key, text, id=key) for key, text in every_text()])
def test_both_languages_say_it_with_the_same_values(key: str, text: Text) -> None:
    assert text.zh
    assert text.en
    # a sentence may need a word for a kind of device in its own language
    translated = {"zh_kind": "kind"}
    zh = {translated.get(name, name) for name in placeholders(text.zh)}
    assert zh <= placeholders(text.en)
    assert placeholders(text.en) - zh <= {"is_kind"}


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (State, STATES),
        (Reason, REASONS),
        (Status, STATUSES),
        (Refusal, REFUSALS),
        (Alert, ALERTS),
        (Shortcoming, SHORTCOMINGS),
    ],
)
def test_every_code_is_explained(codes: Iterable[StrEnum], table: Mapping[StrEnum, Explanation]) -> None:
    assert list(table) == list(codes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_statuses_says_the_same_as_the_program(language: Language) -> None:
    page = (DOCS / PAGES[language]).read_text()
    rows = {line for line in page.splitlines() if line.startswith("| `")}
    expected = {
        f"| `{code}` | {why.meaning.to(language)} | {why.action.to(language) if why.action else '–'} |"
        for table in TABLES
        for code, why in table.items()
    }
    assert rows == expected


def test_the_call_on_a_board() -> None:
    assert word("call", "zh-CN", number="A012", counter="3号窗口") == "请A012到3号窗口"
    assert word("call", "en", number="A012", counter="Window 3") == "A012 to Window 3"


def test_a_value_is_never_read_as_a_placeholder() -> None:
    assert word("call", "en", number="{counter}", counter="{0}") == "{counter} to {0}"


@pytest.mark.parametrize("values", [{}, {"number": "A1"}])
def test_a_missing_value_is_a_mistake(values: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        word("call", "en", **values)


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh-CN"),
    ],
)
def test_the_language_of_the_terminal(environ: dict[str, str], language: Language) -> None:
    assert terminal_language(environ) == language

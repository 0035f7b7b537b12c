"""Tables for the terminal."""

from __future__ import annotations

import pytest

from daemon.columns import columns, width


@pytest.mark.parametrize(
    ("text", "wide"),
    [("", 0), ("A012", 4), ("1号窗口", 7), ("（医保）", 8), ("–", 1), ("e\u0301", 1), ("𠮷", 2)],
)
def test_how_wide_a_text_is(text: str, wide: int) -> None:
    assert width(text) == wide


def test_columns_stand_below_each_other() -> None:
    assert list(columns([["NAME", "PHONE"], ["综合业务", "–"], ["a", ""]])) == ["NAME      PHONE", "综合业务  –", "a"]


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(columns([["a", "b"], ["c"]]))

"""What a code means, and what a person should do about it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.texts import Text


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, and what a person should do; `action` is None where there is nothing to do."""

    meaning: Text
    action: Text | None = None


def why(zh: str, en: str, zh_do: str = "", en_do: str = "") -> Explanation:
    """An explanation in both languages."""
    return Explanation(Text(zh, en), Text(zh_do, en_do) if en_do else None)
